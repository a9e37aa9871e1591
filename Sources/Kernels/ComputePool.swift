#if canImport(Glibc)
import Glibc
#elseif canImport(Musl)
import Musl
#elseif canImport(Darwin)
import Darwin
#endif

/// Threads that share the work of one computation. The calling thread always takes part.
///
/// Invariant that makes it `Sendable`: all mutable state is guarded by `mutex`; `body` is called only between its
/// publication and the return of `parallelFor`, which waits for every thread that took it.
public final class ComputePool: @unchecked Sendable {
  /// Threads that work on one computation, the caller included.
  public let threadCount: Int

  /// A pool without threads of its own: everything runs on the caller.
  public static let inline = ComputePool(threads: 1)

  private struct Job {
    var body: (Int, Int) -> Void
    var count: Int
    var chunk: Int
    var next = 0
    var running = 0
  }

  private var mutex = UnsafeMutablePointer<pthread_mutex_t>.allocate(capacity: 1)
  private var wake = UnsafeMutablePointer<pthread_cond_t>.allocate(capacity: 1)
  private var done = UnsafeMutablePointer<pthread_cond_t>.allocate(capacity: 1)
  private var job: Job?
  private var stopping = false
  private var threads: [pthread_t] = []

  /// Starts `threads - 1` threads.
  public init(threads count: Int) {
    threadCount = Swift.max(1, count)
    pthread_mutex_init(mutex, nil)
    pthread_cond_init(wake, nil)
    pthread_cond_init(done, nil)
    for _ in 1..<threadCount where threadCount > 1 { startThread() }
  }

  private func startThread() {
    #if canImport(Darwin)
    var thread: pthread_t?
    #else
    var thread = pthread_t()
    #endif
    let argument = Unmanaged.passUnretained(self).toOpaque()
    let rc = pthread_create(
      &thread, nil,
      { raw in
        #if canImport(Darwin)
        Unmanaged<ComputePool>.fromOpaque(raw).takeUnretainedValue().work()
        #else
        Unmanaged<ComputePool>.fromOpaque(raw!).takeUnretainedValue().work()
        #endif
        return nil
      }, argument)
    #if canImport(Darwin)
    if rc == 0, let thread { threads.append(thread) }
    #else
    if rc == 0 { threads.append(thread) }
    #endif
  }

  deinit {
    pthread_mutex_lock(mutex)
    stopping = true
    pthread_cond_broadcast(wake)
    pthread_mutex_unlock(mutex)
    for thread in threads { pthread_join(thread, nil) }
    pthread_mutex_destroy(mutex)
    pthread_cond_destroy(wake)
    pthread_cond_destroy(done)
    mutex.deallocate()
    wake.deallocate()
    done.deallocate()
  }

  /// Calls `body(lower, upper)` for ranges that cover `0..<count`, in any order, on several threads at once.
  ///
  /// - Parameter grain: items below which a range is not worth a thread of its own.
  ///
  /// A call from inside `body`, or while another thread's call is under way, runs on the caller alone.
  public func parallelFor(_ count: Int, grain: Int, _ body: (_ lower: Int, _ upper: Int) -> Void) {
    if count <= 0 { return }
    if threadCount == 1 || count <= grain {
      body(0, count)
      return
    }
    withoutActuallyEscaping(body) { body in
      pthread_mutex_lock(mutex)
      if job != nil {
        pthread_mutex_unlock(mutex)
        body(0, count)
        return
      }
      let parts = Swift.min(threadCount * 4, (count + grain - 1) / Swift.max(grain, 1))
      job = Job(body: body, count: count, chunk: (count + parts - 1) / parts)
      pthread_cond_broadcast(wake)
      takeChunks()
      while job!.running > 0 { pthread_cond_wait(done, mutex) }
      job = nil
      pthread_mutex_unlock(mutex)
    }
  }

  /// Works on the current job until no chunk is left. The mutex is held on entry and on return.
  private func takeChunks() {
    while let current = job, current.next < current.count {
      let lower = current.next
      let upper = Swift.min(current.count, lower + current.chunk)
      job!.next = upper
      job!.running += 1
      pthread_mutex_unlock(mutex)
      current.body(lower, upper)
      pthread_mutex_lock(mutex)
      job!.running -= 1
    }
  }

  private func work() {
    pthread_mutex_lock(mutex)
    while !stopping {
      if let current = job, current.next < current.count {
        takeChunks()
        if job!.running == 0 { pthread_cond_signal(done) }
      } else {
        pthread_cond_wait(wake, mutex)
      }
    }
    pthread_mutex_unlock(mutex)
  }
}
