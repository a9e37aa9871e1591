public import ServingCore

/// What a route answers. Length, date, connection and request id headers are added when it is written.
public struct HTTPResponse: Sendable {
  public var status: Int
  /// Further header fields. Characters that a header cannot hold are dropped when it is written.
  public var headers: [(String, String)]
  public var contentType: String?
  public var body: [UInt8]

  public init(status: Int, headers: [(String, String)] = [], contentType: String? = nil, body: [UInt8] = []) {
    self.status = status
    self.headers = headers
    self.contentType = contentType
    self.body = body
  }

  /// A 200 with JSON text.
  public static func json(_ text: String, status: Int = 200) -> HTTPResponse {
    HTTPResponse(status: status, contentType: "application/json", body: Array(text.utf8))
  }

  /// The JSON answer that tells `error`; a 503 says when to come back.
  public init(_ error: ServingError, requestID: String?) {
    self.init(
      status: error.code.status, headers: error.code.status == 503 ? [("retry-after", "1")] : [],
      contentType: ErrorBody.contentType, body: ErrorBody.json(error, requestID: requestID))
  }
}
