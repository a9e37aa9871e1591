import TextEncodings

/// The credentials in an answer of AssumeRole or AssumeRoleWithWebIdentity (AWS STS API reference).
public struct STSCredentialsDocument: Sendable, Hashable {
  public var accessKeyID: String
  public var secretAccessKey: String
  public var sessionToken: String
  /// Milliseconds since 1970.
  public var expiration: Int64?

  /// - Throws: `XMLError` where a part is missing.
  public init(_ bytes: [UInt8], limits: XMLLimits = XMLLimits()) throws(XMLError) {
    var reader = try XMLReader(bytes, limits: limits)
    var fields: [String: String] = [:]
    _ = try reader.root()
    try reader.children { (reader, name) throws(XMLError) in
      guard name.hasSuffix("Result") else { return }
      try reader.children { (reader, name) throws(XMLError) in
        guard name == "Credentials" else { return }
        try reader.children { (reader, name) throws(XMLError) in fields[name] = try reader.content() }
      }
    }
    try reader.finish()
    guard let id = fields["AccessKeyId"], let secret = fields["SecretAccessKey"], let token = fields["SessionToken"]
    else {
      throw XMLError(offset: 0, reason: "no credentials in the answer")
    }
    accessKeyID = id
    secretAccessKey = secret
    sessionToken = token
    expiration = fields["Expiration"].flatMap { Timestamp.milliseconds(iso8601: $0) }
  }
}
