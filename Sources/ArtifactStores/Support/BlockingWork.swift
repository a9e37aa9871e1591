import Synchronization

#if canImport(Glibc)
import Glibc
#elseif canImport(Musl)
import Musl
#elseif canImport(Darwin)
import Darwin
#endif

/// Whether anybody still wants the result of a piece of blocking work.
final class CancellationFlag: Sendable {
  private let flag = Atomic(false)

  var isSet: Bool { flag.load(ordering: .relaxed) }
  func set() { flag.store(true, ordering: .relaxed) }

  func check() throws(StoreError) {
    if isSet { throw StoreError(.cancelled, "cancelled") }
  }
}

/// File work of any length on a thread of its own, so that the threads that tasks share stay free.
enum BlockingWork {
  /// Runs `body` on a new thread. Where the task is cancelled the flag is set, and `body` is still waited for.
  ///
  /// - Parameter isCleanup: true to run to the end, cancelled or not.
  static func run<R: Sendable>(
    isCleanup: Bool = false, _ body: @escaping @Sendable (CancellationFlag) throws(StoreError) -> R
  ) async throws(StoreError) -> R {
    let flag = CancellationFlag()
    let result = await withTaskCancellationHandler {
      await withCheckedContinuation { (continuation: CheckedContinuation<Result<R, StoreError>, Never>) in
        let isStarted = start {
          do throws(StoreError) {
            try flag.check()
            continuation.resume(returning: .success(try body(flag)))
          } catch {
            continuation.resume(returning: .failure(error))
          }
        }
        if !isStarted { continuation.resume(returning: .failure(StoreError(.io, "the system makes no more threads"))) }
      }
    } onCancel: {
      if !isCleanup { flag.set() }
    }
    return try result.get()
  }

  private final class Body: Sendable {
    let run: @Sendable () -> Void
    init(_ run: @escaping @Sendable () -> Void) { self.run = run }
  }

  /// True when a thread runs `body`; otherwise `body` is not run.
  private static func start(_ body: @escaping @Sendable () -> Void) -> Bool {
    var attributes = pthread_attr_t()
    guard pthread_attr_init(&attributes) == 0 else { return false }
    defer { pthread_attr_destroy(&attributes) }
    pthread_attr_setdetachstate(&attributes, Int32(PTHREAD_CREATE_DETACHED))
    // Musl's threads have 128 KiB otherwise.
    pthread_attr_setstacksize(&attributes, 1 << 20)
    let context = Unmanaged.passRetained(Body(body)).toOpaque()
    #if canImport(Darwin)
    var thread: pthread_t?
    let failure = pthread_create(
      &thread, &attributes,
      { context in
        Unmanaged<Body>.fromOpaque(context).takeRetainedValue().run()
        return nil
      }, context)
    #else
    var thread = pthread_t()
    let failure = pthread_create(
      &thread, &attributes,
      { context in
        if let context { Unmanaged<Body>.fromOpaque(context).takeRetainedValue().run() }
        return nil
      }, context)
    #endif
    if failure != 0 { Unmanaged<Body>.fromOpaque(context).release() }
    return failure == 0
  }
}
