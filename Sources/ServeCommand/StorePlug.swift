import ArtifactStores
import ModelHosting
import ModelLoading
import Settings
import Supervisor

#if canImport(Glibc)
import Glibc
#elseif canImport(Musl)
import Musl
#elseif canImport(Darwin)
import Darwin
#endif

/// How the supervisor comes by models.
enum StorePlug {
  /// The store of a server, and the model that is there without asking anybody: a file or folder of this machine.
  static func open(_ plan: LaunchPlan) throws(StartError) -> (store: any ModelStore, first: ModelArtifact?) {
    let settings = plan.settings
    let location: ArtifactLocation?
    do throws(StoreError) {
      location =
        plan.isFleet
        ? try plan.storeLocation.map { text throws(StoreError) in try ArtifactLocation(text) }
        : try ArtifactLocation(plan.modelLocation)
    } catch {
      throw StartError(.usage, error.description)
    }
    if plan.isFleet, settings[.sha256] != nil {
      throw StartError(.usage, "sha256 names one artifact: it does not go with several models")
    }
    let store = LibraryStore(settings, location: location, isFleet: plan.isFleet)
    guard let location, case .file(let path) = location else { return (store, nil) }
    if plan.isFleet {
      guard access(path, R_OK | X_OK) == 0 else {
        throw StartError(.noModel, "cannot read the folder \(path): \(String(cString: strerror(errno)))")
      }
      return (store, nil)
    }
    if settings[.management] != .off || settings[.refreshInterval] != .zero, settings[.model] != nil,
      store.mayBePinned(location), let pinned = store.pinned(location)
    {
      return (store, pinned)
    }
    if ArchiveExtractor.isArchive(path) || settings[.sha256] != nil || settings[.modelVersion] != "latest"
      || (ArtifactLibrary.hasVersions(path) && (try? ModelLoader().modelFile(path)) == nil)
    {
      return (store, try store.fetchNow(path))
    }
    do throws(LoadError) {
      _ = try ModelLoader().modelFile(path)
    } catch {
      throw ModelPlug.startError(error)
    }
    store.noteLocal(path)
    return (store, ModelArtifact(path: path, digest: "", fingerprint: "", bytes: 0, url: path))
  }
}
