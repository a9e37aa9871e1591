import NIOCore

/// Writes responses (RFC 9112, section 6) into one buffer, so that a whole answer is one system call.
enum ResponseWriter {
  struct Context {
    /// What the connection becomes after this answer.
    var closes: Bool
    var isHTTP10: Bool
    /// The answer to a HEAD: the head that a GET would have, no body.
    var omitsBody: Bool
    /// The cached `date: …` line, CRLF included.
    var dateLine: String
  }

  static let continueLine: StaticString = "HTTP/1.1 100 Continue\r\n\r\n"

  static func write(
    _ response: HTTPResponse, _ identity: RequestIdentity, _ headers: HTTPHeaderFields, _ context: Context,
    to output: inout ByteBuffer
  ) {
    output.reserveCapacity(minimumWritableBytes: 384 + response.body.count)
    if response.status == 200 {
      output.writeStaticString("HTTP/1.1 200 OK\r\n")
    } else {
      output.writeString("HTTP/1.1 \(response.status) \(reason(response.status))\r\n")
    }
    if let contentType = response.contentType {
      output.writeStaticString("content-type: ")
      writeValue(contentType, to: &output)
      output.writeStaticString("\r\n")
    }
    if response.status != 204 {
      output.writeStaticString("content-length: ")
      output.writeString(String(response.body.count))
      output.writeStaticString("\r\n")
    }
    for (name, value) in response.headers {
      writeValue(name, to: &output)
      output.writeStaticString(": ")
      writeValue(value, to: &output)
      output.writeStaticString("\r\n")
    }
    output.writeStaticString("x-request-id: ")
    switch identity {
    case .sent(let range):
      output.writeImmutableBuffer(headers.slice(range))
    case .generated(let number):
      output.writeString(RequestIdentity.hexadecimal(number))
    }
    output.writeStaticString("\r\n")
    output.writeString(context.dateLine)
    if context.closes {
      output.writeStaticString("connection: close\r\n")
    } else if context.isHTTP10 {
      output.writeStaticString("connection: keep-alive\r\n")
    }
    output.writeStaticString("\r\n")
    if !context.omitsBody, response.status != 204 { output.writeBytes(response.body) }
  }

  /// A header cannot hold control characters; they are left out.
  private static func writeValue(_ text: String, to output: inout ByteBuffer) {
    if text.utf8.allSatisfy(HTTPCharacters.isFieldValue) {
      output.writeString(text)
    } else {
      output.writeBytes(text.utf8.filter(HTTPCharacters.isFieldValue))
    }
  }

  private static func reason(_ status: Int) -> String {
    switch status {
    case 200: "OK"
    case 201: "Created"
    case 202: "Accepted"
    case 204: "No Content"
    case 400: "Bad Request"
    case 401: "Unauthorized"
    case 403: "Forbidden"
    case 404: "Not Found"
    case 405: "Method Not Allowed"
    case 406: "Not Acceptable"
    case 408: "Request Timeout"
    case 409: "Conflict"
    case 413: "Content Too Large"
    case 414: "URI Too Long"
    case 415: "Unsupported Media Type"
    case 417: "Expectation Failed"
    case 422: "Unprocessable Content"
    case 424: "Failed Dependency"
    case 429: "Too Many Requests"
    case 431: "Request Header Fields Too Large"
    case 500: "Internal Server Error"
    case 501: "Not Implemented"
    case 502: "Bad Gateway"
    case 503: "Service Unavailable"
    case 504: "Gateway Timeout"
    case 505: "HTTP Version Not Supported"
    case 507: "Insufficient Storage"
    default: "Status"
    }
  }
}

extension HTTPHeaderFields {
  func slice(_ range: Range<UInt32>) -> ByteBuffer {
    bytes.getSlice(at: bytes.readerIndex + Int(range.lowerBound), length: range.count) ?? ByteBuffer()
  }
}
