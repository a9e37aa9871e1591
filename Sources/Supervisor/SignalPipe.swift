import ModelHosting

#if canImport(Glibc)
import Glibc
#elseif canImport(Musl)
import Musl
#elseif canImport(Darwin)
import Darwin
#endif

/// Signals as bytes in a pipe, so that one `poll` waits for them with everything else.
///
/// The signals are blocked in the calling thread and in every thread that it starts later, so this comes first in `main`.
/// A thread of its own takes them with `sigwait` and writes their numbers.
package struct SignalPipe: Sendable {
  /// Readable when a signal has come.
  package let descriptor: Int32

  package static let stopSignals = [SIGTERM, SIGINT]

  /// - Parameter signals: what to wait for.
  package init(_ signals: [Int32]) throws(StartError) {
    var set = sigset_t()
    sigemptyset(&set)
    for signal in signals { sigaddset(&set, signal) }
    pthread_sigmask(SIG_BLOCK, &set, nil)
    signal(SIGPIPE, SIG_IGN)
    let ends: (read: Int32, write: Int32)
    do throws(SpawnError) {
      ends = try ListeningSocket.pipe()
    } catch {
      throw StartError(.internalFault, "cannot make a pipe for signals: \(error)")
    }
    descriptor = ends.read
    Thread.start(stackSize: 64 << 10) { [set] in
      var waited = set
      while true {
        var number: Int32 = 0
        if sigwait(&waited, &number) == 0 { _ = Descriptor.write([UInt8(truncatingIfNeeded: number)], to: ends.write) }
      }
    }
  }

  /// The signals that have come since the last call.
  package func take() -> [Int32] { (Descriptor.readAvailable(descriptor) ?? []).map(Int32.init) }
}
