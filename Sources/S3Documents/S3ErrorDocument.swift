import TextEncodings

/// The body of an error answer of S3 (`<Error>`) or STS (`<ErrorResponse><Error>`). Every part may be missing.
public struct S3ErrorDocument: Sendable, Hashable {
  public var code: String?
  public var message: String?
  public var requestID: String?
  public var hostID: String?
  /// Of a bucket that is elsewhere.
  public var region: String?
  public var endpoint: String?
  /// The server's clock, in milliseconds since 1970, where it names it.
  public var serverTime: Int64?

  public init() {}

  /// Reads an answer; nil for one that is no such document.
  public init?(_ bytes: [UInt8], limits: XMLLimits = XMLLimits()) {
    var document = S3ErrorDocument()
    do throws(XMLError) {
      var reader = try XMLReader(bytes, limits: limits)
      let root = try reader.root()
      guard root == "Error" || root == "ErrorResponse" else { return nil }
      try reader.children { (reader, name) throws(XMLError) in
        if name == "Error", root == "ErrorResponse" {
          try reader.children { (reader, name) throws(XMLError) in try document.read(name, &reader) }
        } else {
          try document.read(name, &reader)
        }
      }
      try reader.finish()
    } catch {
      return nil
    }
    guard document.code != nil else { return nil }
    self = document
  }

  private mutating func read(_ name: String, _ reader: inout XMLReader) throws(XMLError) {
    switch name {
    case "Code": code = try reader.content()
    case "Message": message = try reader.content()
    case "RequestId": requestID = try reader.content()
    case "HostId": hostID = try reader.content()
    case "Region": region = try reader.content()
    case "Endpoint": endpoint = try reader.content()
    case "ServerTime": serverTime = Timestamp.milliseconds(iso8601: try reader.content())
    default: break
    }
  }
}
