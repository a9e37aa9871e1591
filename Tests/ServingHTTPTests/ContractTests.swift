import Foundation
import NIOCore
import ServingCore
import ServingHTTP
import ServingTesting
import Testing

/// The golden files of `Tests/Contract`, against the route table and against a server. With
/// `SWIFTLET_CONTRACT_TARGET=host:port` the files of the layer `SWIFTLET_CONTRACT_LAYER` (`nginx` unless given) in the
/// folders of `SWIFTLET_CONTRACT_FOLDERS` (`http` unless given) are run against that server instead.
struct ContractTests {
  struct Case: CustomTestStringConvertible {
    var name: String
    var text: String
    var testDescription: String { name }
  }

  private static let root = URL(filePath: #filePath).deletingLastPathComponent().deletingLastPathComponent()
    .appending(path: "Contract")

  static func cases(_ folders: [String]) -> [Case] {
    folders.flatMap { folder in
      let directory = root.appending(path: folder)
      let names = (try? FileManager.default.contentsOfDirectory(atPath: directory.path)) ?? []
      return names.sorted().filter { $0.hasSuffix(".httptest") }.compactMap { name -> Case? in
        guard let data = try? Data(contentsOf: directory.appending(path: name)) else { return nil }
        return Case(name: "\(folder)/\(name)", text: String(decoding: data, as: UTF8.self))
      }
    }
  }

  static let all = cases(["http", "sum-rows"])

  @Test func contractFilesAreThere() { #expect(Self.all.count > 60) }

  @Test(arguments: all) func contractHoldsForTheRouteTable(_ test: Case) throws {
    let file = try ContractFile(test.text)
    guard file.layers.contains("router") else { return }
    var configuration = HTTPServerConfiguration()
    configuration.maxBodyBytes = 1 << 20
    let table = RouteTable(Route.contract, configuration: configuration)
    let found = try file.run { bytes in
      var reader = RequestReader(RequestHeadLimits(configuration))
      var input = ByteBuffer(bytes: bytes)
      guard case .head(let head) = reader.next(&input) else { throw ContractFile.SyntaxError(description: "no head") }
      reader.accept(limit: .max, setting: "")
      guard case .body(let body) = reader.next(&input) else { throw ContractFile.SyntaxError(description: "no body") }
      let request = HTTPRequest(
        method: head.method, target: head.target, headers: head.headers.all.map { ($0.name, $0.value) },
        body: Array(body.readableBytesView))
      let response = table.respond(to: request)
      let headers =
        response.headers.map { (name: $0.0, value: $0.1) } + [
          (name: "content-type", value: response.contentType ?? ""),
          (name: "content-length", value: "\(response.body.count)"),
          (name: "x-request-id", value: request.requestID),
        ]
      return ContractResponse(status: response.status, headers: headers, body: response.body)
    }
    #expect(found == [])
  }

  @Test func contractHoldsForALiveServer() async throws {
    try await LiveServer.run(Route.contract) { live in
      for test in Self.all {
        let file = try ContractFile(test.text)
        guard file.layers.contains("live") else { continue }
        let found = try file.run(port: live.port)
        #expect(found == [], "\(test.name): \(file.title)")
      }
    }
  }

  private static let environment = ProcessInfo.processInfo.environment

  @Test(.enabled(if: environment["SWIFTLET_CONTRACT_TARGET"] != nil, "SWIFTLET_CONTRACT_TARGET names no server"))
  func contractHoldsForTheNamedServer() throws {
    let target = (Self.environment["SWIFTLET_CONTRACT_TARGET"] ?? "").split(separator: ":")
    let port = try #require(target.last.flatMap { Int($0) })
    let layer = Self.environment["SWIFTLET_CONTRACT_LAYER"] ?? "nginx"
    let folders = (Self.environment["SWIFTLET_CONTRACT_FOLDERS"] ?? "http").split(separator: ",").map(String.init)
    for test in Self.cases(folders) {
      let file = try ContractFile(test.text)
      guard file.layers.contains(layer) else { continue }
      let found = try file.run(host: String(target[0]), port: port)
      #expect(found == [], "\(test.name): \(file.title)")
    }
  }
}
