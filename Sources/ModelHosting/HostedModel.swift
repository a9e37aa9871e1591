public import ServingCore
import Synchronization

#if canImport(Glibc)
import Glibc
#elseif canImport(Musl)
import Musl
#elseif canImport(Darwin)
import Darwin
#endif

/// What loading a model gives.
public struct LoadedService: Sendable {
  public var handler: any InvocationHandler
  public var signature: ModelSignature
  public var memory: HostedMemory
  /// One line for the log.
  public var summary: String

  public init(handler: any InvocationHandler, signature: ModelSignature, memory: HostedMemory, summary: String) {
    self.handler = handler
    self.signature = signature
    self.memory = memory
    self.summary = summary
  }
}

/// One generation of a model in a process, with the counts of its use. A request holds it until it is answered, so that its
/// memory outlives an eviction or a switch by the requests that had begun.
public final class HostedModel: InvocationHandler {
  public let source: ModelSource
  public let service: LoadedService
  public let microseconds: Int
  private let calls = Atomic<Int>(0)
  private let running = Atomic<Int>(0)
  private let busy = Atomic<UInt64>(0)
  private let lastCall: Atomic<Int>
  /// The last property, for they are destroyed in order: the memory is free when this says so.
  private let end: End

  private final class End: Sendable {
    private let bytes: Int
    private let released: @Sendable (Int) -> Void

    init(_ bytes: Int, _ released: @escaping @Sendable (Int) -> Void) {
      self.bytes = bytes
      self.released = released
    }

    deinit { released(bytes) }
  }

  /// - Parameter released: called with the model's bytes when nobody holds it any more.
  public init(
    _ source: ModelSource, _ service: LoadedService, microseconds: Int,
    released: @escaping @Sendable (Int) -> Void = { _ in }
  ) {
    self.source = source
    self.service = service
    self.microseconds = microseconds
    lastCall = Atomic(0)
    end = End(service.memory.total, released)
  }

  public var expectedNanoseconds: UInt64 { service.handler.expectedNanoseconds }

  /// Time spent in calls that have ended.
  public var busyNanoseconds: UInt64 { busy.load(ordering: .relaxed) }
  /// Calls so far.
  public var hits: Int { calls.load(ordering: .relaxed) }
  /// Calls under way.
  public var inFlight: Int { running.load(ordering: .relaxed) }
  /// Milliseconds since 1970 of the last call's beginning; 0 before the first.
  public var lastUse: Int { lastCall.load(ordering: .relaxed) }

  /// What the supervisor is told when it becomes the one that requests get.
  var reply: HostReply {
    .resident(name: source.name, digest: source.digest, memory: service.memory, microseconds: microseconds)
  }

  public func invoke(_ request: InvocationRequest) throws(ServingError) -> InvocationResponse {
    running.wrappingAdd(1, ordering: .relaxed)
    let began = WallClock.monotonicNanoseconds
    defer {
      busy.wrappingAdd(WallClock.monotonicNanoseconds &- began, ordering: .relaxed)
      running.wrappingSubtract(1, ordering: .relaxed)
    }
    calls.wrappingAdd(1, ordering: .relaxed)
    lastCall.store(WallClock.milliseconds, ordering: .relaxed)
    return try service.handler.invoke(request)
  }
}

package enum WallClock {
  /// Nanoseconds since some moment in the past; never goes back.
  static var monotonicNanoseconds: UInt64 {
    var time = timespec()
    clock_gettime(CLOCK_MONOTONIC, &time)
    return UInt64(time.tv_sec) &* 1_000_000_000 &+ UInt64(time.tv_nsec)
  }

  /// Milliseconds since 1970, as coarse as the kernel's tick.
  package static var milliseconds: Int {
    var time = timespec()
    #if os(Linux)
    clock_gettime(CLOCK_REALTIME_COARSE, &time)
    #else
    clock_gettime(CLOCK_REALTIME, &time)
    #endif
    return Int(time.tv_sec) &* 1000 &+ Int(time.tv_nsec) / 1_000_000
  }
}
