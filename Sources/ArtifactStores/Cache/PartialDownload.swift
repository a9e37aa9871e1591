#if canImport(Glibc)
import Glibc
#elseif canImport(Musl)
import Musl
#elseif canImport(Darwin)
import Darwin
#endif

extension ArtifactCache {
  /// A folder in `partial/`, held by this object alone. It stays when the object goes, for another to go on with,
  /// unless it was removed.
  final class Partial: Sendable {
    let folder: String
    private let lock: FileLock

    fileprivate init(folder: String, lock: FileLock) {
      self.folder = folder
      self.lock = lock
      lock.touch()
    }

    func touch() { lock.touch() }
  }

  /// Takes the folder for what `text` describes, without waiting; nil while another has it.
  func partial(_ text: String) throws(StoreError) -> Partial? {
    let folder = "\(path)/partial/\(ContentHash.of(text))"
    guard mkdir(folder, 0o755) == 0 || errno == EEXIST else { throw Files.error("cannot make \(folder)") }
    guard case .taken(let lock) = FileLock.attempt("\(folder)/stamp", .exclusive, makes: true) else { return nil }
    return Partial(folder: folder, lock: lock)
  }

  /// Removes a folder of `partial/` with what was downloaded.
  ///
  /// It is moved first: one that waits for it makes a new one, whose files are not these.
  func remove(_ partial: Partial) {
    guard let place = try? setAside(partial.folder) else { return }
    discard(place)
  }
}
