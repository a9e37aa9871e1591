import Synchronization

#if canImport(Glibc)
import Glibc
#elseif canImport(Musl)
import Musl
#elseif canImport(Darwin)
import Darwin
#endif

extension ArtifactLibrary {
  /// Objects that are downloaded at the same time.
  private static let width = 4

  /// Downloads what was found into the folder of `partial`: one object as `object`, those of a prefix as `done/<index>`.
  func download(
    _ found: Resolution, _ partial: ArtifactCache.Partial, _ progress: @escaping @Sendable (ArtifactProgress) -> Void
  ) async throws(StoreError) {
    try await prepare(found, partial)
    let total = found.bytes
    switch found.content {
    case .object(let object):
      try await download(object, found.store, "\(partial.folder)/object") {
        progress(ArtifactProgress(stage: .downloading, bytes: $0, total: total))
      }
    case .objects(let objects, _):
      let counter = ByteCounter(total: total, progress)
      let work = DownloadQueue(objects)
      let failures = await withTaskGroup(of: StoreError?.self, returning: [StoreError].self) { group in
        for _ in 0..<Self.width {
          group.addTask { [self] in
            do throws(StoreError) {
              while let (index, object) = work.next() {
                try await download(index, object, found.store, partial.folder, counter)
              }
              return nil
            } catch {
              work.stop()
              return error
            }
          }
        }
        var failures: [StoreError] = []
        for await failure in group {
          guard let failure else { continue }
          group.cancelAll()
          failures.append(failure)
        }
        return failures
      }
      if let failure = failures.first(where: { $0.code != .cancelled }) ?? failures.first { throw failure }
    }
  }

  /// Makes the folders, and room on the disk for what is still to come.
  private func prepare(_ found: Resolution, _ partial: ArtifactCache.Partial) async throws(StoreError) {
    try await BlockingWork.run { [cache] _ throws(StoreError) in
      try Files.makeFolders("\(partial.folder)/done")
      try Files.makeFolders("\(partial.folder)/parts")
      // A download may make its file whole at first, and fill its holes.
      var have = Files.status("\(partial.folder)/object")?.allocated ?? 0
      for folder in ["done", "parts"] {
        for name in Files.names("\(partial.folder)/\(folder)") ?? [] {
          have += Files.status("\(partial.folder)/\(folder)/\(name)")?.allocated ?? 0
        }
      }
      let needed = Swift.max(0, found.bytes - have)
      try cache.makeRoom(reserve: needed, free: needed)
      let free = Files.freeBytes(cache.path) ?? Int.max
      guard needed <= free else {
        throw StoreError(.diskFull, "\(needed) bytes are needed; \(free) are free at \(cache.path)")
      }
    }
  }

  private func download(
    _ index: Int, _ object: StoredObject, _ store: any ArtifactStore, _ folder: String, _ counter: ByteCounter
  ) async throws(StoreError) {
    let done = "\(folder)/done/\(index)"
    if Files.status(done, followsLink: false)?.size == object.size {
      counter.set(index, object.size)
      return
    }
    try await download(object, store, "\(folder)/parts/\(index)") { counter.set(index, $0) }
    guard rename("\(folder)/parts/\(index)", done) == 0 else { throw Files.error("cannot write \(done)") }
  }

  private func download(
    _ object: StoredObject, _ store: any ArtifactStore, _ path: String, _ progress: @escaping @Sendable (Int) -> Void
  ) async throws(StoreError) {
    if Task.isCancelled { throw StoreError(.cancelled, "cancelled") }
    try await store.download(object, to: path, progress: progress)
    guard let size = Files.status(path, followsLink: false)?.size, size == object.size else {
      throw StoreError(.corrupt, "\(object.key) arrived with another length than \(object.size) bytes")
    }
  }
}

/// The objects of a prefix, handed out one by one.
private final class DownloadQueue: Sendable {
  private let objects: [StoredObject]
  private let position = Mutex(0)

  init(_ objects: [StoredObject]) { self.objects = objects }

  func next() -> (Int, StoredObject)? {
    position.withLock { position in
      guard position < objects.count else { return nil }
      defer { position += 1 }
      return (position, objects[position])
    }
  }

  func stop() { position.withLock { $0 = objects.count } }
}

/// Sums up what has arrived of several objects.
private final class ByteCounter: Sendable {
  private let total: Int
  private let progress: @Sendable (ArtifactProgress) -> Void
  private let state = Mutex((parts: [Int: Int](), sum: 0))

  init(total: Int, _ progress: @escaping @Sendable (ArtifactProgress) -> Void) {
    self.total = total
    self.progress = progress
  }

  func set(_ index: Int, _ bytes: Int) {
    let sum = state.withLock { state in
      state.sum += bytes - (state.parts.updateValue(bytes, forKey: index) ?? 0)
      return state.sum
    }
    progress(ArtifactProgress(stage: .downloading, bytes: sum, total: total))
  }
}
