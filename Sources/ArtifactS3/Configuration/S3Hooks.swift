#if canImport(Glibc)
import Glibc
#elseif canImport(Musl)
import Musl
#elseif canImport(Darwin)
import Darwin
#endif

/// What is not the same twice: time, chance, waiting. Tests replace them.
package struct S3Hooks: Sendable {
  /// Milliseconds since 1970.
  package var now: @Sendable () -> Int64 = {
    var time = timespec()
    clock_gettime(CLOCK_REALTIME, &time)
    return Int64(time.tv_sec) * 1000 + Int64(time.tv_nsec) / 1_000_000
  }
  /// At least 0, less than 1.
  package var random: @Sendable () -> Double = { Double.random(in: 0..<1) }
  /// Returns after a time, or throws when the task is cancelled.
  package var sleep: @Sendable (Duration) async throws -> Void = { try await Task.sleep(for: $0) }
  /// The base of the instance metadata service where the environment does not name one.
  package var metadataEndpoint = "http://169.254.169.254"
  /// The host that `AWS_CONTAINER_CREDENTIALS_RELATIVE_URI` is below.
  package var containerEndpoint = "http://169.254.170.2"

  package init() {}
}
