#if canImport(Glibc)
import Glibc
#elseif canImport(Musl)
import Musl
#elseif canImport(Darwin)
import Darwin
#endif

/// Working memory of the calling thread, kept between uses so that kernels need no allocation in steady state.
public enum Scratch {
  /// Calls `body` with room for `count` uninitialised floats, 64-byte aligned, valid during the call. Calls may nest.
  @inlinable public static func with<R>(
    floats count: Int, _ body: (UnsafeMutablePointer<Float>) throws -> R
  ) rethrows -> R {
    guard let result = try withPossible(floats: count, body) else { fatalError("no memory for \(count) elements") }
    return result
  }

  /// The same for counts that a model or a request chose; nil where the system gives no memory.
  @inlinable public static func withPossible<R>(
    floats count: Int, _ body: (UnsafeMutablePointer<Float>) throws -> R
  ) rethrows -> R? {
    let stack = ThreadStack.current
    guard count < 1 << 40, let block = stack.push(Swift.max(count, 1) &* 4) else { return nil }
    defer { stack.pop(block) }
    return try body(block.base.assumingMemoryBound(to: Float.self))
  }
}

/// The scratch memory of one thread. Used by that thread alone.
@usableFromInline final class ThreadStack {
  @usableFromInline struct Block {
    @usableFromInline let base: UnsafeMutableRawPointer
    let previousUse: Int
    let isOwn: Bool
  }

  private var base: UnsafeMutableRawPointer
  private var capacity: Int
  private var used = 0
  private var wanted = 0
  /// What a thread keeps at most; larger blocks are given back at once.
  private static let maxKept = 1 << 26

  private init(capacity: Int) {
    self.capacity = capacity
    base = .allocate(byteCount: capacity, alignment: 64)
  }

  deinit { base.deallocate() }

  private static let key: pthread_key_t = {
    var key = pthread_key_t()
    #if canImport(Darwin)
    pthread_key_create(&key) { Unmanaged<ThreadStack>.fromOpaque($0).release() }
    #else
    pthread_key_create(&key) { if let raw = $0 { Unmanaged<ThreadStack>.fromOpaque(raw).release() } }
    #endif
    return key
  }()

  @usableFromInline static var current: ThreadStack {
    if let raw = pthread_getspecific(key) { return Unmanaged<ThreadStack>.fromOpaque(raw).takeUnretainedValue() }
    let made = ThreadStack(capacity: 1 << 20)
    pthread_setspecific(key, Unmanaged.passRetained(made).toOpaque())
    return made
  }

  @usableFromInline func push(_ bytes: Int) -> Block? {
    let size = (bytes &+ 63) & ~63
    if used == 0, wanted > capacity {
      base.deallocate()
      capacity = wanted
      base = .allocate(byteCount: capacity, alignment: 64)
    }
    let end = used &+ size
    if end <= capacity {
      let block = Block(base: base + used, previousUse: used, isOwn: false)
      used = end
      return block
    }
    if end <= ThreadStack.maxKept { wanted = Swift.max(wanted, end &+ end / 4) }
    var own: UnsafeMutableRawPointer?
    guard posix_memalign(&own, 64, size) == 0, let own else { return nil }
    return Block(base: own, previousUse: used, isOwn: true)
  }

  @usableFromInline func pop(_ block: Block) {
    if block.isOwn { free(block.base) }
    used = block.previousUse
  }
}
