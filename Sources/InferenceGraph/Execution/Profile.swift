#if canImport(Glibc)
import Glibc
#elseif canImport(Musl)
import Musl
#elseif canImport(Darwin)
import Darwin
#endif

/// Time spent in each step of a plan over one or several runs. Not thread-safe: for one run at a time.
public final class Profile {
  /// Nanoseconds by step.
  public private(set) var nanoseconds: [UInt64]

  public init(_ plan: Plan) { nanoseconds = [UInt64](repeating: 0, count: plan.steps.count) }

  func now() -> UInt64 {
    var t = timespec()
    clock_gettime(CLOCK_MONOTONIC, &t)
    return UInt64(t.tv_sec) &* 1_000_000_000 &+ UInt64(t.tv_nsec)
  }

  func record(_ step: Int, _ started: UInt64) { nanoseconds[step] &+= now() &- started }
}
