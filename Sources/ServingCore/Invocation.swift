/// One call of the model as any protocol hands it over: what the headers said, and the body.
public struct InvocationRequest {
  /// `Content-Type` as sent, parameters included; nil when the header is missing.
  public var contentType: String?
  /// `Accept` as sent; nil when the header is missing.
  public var accept: String?
  /// `X-Amzn-SageMaker-Custom-Attributes` as sent.
  public var customAttributes: String?
  /// The body, content encodings already removed. Valid during the call only.
  public var body: UnsafeRawBufferPointer

  public init(contentType: String?, accept: String?, customAttributes: String?, body: UnsafeRawBufferPointer) {
    self.contentType = contentType
    self.accept = accept
    self.customAttributes = customAttributes
    self.body = body
  }
}

/// The answer to an `InvocationRequest`.
public struct InvocationResponse: Sendable {
  public var contentType: String
  public var body: [UInt8]

  public init(contentType: String, body: [UInt8]) {
    self.contentType = contentType
    self.body = body
  }
}

/// What turns an invocation into an answer: decode, run, encode. No HTTP below this line.
public protocol InvocationHandler: Sendable {
  /// Answers a call. Synchronous, reentrant, callable from any thread.
  ///
  /// - Throws: `ServingError`.
  func invoke(_ request: InvocationRequest) throws(ServingError) -> InvocationResponse

  /// The time in nanoseconds that a call with a small body is expected to take, measured at warm-up. A front end runs
  /// what is cheaper than a thread hop on its event loop and the rest on a compute thread.
  var expectedNanoseconds: UInt64 { get }
}
