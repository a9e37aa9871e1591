import JSONDocument
import Synchronization

/// Counts of one worker since it started.
public struct HostTotals: Sendable, Equatable {
  /// Requests whose model was resident.
  public var hits = 0
  /// Requests that had to wait for their model.
  public var misses = 0
  public var evictions = 0
  /// Resident bytes of the process that are its own.
  public var privateBytes = 0

  public init(hits: Int = 0, misses: Int = 0, evictions: Int = 0, privateBytes: Int = 0) {
    self.hits = hits
    self.misses = misses
    self.evictions = evictions
    self.privateBytes = privateBytes
  }

  var document: JSONDocument {
    [
      "hits": .number(hits), "misses": .number(misses), "evictions": .number(evictions),
      "private": .number(privateBytes),
    ]
  }

  init?(_ document: JSONDocument) {
    guard let hits = document["hits"]?.int, let misses = document["misses"]?.int,
      let evictions = document["evictions"]?.int, let privateBytes = document["private"]?.int
    else { return nil }
    self.init(hits: hits, misses: misses, evictions: evictions, privateBytes: privateBytes)
  }
}

/// The counters behind `HostTotals`.
final class HostCounts: Sendable {
  private let hits = Atomic<Int>(0)
  private let misses = Atomic<Int>(0)
  private let evictions = Atomic<Int>(0)

  func hit() { hits.add(1, ordering: .relaxed) }
  func miss() { misses.add(1, ordering: .relaxed) }
  func evicted() { evictions.add(1, ordering: .relaxed) }

  var totals: HostTotals {
    HostTotals(
      hits: hits.load(ordering: .relaxed), misses: misses.load(ordering: .relaxed),
      evictions: evictions.load(ordering: .relaxed), privateBytes: ProcessMemory.anonymousBytes)
  }
}
