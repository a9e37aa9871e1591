import NIOCore
import ServingCore
import ServingHTTP
import ServingTesting
import Testing

struct RouteTableTests {
  private static func text(_ response: HTTPResponse) -> String { String(decoding: response.body, as: UTF8.self) }

  @Test func segmentsInBracesAreParameters() {
    let table = RouteTable([
      Route(.POST, "/models/{model}/invoke", doc: "") { request in .json(request.parameters["model"] ?? "-") },
      Route(.GET, "/models/{model}", doc: "") { request in .json("one \(request.parameters["model"] ?? "-")") },
      Route(.GET, "/models", doc: "") { _ in .json("all") },
    ])
    func get(_ method: HTTPMethod, _ target: String) -> HTTPResponse {
      table.respond(to: HTTPRequest(method: method, target: target))
    }
    #expect(Self.text(get(.POST, "/models/a%2Fb%20c/invoke?x=1")) == "a/b c")
    #expect(Self.text(get(.GET, "/models/x")) == "one x")
    #expect(Self.text(get(.GET, "/models")) == "all")
    #expect(get(.GET, "/models/").status == 404)
    #expect(get(.GET, "/models/a%2").status == 404)
    #expect(get(.GET, "/models/a%00").status == 404)
    #expect(get(.DELETE, "/models/x").headers.first { $0.0 == "allow" }?.1 == "GET, HEAD")
  }

  @Test func aModelThatIsNotReadySaysWhyAndWhenToComeBack() {
    let table = RouteTable([.ping { .notReady("The model is being loaded.") }])
    let response = table.respond(
      to: HTTPRequest(method: .GET, target: "/ping", headers: [("X-Request-Id", "r1")]))
    #expect(response.status == 503)
    #expect(response.headers.contains { $0 == ("retry-after", "1") })
    #expect(
      Self.text(response)
        == "{\"error\":{\"code\":\"not_ready\",\"message\":\"The model is being loaded.\",\"requestId\":\"r1\"}}\n")
    #expect(RouteTable([.ping { .draining }]).respond(to: HTTPRequest(method: .GET, target: "/ping")).status == 503)
  }

  @Test func theHandlerGetsHeadersAndBody() {
    struct Echo: InvocationHandler {
      let expectedNanoseconds: UInt64 = 0
      func invoke(_ request: InvocationRequest) throws(ServingError) -> InvocationResponse {
        let parts = [request.contentType, request.accept, request.customAttributes].map { $0 ?? "nil" }
        return InvocationResponse(
          contentType: "x/y",
          body: Array((parts + [String(decoding: request.body, as: UTF8.self)]).joined(separator: "|").utf8))
      }
    }
    let table = RouteTable([.invocations(Echo())])
    let full = HTTPRequest(
      method: .POST, target: "/invocations",
      headers: [
        ("CONTENT-TYPE", "a/b; c=d"), ("Accept", "e/f"), ("accept", "g/h"),
        ("X-Amzn-SageMaker-Custom-Attributes", "i=j"),
      ], body: Array("body".utf8))
    #expect(Self.text(table.respond(to: full)) == "a/b; c=d|e/f, g/h|i=j|body")
    #expect(Self.text(table.respond(to: HTTPRequest(method: .POST, target: "/invocations"))) == "nil|nil|nil|")
    #expect(table.respond(to: full).contentType == "x/y")
  }

  @Test func aBodyOverTheLimitNamesLimitAndSetting() {
    var configuration = HTTPServerConfiguration()
    configuration.maxBodyBytes = 3
    let table = RouteTable([.invocations(SumRows())], configuration: configuration)
    let response = table.respond(
      to: HTTPRequest(method: .POST, target: "/invocations", body: Array("1,23".utf8)))
    #expect(response.status == 413)
    #expect(Self.text(response).contains("\"limit\":\"3B\",\"setting\":\"max-body-size\""))
  }

  @Test func errorBodiesAreValidJSONWhateverTheyName() {
    let error = ServingError(
      .invalidValue, "a \"quote\" \\ and\u{0}\n\u{1F}é\u{1F600}", field: "f", expected: "e", got: "g", limit: "l",
      setting: "s")
    #expect(
      String(decoding: ErrorBody.json(error, requestID: nil), as: UTF8.self)
        == "{\"error\":{\"code\":\"invalid_value\",\"message\":\"a \\\"quote\\\" \\\\ and\\u0000\\n\\u001fé\u{1F600}\","
        + "\"field\":\"f\",\"expected\":\"e\",\"got\":\"g\",\"limit\":\"l\",\"setting\":\"s\"}}\n")
  }

  @Test func onlySaneRequestIdsAreTaken() {
    func id(_ headers: [(String, String)]) -> String {
      HTTPRequest(method: .GET, target: "/", headers: headers).requestID
    }
    let longest = String(repeating: "x", count: 128)
    #expect(id([("x-request-id", longest)]) == longest)
    #expect(id([("x-request-id", longest + "x"), ("x-amzn-requestid", "y")]) == "y")
    #expect(id([("x-request-id", "a b")]).count == 16)
    #expect(id([("x-request-id", "é")]).count == 16)
    #expect(id([("x-request-id", "")]).count == 16)
  }
}
