/// A request method (RFC 9110, section 9). Case-sensitive.
public struct HTTPMethod: RawRepresentable, Sendable, Hashable, CustomStringConvertible {
  public var rawValue: String

  public init(rawValue: String) { self.rawValue = rawValue }

  public static let GET = HTTPMethod(rawValue: "GET")
  public static let HEAD = HTTPMethod(rawValue: "HEAD")
  public static let POST = HTTPMethod(rawValue: "POST")
  public static let PUT = HTTPMethod(rawValue: "PUT")
  public static let PATCH = HTTPMethod(rawValue: "PATCH")
  public static let DELETE = HTTPMethod(rawValue: "DELETE")
  public static let OPTIONS = HTTPMethod(rawValue: "OPTIONS")

  public var description: String { rawValue }
}
