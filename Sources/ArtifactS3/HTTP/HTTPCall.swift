package import NIOHTTP1

/// A request of HTTP/1.1, ready to be sent.
package struct HTTPCall: Sendable {
  package var method: HTTPMethod
  package var url: EndpointURL
  /// What comes after the authority: path and query, encoded.
  package var target: String
  /// Without `Host`, which follows from the URL.
  package var headers: [(name: String, value: String)]
  package var body: [UInt8]
  /// False for services of the machine itself, which no proxy knows.
  package var mayUseProxy = true

  package init(
    _ method: HTTPMethod, _ url: EndpointURL, target: String = "/", headers: [(name: String, value: String)] = [],
    body: [UInt8] = []
  ) {
    self.method = method
    self.url = url
    self.target = target
    self.headers = headers
    self.body = body
  }
}

/// An answer whose body has been read.
package struct HTTPAnswer: Sendable {
  package var status: Int
  package var headers: HTTPHeaders
  package var body: [UInt8]
}
