/// Limits and waiting times of an `HTTPServer`. Every one of them bounds something that a client could otherwise grow.
public struct HTTPServerConfiguration: Sendable {
  /// Largest request body in bytes, before and after its content encoding is removed. Passing it is a 413.
  public var maxBodyBytes = 100 * 1_048_576
  /// The setting that moves `maxBodyBytes`, for messages.
  public var maxBodySetting = "max-body-size"
  /// Largest request head in bytes, request line included. Passing it is a 431.
  public var maxHeaderBytes = 64 * 1024
  /// Longest header line in bytes. Passing it is a 431.
  public var maxHeaderLineBytes = 64 * 1024
  /// Most header fields of a request. Passing it is a 431.
  public var maxHeaderFields = 128
  /// Longest request target in bytes. Passing it is a 414.
  public var maxTargetBytes = 16 * 1024
  /// The setting that moves `maxHeaderBytes` and `maxTargetBytes`, for messages.
  public var maxHeaderSetting = "max-header-size"
  /// Seconds a connection may stay open between two requests. Longer than the 60 s after which nginx drops an unused
  /// connection, so that nginx never picks one that is about to close.
  public var idleTimeout = 75.0
  /// Seconds for a request head to arrive, from its first byte. Passing it is a 408.
  public var headTimeout = 30.0
  /// Seconds in which a body must end or move on by `bodyProgressBytes`. Passing it is a 408.
  public var bodyTimeout = 30.0
  public var bodyProgressBytes = 16 * 1024
  /// Seconds that a connection which was answered early goes on swallowing what the client still sends.
  public var lingerTimeout = 10.0
  /// Most requests that wait for or run on compute threads. The next one is a 503.
  public var maxQueued = 1024
  /// The setting that moves `maxQueued`, for messages.
  public var maxQueuedSetting = "max-queue"
  /// A `.measured` route runs on the event loop when its handler expects to take no longer than this,
  public var inlineNanoseconds: UInt64 = 100_000
  /// and the body is no larger than this.
  public var inlineBodyBytes = 16 * 1024
  /// Bytes of later requests that are read ahead on a connection while one is being answered.
  public var readAheadBytes = 64 * 1024
  /// Connections that wait in the kernel to be accepted.
  public var backlog = 4096

  public init() {}
}
