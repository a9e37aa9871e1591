import ArtifactStores
import JSONDocument
import NIOHTTP1
import S3Documents
import TextEncodings

/// A request to a service that gives credentials: tried again where that may help, bounded in time and size.
struct CredentialRequest {
  let context: CredentialContext
  var maxAttempts = 3
  /// Of one attempt.
  var timeout = Duration.seconds(10)
  /// A fixed time between attempts; nil for one that grows.
  var pause: Duration?

  /// The body of an answer with a status of 2xx.
  ///
  /// - Parameters:
  ///   - subject: who is asked, for messages.
  ///   - call: makes the request of each attempt.
  func answer(_ subject: String, _ call: () -> HTTPCall) async throws(StoreError) -> [UInt8] {
    var policy = RetryPolicy(maxAttempts: maxAttempts)
    let quota = RetryQuota()
    while true {
      let (fault, text): (AttemptFault, String)
      do throws(TransportFault) {
        let answer = try await context.transport.answer(
          call(), limit: context.limits.credentialBytes, timeout: timeout)
        if (200..<300).contains(answer.status) { return answer.body }
        let failure = S3Failure(status: answer.status, headers: answer.headers, body: answer.body, now: context.now)
        fault = failure.fault
        text = "\(answer.status) \(CredentialRequest.reason(failure, answer.body))"
      } catch {
        guard error.kind != .cancelled else { throw StoreError(.cancelled, "cancelled") }
        (fault, text) = (error.fault, "no answer: \(error)")
      }
      guard let delay = policy.delay(after: fault, quota: quota, random: context.hooks.random) else {
        throw context.fault("\(subject) does not give credentials: \(text)")
      }
      do { try await context.hooks.sleep(pause ?? delay) } catch { throw StoreError(.cancelled, "cancelled") }
    }
  }

  /// The JSON of an answer.
  func document(_ subject: String, _ call: () -> HTTPCall) async throws(StoreError) -> JSONDocument {
    let bytes = try await answer(subject, call)
    do throws(JSONError) { return try JSONDocument(parsing: bytes, maxDepth: 16) } catch {
      throw context.fault("\(subject) gives an answer that is no JSON: \(error)")
    }
  }

  /// What an error answer says: XML, or JSON with a message, or nothing that is read.
  private static func reason(_ failure: S3Failure, _ body: [UInt8]) -> String {
    if let code = failure.code { return "\(code) \(failure.message.map { "\"\($0.prefix(300))\"" } ?? "")" }
    let document = try? JSONDocument(parsing: body, maxDepth: 8)
    let code = document?["code"]?.string ?? document?["__type"]?.string ?? ""
    return "\(code) \((document?["message"]?.string ?? document?["Message"]?.string ?? "").prefix(300))"
  }
}

extension AWSCredentials {
  /// Credentials as the container service, the instance metadata and `credential_process` write them.
  init?(_ document: JSONDocument, token: String, source: String) {
    guard let id = document["AccessKeyId"]?.string, let secret = document["SecretAccessKey"]?.string, !id.isEmpty,
      !secret.isEmpty
    else { return nil }
    self.init(
      accessKeyID: id, secretAccessKey: secret, sessionToken: document[token]?.string,
      expiration: document["Expiration"]?.string.flatMap { Timestamp.milliseconds(iso8601: $0) }, source: source)
  }
}
