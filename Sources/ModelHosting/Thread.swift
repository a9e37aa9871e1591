#if canImport(Glibc)
import Glibc
#elseif canImport(Musl)
import Musl
#elseif canImport(Darwin)
import Darwin
#endif

/// A thread that is never joined.
package enum Thread {
  private final class Body: Sendable {
    let run: @Sendable () -> Void
    init(_ run: @escaping @Sendable () -> Void) { self.run = run }
  }

  package static func start(stackSize: Int, _ run: @escaping @Sendable () -> Void) {
    let attributes = UnsafeMutablePointer<pthread_attr_t>.allocate(capacity: 1)
    pthread_attr_init(attributes)
    defer {
      pthread_attr_destroy(attributes)
      attributes.deallocate()
    }
    pthread_attr_setstacksize(attributes, stackSize)
    pthread_attr_setdetachstate(attributes, Int32(PTHREAD_CREATE_DETACHED))
    let context = Unmanaged.passRetained(Body(run)).toOpaque()
    #if os(Linux)
    var thread = pthread_t()
    let failure = pthread_create(
      &thread, attributes,
      { context in
        if let context { Unmanaged<Body>.fromOpaque(context).takeRetainedValue().run() }
        return nil
      }, context)
    #else
    var thread: pthread_t?
    let failure = pthread_create(
      &thread, attributes,
      { context in
        Unmanaged<Body>.fromOpaque(context).takeRetainedValue().run()
        return nil
      }, context)
    #endif
    if failure != 0 { Unmanaged<Body>.fromOpaque(context).release() }
  }

  package static func sleep(milliseconds: UInt32) { usleep(milliseconds * 1000) }

  /// Lets every other thread of the system go first, for work that nobody waits for.
  package static func yieldToOthers() {
    #if os(Linux)
    setpriority(__priority_which_t(PRIO_PROCESS.rawValue), 0, 10)
    #endif
  }
}
