/// A failure that a client is told about: an HTTP status, a stable code, and what to change.
///
/// Rendered in one place (`ErrorBody`) as `{"error": {"code", "message", "field"?, "expected"?, "got"?, "limit"?,
/// "setting"?, "requestId"}}`. 4xx says that the request must change, 5xx that the server failed.
public struct ServingError: Error, Sendable, Equatable, CustomStringConvertible {
  /// The kinds; the raw value is the `code` of the body and a bounded label for metrics.
  public enum Code: String, Sendable, Hashable, CaseIterable {
    case badRequest = "bad_request"
    case emptyBody = "empty_body"
    case malformedBody = "malformed_body"
    case invalidValue = "invalid_value"
    case shapeMismatch = "shape_mismatch"
    case unknownField = "unknown_field"
    case missingField = "missing_field"
    case notFound = "not_found"
    case methodNotAllowed = "method_not_allowed"
    case notAcceptable = "not_acceptable"
    case requestTimeout = "request_timeout"
    case payloadTooLarge = "payload_too_large"
    case uriTooLong = "uri_too_long"
    case headersTooLarge = "headers_too_large"
    case unsupportedMediaType = "unsupported_media_type"
    case unsupportedEncoding = "unsupported_content_encoding"
    case modelFailure = "model_failure"
    case internalError = "internal_error"
    case overloaded = "overloaded"
    case notReady = "not_ready"
    case draining = "draining"
    case badGateway = "bad_gateway"
    case gatewayTimeout = "gateway_timeout"
    case insufficientStorage = "insufficient_storage"
    case expectationFailed = "expectation_failed"
    case unsupportedTransferCoding = "unsupported_transfer_coding"
    case unsupportedHTTPVersion = "unsupported_http_version"
    /// A request that the state of the server does not allow.
    case conflict
    case unauthorized
    case forbidden
    /// A model's artifact cannot be loaded: that model's fault, and no other's.
    case modelLoadFailed = "model_load_failed"
    /// The store that has the model's artifact does not answer.
    case storeUnavailable = "store_unavailable"

    /// The HTTP status.
    public var status: Int {
      switch self {
      case .badRequest, .emptyBody, .malformedBody, .invalidValue, .shapeMismatch, .unknownField, .missingField: 400
      case .notFound: 404
      case .methodNotAllowed: 405
      case .notAcceptable: 406
      case .requestTimeout: 408
      case .payloadTooLarge: 413
      case .uriTooLong: 414
      case .unsupportedMediaType, .unsupportedEncoding: 415
      case .headersTooLarge: 431
      case .modelFailure, .internalError: 500
      case .badGateway: 502
      case .overloaded, .notReady, .draining, .storeUnavailable: 503
      case .conflict: 409
      case .unauthorized: 401
      case .forbidden: 403
      case .modelLoadFailed: 424
      case .gatewayTimeout: 504
      case .insufficientStorage: 507
      case .expectationFailed: 417
      case .unsupportedTransferCoding: 501
      case .unsupportedHTTPVersion: 505
      }
    }
  }

  public var code: Code
  /// One sentence for a person: what is wrong, where, and the remedy.
  public var message: String
  /// The part of the request at fault, such as `row 3, column 2` or `instances[0].age`.
  public var field: String?
  public var expected: String?
  public var got: String?
  /// The limit that was passed, with its unit.
  public var limit: String?
  /// The setting that moves the limit.
  public var setting: String?

  public init(
    _ code: Code, _ message: String, field: String? = nil, expected: String? = nil, got: String? = nil,
    limit: String? = nil, setting: String? = nil
  ) {
    self.code = code
    self.message = message
    self.field = field
    self.expected = expected
    self.got = got
    self.limit = limit
    self.setting = setting
  }

  public var description: String {
    var text = "\(code.rawValue): \(message)"
    if let field { text += " (at \(field))" }
    if let expected { text += "; expected \(expected)" }
    if let got { text += "; got \(got)" }
    return text
  }
}
