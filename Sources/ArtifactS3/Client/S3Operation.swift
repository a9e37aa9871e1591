package import NIOHTTP1
import TextEncodings

/// A request to S3, before it is known where the bucket is and who asks.
package struct S3Operation: Sendable {
  package var method: HTTPMethod = .GET
  package var bucket: String
  /// Empty for the bucket itself.
  package var key = ""
  package var query: [(name: String, value: String)] = []
  package var headers: [(name: String, value: String)] = []

  package init(_ method: HTTPMethod = .GET, bucket: String, key: String = "") {
    self.method = method
    self.bucket = bucket
    self.key = key
  }

  /// What messages call it.
  package var subject: String {
    if key.isEmpty, let prefix = query.first(where: { $0.name == "prefix" }) { return "s3://\(bucket)/\(prefix.value)" }
    let version = query.first { $0.name == "versionId" }.map { "?versionId=\($0.value)" } ?? ""
    return "s3://\(bucket)/\(key)\(version)"
  }

  /// The signed request to an endpoint.
  ///
  /// - Parameters:
  ///   - credentials: nil for a request without a signature.
  ///   - seconds: the time, since 1970.
  package func call(to endpoint: S3Endpoint, credentials: AWSCredentials?, at seconds: Int64) -> HTTPCall {
    var path = endpoint.root + key
    if key.isEmpty, path.count > 1, path.hasSuffix("/") { path.removeLast() }
    var headers = self.headers
    if let credentials {
      let request = SigningRequest(
        method: method.rawValue, path: path, query: query, headers: headers + [("host", endpoint.url.authority)])
      headers += SignatureV4(credentials: credentials, region: endpoint.region).headers(for: request, at: seconds)
    }
    let encoded = PercentEncoding.encoded(path, keepsSlash: true)
    let target = query.isEmpty ? encoded : "\(encoded)?\(SignatureV4.canonicalQuery(query))"
    return HTTPCall(method, endpoint.url, target: target, headers: headers)
  }
}
