import ArtifactS3
import Testing

/// The examples of the Amazon S3 API reference, "Signature calculations for the Authorization header".
@Suite struct SignatureV4Tests {
  private let signature = SignatureV4(
    credentials: AWSCredentials(
      accessKeyID: "AKIAIOSFODNN7EXAMPLE", secretAccessKey: "wJalrXUtnFEMI/K7MDENG/bPxRfiCYEXAMPLEKEY", source: "test"),
    region: "us-east-1")
  /// 2013-05-24T00:00:00Z
  private let time: Int64 = 1_369_353_600

  private func signed(_ request: SigningRequest) -> String {
    let value = signature.headers(for: request, at: time).first { $0.name == "Authorization" }?.value ?? ""
    return value.split(separator: "Signature=").last.map(String.init) ?? ""
  }

  @Test func getWithARangeIsSignedAsPublished() {
    let request = SigningRequest(
      method: "GET", path: "/test.txt",
      headers: [("host", "examplebucket.s3.amazonaws.com"), ("Range", "bytes=0-9")])
    #expect(signed(request) == "f0e8bdb87c964420e857bd35b5d6ed310bd44f0170aba48dd91039c6036bdb41")
  }

  @Test func putWithABodyIsSignedAsPublished() {
    let request = SigningRequest(
      method: "PUT", path: "/test$file.text",
      headers: [
        ("Host", "examplebucket.s3.amazonaws.com"), ("Date", "Fri, 24 May 2013 00:00:00 GMT"),
        ("x-amz-storage-class", "REDUCED_REDUNDANCY"),
      ], payloadHash: SignatureV4.hash(Array("Welcome to Amazon S3.".utf8)))
    #expect(signed(request) == "98ad721746da40c64f1a55b78f14c238d841ea1380cd77a1b5971af0ece108bd")
  }

  @Test func queriesAreSignedAsPublished() {
    let host = [(name: "host", value: "examplebucket.s3.amazonaws.com")]
    #expect(
      signed(SigningRequest(method: "GET", path: "/", query: [("lifecycle", "")], headers: host))
        == "fea454ca298b7da1c68078a5d1bdbfbbe0d65c699e0f91ac7a200a0136783543")
    #expect(
      signed(SigningRequest(method: "GET", path: "/", query: [("prefix", "J"), ("max-keys", "2")], headers: host))
        == "34b48302e7b5fa45bde8084f4b7868a86f0a534bc59db6670ed5711ef69dc6f7")
  }

  @Test func canonicalRequestKeepsThePathAndCollapsesBlanks() {
    let request = SigningRequest(
      method: "GET", path: "/a//../b c+%20", query: [("b", "é"), ("a", ""), ("a", "=")],
      headers: [("X-Amz-Meta", "  one   two "), ("Host", "h:9000"), ("User-Agent", "no")])
    let (text, names) = SignatureV4.canonicalRequest(request)
    #expect(
      text == """
        GET
        /a//../b%20c%2B%2520
        a=&a=%3D&b=%C3%A9
        host:h:9000
        x-amz-meta:one two

        host;x-amz-meta
        \(SignatureV4.emptyPayloadHash)
        """)
    #expect(names == "host;x-amz-meta")
  }

  @Test func tokenIsSigned() {
    let signature = SignatureV4(
      credentials: AWSCredentials(accessKeyID: "A", secretAccessKey: "S", sessionToken: "T", source: "test"),
      region: "us-east-1")
    let headers = signature.headers(for: SigningRequest(method: "GET", path: "/", headers: [("host", "h")]), at: time)
    #expect(headers.contains { $0 == ("X-Amz-Security-Token", "T") })
    let authorization = headers.first { $0.name == "Authorization" }?.value ?? ""
    #expect(authorization.contains("SignedHeaders=host;x-amz-content-sha256;x-amz-date;x-amz-security-token,"))
  }

  @Test func credentialsAreDescribedWithoutTheirSecrets() {
    let credentials = AWSCredentials(accessKeyID: "A", secretAccessKey: "hidden", sessionToken: "quiet", source: "test")
    #expect("\(credentials)" == "A (test)")
    #expect(String(reflecting: credentials) == "A (test)")
  }
}
