package import NIOHTTP1
import S3Documents
import TextEncodings

/// An answer of S3 that is no success, as far as its header and body tell.
package struct S3Failure: Sendable {
  package var status: Int
  package var code: String?
  package var message: String?
  package var requestID: String?
  /// Where the bucket is, by the header or the body.
  package var region: String?
  package var location: String?
  /// Milliseconds since 1970, by the server's clock.
  package var serverTime: Int64?
  /// Milliseconds.
  package var retryAfter: Int64?
  package var isDeleteMarker = false

  package init(status: Int, headers: HTTPHeaders, body: [UInt8], now: Int64) {
    self.status = status
    let document = S3ErrorDocument(body)
    code = document?.code
    message = document?.message
    requestID =
      document?.requestID ?? headers.first(name: "x-amz-request-id") ?? headers.first(name: "x-amzn-requestid")
    region = headers.first(name: "x-amz-bucket-region") ?? document?.region
    if region == nil, let endpoint = document?.endpoint { region = S3EndpointRules.region(endpoint: endpoint) }
    if let name = region, !S3EndpointRules.isRegion(name) { region = nil }
    location = headers.first(name: "location")
    let date = headers.first(name: "date").flatMap { Timestamp.seconds(httpDate: $0) }.map { $0 * 1000 }
    serverTime = document?.serverTime ?? date
    if let text = headers.first(name: "retry-after") {
      retryAfter =
        Int64(text).map { min(max($0, 0), 86_400) * 1000 }
        ?? Timestamp.seconds(httpDate: text).map { max(0, $0 * 1000 - now) }
    }
    isDeleteMarker = headers.first(name: "x-amz-delete-marker") == "true"
  }

  /// Whether the bucket is in another region: HEAD says so with its status alone.
  package var isElsewhere: Bool {
    switch code {
    case "PermanentRedirect", "AuthorizationHeaderMalformed", "IllegalLocationConstraintException", "IncorrectEndpoint":
      true
    case nil: status == 301 || status == 400
    default: status == 301
    }
  }

  /// What trying again the same may change.
  package var fault: AttemptFault { AttemptFault(status: status, code: code, retryAfter: retryAfter) }
}
