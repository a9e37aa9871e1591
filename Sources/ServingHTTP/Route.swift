public import ServingCore
import TextEncodings

/// One entry of the route table: where it answers, what it does, and the sentence that documentation prints.
public struct Route: Sendable {
  /// Where the handler runs.
  public enum Execution: Sendable {
    /// On the event loop: it must take microseconds and never wait.
    case inline
    /// On a compute thread.
    case offload
    /// On the event loop when the expected time in nanoseconds is under the configured threshold and the body small.
    case measured(@Sendable (HTTPRequest) -> UInt64)
  }

  /// What a request has to have before its handler runs.
  public enum Preparation: Sendable {
    /// The model that it is for.
    case target(any InvocationHandler)
    /// The whole answer: the handler does not run.
    case response(HTTPResponse)
    case failed(ServingError)
  }

  /// Sees to what a request needs and may take time to come by, such as a model that is loaded on first use, on the event
  /// loop and without waiting there: nil says that the closure is going to be called, once, on any thread.
  public typealias Prepare =
    @Sendable (_ request: HTTPRequest, _ completion: @escaping @Sendable (Preparation) -> Void) -> Preparation?

  public typealias Handler = @Sendable (HTTPRequest) throws(ServingError) -> HTTPResponse

  public var methods: [HTTPMethod]
  public var path: PathPattern
  public var doc: String
  public var execution: Execution
  /// A limit of this route below `HTTPServerConfiguration.maxBodyBytes`; nil for that one.
  public var maxBodyBytes: Int?
  /// How this route's protocol tells an error; the server's own JSON where nothing else is set.
  public var errorResponse: @Sendable (_ error: ServingError, _ requestID: String) -> HTTPResponse = {
    HTTPResponse($0, requestID: $1)
  }
  /// nil where the handler needs nothing but the request.
  public var prepare: Prepare?
  public var handler: Handler

  public init(
    _ methods: [HTTPMethod], _ path: PathPattern, doc: String, execution: Execution = .inline,
    maxBodyBytes: Int? = nil, handler: @escaping Handler
  ) {
    self.methods = methods
    self.path = path
    self.doc = doc
    self.execution = execution
    self.maxBodyBytes = maxBodyBytes ?? (methods.allSatisfy { $0 == .GET } ? Self.bodyLimitOfReads : nil)
    self.handler = handler
  }

  /// A route of one method.
  public init(
    _ method: HTTPMethod, _ path: PathPattern, doc: String, execution: Execution = .inline,
    maxBodyBytes: Int? = nil, handler: @escaping Handler
  ) {
    self.init([method], path, doc: doc, execution: execution, maxBodyBytes: maxBodyBytes, handler: handler)
  }

  /// The methods that are answered: where there is a GET there is a HEAD (RFC 9110, section 9.1).
  var answeredMethods: [HTTPMethod] {
    methods.contains(.GET) && !methods.contains(.HEAD) ? methods + [.HEAD] : methods
  }

  /// A route that only reads needs no body; one that comes along is swallowed up to this many bytes.
  static let bodyLimitOfReads = 64 * 1024
}

/// A path such as `/ping` or `/models/{model}/invoke`; `{name}` stands for one whole segment that is not empty.
public struct PathPattern: Sendable, Hashable, ExpressibleByStringLiteral, CustomStringConvertible {
  public let description: String
  private let segments: [Segment]
  /// True for a path without `{name}` segments.
  let isLiteral: Bool

  private enum Segment: Sendable, Hashable {
    case literal(Substring)
    case parameter(String)
  }

  public init(_ text: String) {
    description = text
    segments = text.split(separator: "/", omittingEmptySubsequences: false).map { part in
      part.hasPrefix("{") && part.hasSuffix("}") ? .parameter(String(part.dropFirst().dropLast())) : .literal(part)
    }
    isLiteral = segments.allSatisfy { if case .literal = $0 { true } else { false } }
  }

  public init(stringLiteral text: String) { self.init(text) }

  /// The parameters when `path` fits the pattern, nil when it does not.
  func match(_ path: String) -> [String: String]? {
    let parts = path.split(separator: "/", omittingEmptySubsequences: false)
    guard parts.count == segments.count else { return nil }
    var parameters: [String: String] = [:]
    for (segment, part) in zip(segments, parts) {
      switch segment {
      case .literal(let text):
        guard text == part else { return nil }
      case .parameter(let name):
        guard !part.isEmpty, let value = PercentEncoding.decoded(part), !value.utf8.contains(0) else { return nil }
        parameters[name] = value
      }
    }
    return parameters
  }
}
