package import ArtifactStores
import S3Documents

/// The file of the first EC2 tools, in `AWS_CREDENTIAL_FILE`: lines of `AWSAccessKeyId=` and `AWSSecretKey=`.
package struct EC2FileCredentials: CredentialSource {
  package let name = "EC2 credential file"

  package init() {}

  package func load(_ context: CredentialContext) async throws(StoreError) -> CredentialFinding {
    guard let path = context.environment.value("AWS_CREDENTIAL_FILE") else {
      return .nothing("AWS_CREDENTIAL_FILE is not set")
    }
    let text: String?
    do throws(FileFault) { text = try SmallFile.text(SharedProfiles.expanded(path, home: context.home)) } catch {
      throw context.fault(error.reason)
    }
    guard let text else { return .nothing("the file \(path) is missing or empty") }
    var values: [Substring: String] = [:]
    for line in text.split(whereSeparator: \.isNewline) {
      let parts = line.split(separator: "=", maxSplits: 1).map { $0.trimmed }
      if parts.count == 2 { values[parts[0]] = String(parts[1]) }
    }
    guard let id = values["AWSAccessKeyId"] else { return .nothing("no AWSAccessKeyId in \(path)") }
    guard let secret = values["AWSSecretKey"] else {
      throw context.fault("\(path) has AWSAccessKeyId without AWSSecretKey")
    }
    return .found(AWSCredentials(accessKeyID: id, secretAccessKey: secret, source: "the file \(path)"))
  }
}

/// `[Credentials]` in the files of the first Python library: `BOTO_CONFIG`, or `/etc/boto.cfg` and `~/.boto`.
package struct BotoFileCredentials: CredentialSource {
  package let name = "boto file"

  package init() {}

  package func load(_ context: CredentialContext) async throws(StoreError) -> CredentialFinding {
    let paths = context.environment.value("BOTO_CONFIG").map { [$0] } ?? ["/etc/boto.cfg", "~/.boto"]
    for path in paths.map({ SharedProfiles.expanded($0, home: context.home) }) {
      guard let section = try SharedProfiles.read(path).sections["Credentials"] else { continue }
      if case .found(let keys) = try ProfileKeys.find(section, "Credentials", in: path, context) { return .found(keys) }
    }
    return .nothing("no aws_access_key_id under [Credentials] in \(paths.joined(separator: ", "))")
  }
}

extension Substring {
  /// Without the blanks at its ends.
  fileprivate var trimmed: Substring {
    var rest = drop { $0 == " " || $0 == "\t" }
    while rest.last == " " || rest.last == "\t" { rest.removeLast() }
    return rest
  }
}
