package import ArtifactStores
import JSONDocument
import S3Documents

/// The command that the profile's `credential_process` names, whose output is the credentials (AWS SDKs and Tools
/// reference, "Process credential provider"). No shell is involved; its time and output are bounded.
package struct ProcessCredentials: CredentialSource {
  package let name = "credential process"

  package init() {}

  package func load(_ context: CredentialContext) async throws(StoreError) -> CredentialFinding {
    let name = context.profiles.name
    guard let line = context.profiles.current?["credential_process"] else {
      return .nothing("no credential_process in the profile \"\(name)\"")
    }
    guard let words = ProcessCredentials.words(line), !words.isEmpty else {
      throw context.fault("the credential_process of the profile \"\(name)\" has quotes that do not end")
    }
    let output: [UInt8]
    do {
      let (environment, limit) = (context.environment, context.limits.credentialBytes)
      output = try await context.transport.offLoop {
        try BoundedProcess.output(of: words, environment: environment, limit: limit, seconds: 60)
      }
    } catch let error as FileFault {
      throw context.fault("\(words[0]): \(error.reason)")
    } catch {
      throw context.fault("\(words[0]): \(error)")
    }
    guard let document = try? JSONDocument(parsing: output, maxDepth: 8), document["Version"]?.int == 1,
      let keys = AWSCredentials(
        document, token: "SessionToken", source: "the credential_process of the profile \"\(name)\"")
    else { throw context.fault("\(words[0]) does not write credentials as JSON of version 1") }
    return .found(keys)
  }

  /// The words of a command line as a POSIX shell splits them, with quotes and backslashes and nothing else; nil where a
  /// quote does not end.
  package static func words(_ line: String) -> [String]? {
    var words: [String] = []
    var word: String?
    var quote: Character?
    var rest = line[...]
    while let c = rest.popFirst() {
      switch (c, quote) {
      case ("\\", nil):
        guard let next = rest.popFirst() else { return nil }
        word = (word ?? "") + String(next)
      case ("\\", "\""):
        guard let next = rest.popFirst() else { return nil }
        word = (word ?? "") + (next == "\"" || next == "\\" ? String(next) : "\\\(next)")
      case ("\"", nil), ("'", nil):
        quote = c
        word = word ?? ""
      case (_, let open?) where open == c: quote = nil
      case (_, nil) where c.isWhitespace:
        if let done = word { words.append(done) }
        word = nil
      default: word = (word ?? "") + String(c)
      }
    }
    guard quote == nil else { return nil }
    if let word { words.append(word) }
    return words
  }
}
