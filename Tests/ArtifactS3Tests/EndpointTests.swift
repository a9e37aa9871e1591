import ArtifactS3
import Testing

@Suite struct EndpointTests {
  struct Case: Sendable {
    var bucket = "models"
    var region = "eu-central-1"
    var custom: String?
    var style = S3AddressingStyle.auto
    var isDual = false
    var isFIPS = false
    var url: String
    var root: String
  }

  static let cases: [Case] = [
    Case(url: "https://models.s3.eu-central-1.amazonaws.com", root: "/"),
    Case(style: .path, url: "https://s3.eu-central-1.amazonaws.com", root: "/models/"),
    Case(bucket: "a.b.c", url: "https://s3.eu-central-1.amazonaws.com", root: "/a.b.c/"),
    Case(bucket: "a.b.c", style: .virtual, url: "https://s3.eu-central-1.amazonaws.com", root: "/a.b.c/"),
    Case(bucket: "Upper", url: "https://s3.eu-central-1.amazonaws.com", root: "/Upper/"),
    Case(bucket: "under_score", url: "https://s3.eu-central-1.amazonaws.com", root: "/under_score/"),
    Case(region: "aws-global", url: "https://models.s3.amazonaws.com", root: "/"),
    Case(region: "cn-north-1", url: "https://models.s3.cn-north-1.amazonaws.com.cn", root: "/"),
    Case(isDual: true, url: "https://models.s3.dualstack.eu-central-1.amazonaws.com", root: "/"),
    Case(region: "us-gov-west-1", isFIPS: true, url: "https://models.s3-fips.us-gov-west-1.amazonaws.com", root: "/"),
    Case(
      region: "us-east-1", isDual: true, isFIPS: true, url: "https://models.s3-fips.dualstack.us-east-1.amazonaws.com",
      root: "/"),
    Case(custom: "http://127.0.0.1:9000", url: "http://127.0.0.1:9000", root: "/models/"),
    Case(custom: "http://127.0.0.1:9000", style: .virtual, url: "http://127.0.0.1:9000", root: "/models/"),
    Case(custom: "http://[::1]:9000/", style: .virtual, url: "http://[::1]:9000", root: "/models/"),
    Case(custom: "https://minio.example", url: "https://minio.example", root: "/models/"),
    Case(custom: "https://minio.example:443", style: .virtual, url: "https://models.minio.example", root: "/"),
    Case(custom: "http://gateway.example/s3%20api/", url: "http://gateway.example", root: "/s3 api/models/"),
    Case(bucket: "a.b", custom: "http://minio.example", style: .virtual, url: "http://a.b.minio.example", root: "/"),
  ]

  @Test(arguments: cases) func bucketIsAddressed(_ item: Case) throws {
    var rules = S3EndpointRules(style: item.style)
    if let custom = item.custom { rules.custom = try #require(EndpointURL(custom)) }
    rules.usesDualStack = item.isDual
    rules.usesFIPS = item.isFIPS
    let endpoint = rules.endpoint(bucket: item.bucket, region: item.region)
    #expect("\(endpoint.url)" == item.url)
    #expect(endpoint.root == item.root)
    #expect(endpoint.region == (item.region == "aws-global" ? "us-east-1" : item.region))
  }

  @Test(arguments: [
    ("bucket.s3-eu-west-1.amazonaws.com", "eu-west-1"), ("s3.eu-west-1.amazonaws.com", "eu-west-1"),
    ("b.s3.dualstack.us-west-2.amazonaws.com", "us-west-2"), ("b.s3.cn-north-1.amazonaws.com.cn", "cn-north-1"),
    ("b.s3.amazonaws.com", nil), ("example.com", nil), ("s3-fips.us-east-1.amazonaws.com", "us-east-1"),
  ]) func regionIsReadFromAnEndpoint(_ host: String, _ region: String?) {
    #expect(S3EndpointRules.region(endpoint: host) == region)
  }

  @Test(arguments: [
    "", "ftp://x", "http://", "http://a b", "http://h:0", "http://h:99999", "http://h:x", "http://[::1", "http://[x]",
    "http://h/a b", "http://h\u{e9}", "//h", "h:80",
  ]) func whatIsNoURLIsRefused(_ text: String) {
    #expect(EndpointURL(text) == nil)
  }

  @Test func proxiesFollowTheEnvironment() throws {
    let proxies = ProxySettings(environment: [
      "HTTPS_PROXY": "http://user:p%40ss@secure:3128", "http_proxy": "plain:8080", "HTTP_PROXY": "http://other:1",
      "NO_PROXY": "localhost, .internal,10.0.0.0/8,host.example:8443",
    ])
    func proxy(_ url: String) throws -> String? { proxies.proxy(for: try #require(EndpointURL(url)))?.host }
    #expect(try proxy("https://s3.amazonaws.com") == "secure")
    #expect(proxies.secure?.userInfo == "user:p@ss")
    #expect(try proxy("http://minio") == "plain")
    #expect(try proxy("http://localhost:9000") == nil)
    #expect(try proxy("https://a.internal") == nil)
    #expect(try proxy("https://internal") == nil)
    #expect(try proxy("https://notinternal") == "secure")
    #expect(try proxy("http://10.1.2.3") == nil)
    #expect(try proxy("http://11.1.2.3") == "plain")
    #expect(try proxy("https://host.example:8443") == nil)
    #expect(try proxy("https://host.example") == "secure")
    #expect(ProxySettings(environment: ["HTTP_PROXY": "http://x", "REQUEST_METHOD": "GET"]).plain == nil)
    let none = ProxySettings(environment: ["ALL_PROXY": "http://x", "no_proxy": "*"])
    #expect(none.proxy(for: EndpointURL(isSecure: false, host: "h")) == nil)
  }
}
