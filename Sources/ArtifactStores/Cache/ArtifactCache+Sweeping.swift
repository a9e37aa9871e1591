#if canImport(Glibc)
import Glibc
#elseif canImport(Musl)
import Musl
#elseif canImport(Darwin)
import Darwin
#endif

extension ArtifactCache {
  /// What a sweep removed.
  public struct SweepReport: Sendable, Hashable {
    /// Unfinished entries of processes that are gone.
    public var abandoned = 0
    /// Names of damaged entries.
    public var damaged: [String] = []
    /// Interrupted downloads that nobody went on with for a week.
    public var expired = 0
    /// Bytes of what was over the limit.
    public var evictedBytes = 0
  }

  /// Removes what killed processes left, damaged entries, and entries over the limit. Safe while other processes work
  /// in the same folder: what they use stays.
  ///
  /// - Parameter verify: true to compare every file's SHA-256, not its size alone.
  public func sweep(verify: Bool = false) throws(StoreError) -> SweepReport {
    var report = SweepReport()
    var victims: [Victim] = []
    let wrong = verify ? wrongEntries() : []
    try exclusively { () throws(StoreError) in
      for name in Files.names("\(path)/tmp") ?? [] {
        let folder = "\(path)/tmp/\(name)"
        switch FileLock.attempt("\(folder)/stamp", .exclusive) {
        case .held: continue
        case .taken(let lock): victims.append(Victim(folder: folder, lock: lock))
        case .absent: victims.append(Victim(folder: folder, lock: nil))
        }
        report.abandoned += 1
      }
      for name in Files.names("\(path)/artifacts") ?? [] {
        let folder = "\(path)/artifacts/\(name)"
        if !wrong.contains(name), wholeManifest(folder, name: name) != nil { continue }
        guard let victim = try take(folder) else { continue }
        victims.append(victim)
        report.damaged.append(name)
      }
      let oldest = Files.now() - 7 * 86_400_000
      for name in Files.names("\(path)/partial") ?? [] {
        let folder = "\(path)/partial/\(name)"
        guard (Files.status("\(folder)/stamp")?.modified ?? 0) / 1_000_000 < oldest, let victim = try take(folder)
        else { continue }
        victims.append(victim)
        report.expired += 1
      }
      // Records are written under the cache's lock, so what has another name is what a killed process left.
      for name in Files.names("\(path)/sources") ?? []
      where !name.hasSuffix(".json") && !name.hasSuffix(".pin") {
        unlink("\(path)/sources/\(name)")
      }
    }
    for victim in victims { discard(victim.folder) }
    report.damaged.sort()
    report.evictedBytes = try makeRoom()
    return report
  }

  /// Names of entries with a file whose bytes are not those that were installed.
  private func wrongEntries() -> Set<String> {
    var wrong: Set<String> = []
    for name in Files.names("\(path)/artifacts") ?? [] {
      let folder = "\(path)/artifacts/\(name)"
      guard case .taken(let lock) = FileLock.attempt("\(folder)/stamp", .shared),
        let manifest = wholeManifest(folder, name: name)
      else { continue }
      defer { withExtendedLifetime(lock) {} }
      let isRight = manifest.files.allSatisfy { file in
        file.link != nil
          || (try? ContentHash.of(file: "\(folder)/content/\(file.path)", CancellationFlag())) == file.sha256
      }
      if !isRight { wrong.insert(name) }
    }
    return wrong
  }
}
