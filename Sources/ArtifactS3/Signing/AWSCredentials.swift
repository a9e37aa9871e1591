/// An access key, as a source of credentials gives it. Its texts never show the secret parts.
package struct AWSCredentials: Sendable, Hashable, CustomStringConvertible, CustomDebugStringConvertible {
  package var accessKeyID: String
  package var secretAccessKey: String
  package var sessionToken: String?
  /// Milliseconds since 1970; nil for a key without an end.
  package var expiration: Int64?
  /// Where the key is from, for messages.
  package var source: String

  package init(
    accessKeyID: String, secretAccessKey: String, sessionToken: String? = nil, expiration: Int64? = nil, source: String
  ) {
    self.accessKeyID = accessKeyID
    self.secretAccessKey = secretAccessKey
    self.sessionToken = sessionToken
    self.expiration = expiration
    self.source = source
  }

  package var description: String { "\(accessKeyID) (\(source))" }
  package var debugDescription: String { description }
}
