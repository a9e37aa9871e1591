import ArtifactStores
import Glibc
import Synchronization

/// A bucket in memory, which can be told to fail.
final class FakeStore: ArtifactStore {
  private struct State {
    var objects: [String: (bytes: [UInt8], etag: String, version: String?)] = [:]
    var older: [String: [(bytes: [UInt8], etag: String, version: String?)]] = [:]
    var writes = 0
    var isDown = false
    /// How many downloads break off in the middle.
    var cuts = 0
    var downloads = 0
    var downloaded = 0
    var lists = 0
    /// How many downloads find the disk full.
    var full = 0
    /// Sizes that objects are said to have.
    var sizes: [String: Int] = [:]
    /// Downloads wait until it is opened.
    var isGateClosed = false
  }

  private let state = Mutex(State())
  let pageSize: Int

  init(pageSize: Int = 1000) { self.pageSize = pageSize }

  func put(_ key: String, _ text: String, version: String? = nil) { put(key, Array(text.utf8), version: version) }

  func put(_ key: String, _ bytes: [UInt8], version: String? = nil) {
    state.withLock { state in
      state.writes += 1
      if let old = state.objects[key] { state.older[key, default: []].append(old) }
      state.objects[key] = (bytes, "etag\(state.writes)", version)
    }
  }

  func delete(_ key: String) { state.withLock { $0.objects[key] = nil } }
  func setDown(_ isDown: Bool) { state.withLock { $0.isDown = isDown } }
  func cut(_ times: Int) { state.withLock { $0.cuts = times } }
  func fill(_ times: Int) { state.withLock { $0.full = times } }
  func announce(_ key: String, size: Int) { state.withLock { $0.sizes[key] = size } }
  func closeGate(_ isClosed: Bool) { state.withLock { $0.isGateClosed = isClosed } }
  /// How many downloads there were.
  var downloads: Int { state.withLock { $0.downloads } }
  /// Bytes that were downloaded.
  var downloaded: Int { state.withLock { $0.downloaded } }
  var lists: Int { state.withLock { $0.lists } }

  private func answer<R>(_ body: (inout State) throws(StoreError) -> R) throws(StoreError) -> R {
    let result = state.withLock { state -> Result<R, StoreError> in
      guard !state.isDown else { return .failure(StoreError(.unreachable, "the store is down")) }
      do throws(StoreError) { return .success(try body(&state)) } catch { return .failure(error) }
    }
    return try result.get()
  }

  func object(_ key: String, versionID: String?) async throws(StoreError) -> StoredObject {
    try answer { state throws(StoreError) in
      let all = (state.older[key] ?? []) + [state.objects[key]].compactMap { $0 }
      guard let found = versionID == nil ? state.objects[key] : all.last(where: { $0.version == versionID }) else {
        throw StoreError(.notFound, "no object \(key)")
      }
      return StoredObject(
        key: key, size: state.sizes[key] ?? found.bytes.count, etag: found.etag, versionID: found.version)
    }
  }

  func list(prefix: String, isFlat: Bool, token: String?) async throws(StoreError) -> StoreListing {
    try answer { state throws(StoreError) in
      state.lists += 1
      var listing = StoreListing(objects: [])
      var last = ""
      for key in state.objects.keys.sorted(by: { $0.utf8.lexicographicallyPrecedes($1.utf8) })
      where key.hasPrefix(prefix) {
        if let token, !token.utf8.lexicographicallyPrecedes(key.utf8) || token.hasSuffix("/") && key.hasPrefix(token) {
          continue
        }
        let rest = key.dropFirst(prefix.count)
        let folder = isFlat ? nil : rest.firstIndex(of: "/").map { String(prefix + rest[...$0]) }
        if let folder, listing.folders.last == folder { continue }
        if listing.objects.count + listing.folders.count == pageSize {
          listing.next = last
          break
        }
        last = folder ?? key
        if let folder {
          listing.folders.append(folder)
        } else if let found = state.objects[key] {
          listing.objects.append(
            StoredObject(key: key, size: found.bytes.count, etag: found.etag, versionID: found.version))
        }
      }
      return listing
    }
  }

  func download(
    _ object: StoredObject, to path: String, progress: @escaping @Sendable (Int) -> Void
  ) async throws(StoreError) {
    while state.withLock({ $0.isGateClosed }) {
      do { try await Task.sleep(for: .milliseconds(1)) } catch { throw StoreError(.cancelled, "cancelled") }
    }
    var have = ArtifactStoresTests.bytes(of: path)?.count ?? 0
    let (bytes, isCut) = try answer { state throws(StoreError) -> ([UInt8], Bool) in
      state.downloads += 1
      if state.full > 0 {
        state.full -= 1
        throw StoreError(.diskFull, "no space left on device")
      }
      let all = (state.older[object.key] ?? []) + [state.objects[object.key]].compactMap { $0 }
      guard let found = all.last(where: { $0.etag == object.etag }) else {
        throw StoreError(.changed, "\(object.key) was replaced")
      }
      let isCut = state.cuts > 0
      if isCut { state.cuts -= 1 }
      let end = isCut ? (have + found.bytes.count) / 2 : found.bytes.count
      state.downloaded += end - have
      return (Array(found.bytes[..<end]), isCut)
    }
    let file = fopen(path, "a")!
    while have < bytes.count {
      let n = min(1000, bytes.count - have)
      fwrite(Array(bytes[have..<(have + n)]), 1, n, file)
      have += n
      progress(have)
    }
    fclose(file)
    if isCut { throw StoreError(.unreachable, "the connection was cut") }
  }
}
