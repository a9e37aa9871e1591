import Crypto
import TextEncodings

/// A request as it is signed: everything raw, nothing encoded.
package struct SigningRequest: Sendable {
  package var method: String
  /// Begins with a slash.
  package var path: String
  package var query: [(name: String, value: String)]
  /// With `host`, which has the port where it is not the scheme's own.
  package var headers: [(name: String, value: String)]
  /// SHA-256 of the body in lower-case hexadecimal digits, or `UNSIGNED-PAYLOAD`.
  package var payloadHash: String

  package init(
    method: String, path: String, query: [(name: String, value: String)] = [],
    headers: [(name: String, value: String)], payloadHash: String = SignatureV4.emptyPayloadHash
  ) {
    self.method = method
    self.path = path
    self.query = query
    self.headers = headers
    self.payloadHash = payloadHash
  }
}

/// AWS Signature Version 4 in the `Authorization` header (Amazon S3 API reference, "Authenticating requests: using the
/// Authorization header"; for other services IAM user guide, "Create a signed AWS API request").
///
/// For S3 the path is encoded once and not normalised. For other services only the path `/` is meant, where the rules do
/// not differ.
package struct SignatureV4: Sendable {
  package let credentials: AWSCredentials
  package let region: String
  package let service: String

  /// SHA-256 of no bytes.
  package static let emptyPayloadHash = "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855"

  /// Headers that a proxy may change on the way are left out of the signature.
  private static let unsigned: Set<String> = [
    "authorization", "baggage", "connection", "expect", "keep-alive", "proxy-authenticate", "proxy-authorization", "te",
    "traceparent", "tracestate", "trailer", "transfer-encoding", "upgrade", "user-agent", "x-amzn-trace-id",
  ]

  package init(credentials: AWSCredentials, region: String, service: String = "s3") {
    self.credentials = credentials
    self.region = region
    self.service = service
  }

  /// The headers to add to `request`: `X-Amz-Date`, the token's where there is one, for S3 that of the payload's hash, and
  /// `Authorization`.
  ///
  /// - Parameter seconds: the time of the request, since 1970.
  package func headers(for request: SigningRequest, at seconds: Int64) -> [(name: String, value: String)] {
    let date = Timestamp.amz(seconds)
    var added: [(name: String, value: String)] = [("X-Amz-Date", date)]
    if service == "s3" { added.append(("X-Amz-Content-SHA256", request.payloadHash)) }
    if let token = credentials.sessionToken { added.append(("X-Amz-Security-Token", token)) }
    var complete = request
    complete.headers += added
    let (canonical, signedNames) = SignatureV4.canonicalRequest(complete)
    let scope = "\(date.prefix(8))/\(region)/\(service)/aws4_request"
    let text = Array(SignatureV4.stringToSign(canonical, date: date, scope: scope).utf8)
    let signature = SignatureV4.hex(HMAC<SHA256>.authenticationCode(for: text, using: key(date: date.prefix(8))))
    let credential = "Credential=\(credentials.accessKeyID)/\(scope)"
    added.append(
      ("Authorization", "AWS4-HMAC-SHA256 \(credential), SignedHeaders=\(signedNames), Signature=\(signature)"))
    return added
  }

  /// The canonical request, and the names of its headers joined by `;`.
  package static func canonicalRequest(_ request: SigningRequest) -> (text: String, signedNames: String) {
    let query = canonicalQuery(request.query)
    var values: [String: String] = [:]
    for (name, value) in request.headers {
      let name = name.lowercased()
      guard !unsigned.contains(name) else { continue }
      values[name] = values[name].map { "\($0),\(collapsed(value))" } ?? collapsed(value)
    }
    let names = values.keys.sorted { $0.utf8.lexicographicallyPrecedes($1.utf8) }
    let headers = names.map { "\($0):\(values[$0] ?? "")\n" }.joined()
    let signedNames = names.joined(separator: ";")
    let path = PercentEncoding.encoded(request.path, keepsSlash: true)
    let lines = [request.method, path, query, headers, signedNames, request.payloadHash]
    return (lines.joined(separator: "\n"), signedNames)
  }

  /// `name=value&...`, encoded, in the byte order of encoded names and then values. It is also what a URL has.
  package static func canonicalQuery(_ query: [(name: String, value: String)]) -> String {
    var pairs: [(name: String, value: String)] = []
    for (name, value) in query { pairs.append((PercentEncoding.encoded(name), PercentEncoding.encoded(value))) }
    pairs.sort { $0.name == $1.name ? $0.value < $1.value : $0.name < $1.name }
    return pairs.map { "\($0.name)=\($0.value)" }.joined(separator: "&")
  }

  package static func stringToSign(_ canonicalRequest: String, date: String, scope: String) -> String {
    let hash = hex(SHA256.hash(data: Array(canonicalRequest.utf8)))
    return "AWS4-HMAC-SHA256\n\(date)\n\(scope)\n\(hash)"
  }

  /// `value` without blanks at its ends, and with one for each run of them inside.
  private static func collapsed(_ value: String) -> String {
    value.split { $0 == " " || $0 == "\t" || $0 == "\n" || $0 == "\r" || $0 == "\r\n" }.joined(separator: " ")
  }

  private func key(date: some StringProtocol) -> SymmetricKey {
    var key = SymmetricKey(data: Array("AWS4\(credentials.secretAccessKey)".utf8))
    for part in [String(date), region, service, "aws4_request"] {
      key = SymmetricKey(data: HMAC<SHA256>.authenticationCode(for: Array(part.utf8), using: key))
    }
    return key
  }

  /// Lower-case hexadecimal digits.
  package static func hex(_ bytes: some Sequence<UInt8>) -> String {
    let digits = Array("0123456789abcdef".utf8)
    var out: [UInt8] = []
    for byte in bytes {
      out.append(digits[Int(byte >> 4)])
      out.append(digits[Int(byte & 15)])
    }
    return String(decoding: out, as: UTF8.self)
  }
}

extension SignatureV4 {
  /// SHA-256 of a body, as a signature has it.
  package static func hash(_ body: [UInt8]) -> String { hex(SHA256.hash(data: body)) }
}
