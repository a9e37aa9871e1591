#if canImport(Glibc)
import Glibc
#elseif canImport(Musl)
import Musl
#elseif canImport(Darwin)
import Darwin
#endif

extension ArtifactCache {
  /// What could be removed.
  struct Occupant {
    /// The entry's or the interrupted download's folder, or the prepared file.
    var path: String
    var bytes: Int
    /// Nanoseconds since 1970.
    var lastUsed: Int64
    /// Whether it is a prepared file: one that was made of an entry.
    var isPrepared = false
    /// Whether it stays in any case.
    var isKept = false
    /// Of an entry: the prepared files that go with it, and not before.
    var attached: [(path: String, bytes: Int)] = []

    /// Bytes of it and of what goes with it.
    var total: Int { attached.reduce(bytes) { $0.addingReportingOverflow($1.bytes).partialValue } }
  }

  /// A folder that was set aside, with its lock, until it is removed.
  struct Victim {
    var folder: String
    var lock: FileLock?
  }

  /// Removes entries, interrupted downloads and prepared files that nobody uses, the least recently used first, until the
  /// limit and the wish are kept or no more can be removed. With an entry goes what was made of it.
  ///
  /// - Parameters:
  ///   - reserve: bytes that are about to be added.
  ///   - free: bytes that should be free on the disk.
  /// - Returns: the bytes of what was removed.
  @discardableResult
  func makeRoom(reserve: Int = 0, free wanted: Int = 0) throws(StoreError) -> Int {
    var victims: [Victim] = []
    var files: [String] = []
    var removed = 0
    try exclusively { () throws(StoreError) in
      let occupants = occupants().sorted { $0.lastUsed < $1.lastUsed }
      var total = ArtifactCache.sum(occupants)
      let free = Files.freeBytes(path) ?? Int.max
      for occupant in occupants {
        if total <= maxBytes - Swift.min(reserve, maxBytes), wanted <= free || wanted - free <= removed { break }
        if occupant.isKept { continue }
        if occupant.isPrepared {
          files.append(occupant.path)
        } else {
          guard let victim = try take(occupant.path) else { continue }
          victims.append(victim)
          files += occupant.attached.map(\.path)
        }
        total = total.subtractingReportingOverflow(occupant.total).partialValue
        removed = removed.addingReportingOverflow(occupant.total).partialValue
      }
    }
    for victim in victims { discard(victim.folder) }
    // Who has mapped one keeps its bytes.
    for file in files { unlink(file) }
    return removed
  }

  /// Makes room after the disk was found full by what needs at least `bytes` more than is known: with every attempt four
  /// times as much.
  ///
  /// - Returns: false when nothing could be removed, so that another attempt would end as the last one.
  func makeRoom(afterAttempt attempt: Int, bytes: Int) throws(StoreError) -> Bool {
    let step = Swift.max(bytes, 1 << 20).multipliedReportingOverflow(by: 1 << (2 * Swift.min(attempt, 20)))
    let wanted = (Files.freeBytes(path) ?? 0).addingReportingOverflow(step.overflow ? Int.max : step.partialValue)
    return try makeRoom(free: wanted.overflow ? Int.max : wanted.partialValue) > 0
  }

  /// Sets a folder aside; nil where somebody uses it. The cache's lock must be held.
  func take(_ folder: String) throws(StoreError) -> Victim? {
    // A missing stamp is made: without one somebody might make it, and take it for his, while the folder is moved.
    switch FileLock.attempt("\(folder)/stamp", .exclusive, makes: true) {
    case .taken(let lock): Victim(folder: try setAside(folder), lock: lock)
    case .held, .absent: nil
    }
  }

  /// Bytes that entries, interrupted downloads and prepared files take.
  public var bytes: Int { ArtifactCache.sum(occupants()) }

  private static func sum(_ occupants: [Occupant]) -> Int {
    occupants.reduce(0) { $0.addingReportingOverflow($1.total).partialValue }
  }

  /// The digests of the entries, in no order.
  public var digests: [String] {
    Set((Files.names("\(path)/artifacts") ?? []).map { String($0.prefix(64)) }.filter(ContentHash.isDigest)).sorted()
  }

  private func occupants() -> [Occupant] {
    let (attached, loose) = prepared()
    return loose
      + ["artifacts", "partial"].flatMap { kind in
        (Files.names("\(path)/\(kind)") ?? []).map { name in
          let folder = "\(path)/\(kind)/\(name)"
          // An entry's stamp says what it takes.
          let stamp = Files.read("\(folder)/stamp", limit: 32).flatMap { Int(String(decoding: $0, as: UTF8.self)) }
          return Occupant(
            path: folder, bytes: stamp.map { Swift.max(0, $0) } ?? ArtifactCache.bytes(below: folder),
            lastUsed: Files.status("\(folder)/stamp")?.modified ?? 0, attached: attached[folder] ?? [])
        }
      }
  }

  /// The sizes of the files below a folder, together.
  private static func bytes(below folder: String) -> Int {
    var total = 0
    var open = [folder]
    var seen: Set<Files.Identity> = []
    while let folder = open.popLast() {
      for name in Files.names(folder) ?? [] {
        guard let status = Files.status("\(folder)/\(name)", followsLink: false) else { continue }
        if status.kind == .folder { open.append("\(folder)/\(name)") }
        if status.kind == .file, seen.insert(status.identity).inserted {
          total = total.addingReportingOverflow(status.allocated).partialValue
        }
      }
    }
    return total
  }
}
