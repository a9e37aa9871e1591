import ArgumentParser
import AsyncHTTPClient
import JSONDocument
import ModelTools
import NIOCore
import NIOHTTP1
import Settings
import Supervisor

/// Where a server is, and who calls.
struct ServerOptions: ParsableArguments {
  @Option(help: "The server.")
  var url = "http://localhost:8080"

  @Option(help: "What the server's management-token is; better given as SWIFTLET_MANAGEMENT_TOKEN.")
  var token: String?

  @Flag(help: "Print the server's JSON.")
  var json = false

  func reporting(_ body: (ManagementClient) throws -> Void) throws {
    try ExitStatus.reporting {
      let token = token ?? ProcessEnvironment.all["SWIFTLET_MANAGEMENT_TOKEN"]
      try body(ManagementClient(url: url, token: token))
    }
  }

  /// Prints what a call gives: a line for each member.
  func printing(_ call: (ManagementClient) throws -> JSONDocument) throws {
    try reporting { client in
      let answer = try call(client)
      if json { return print(answer.text()) }
      for (name, value) in answer.object ?? [] { print("\(name)\t\(value.string ?? value.text())") }
    }
  }
}

/// Calls the management API.
struct ManagementClient {
  let url: String
  let token: String?

  /// - Returns: the answer's JSON.
  /// - Throws: `ToolError` with the server's own message.
  func call(_ method: String, _ target: String, body: String? = nil) throws -> JSONDocument {
    let base = url.hasSuffix("/") ? String(url.dropLast()) : url
    var headers = HTTPHeaders([("user-agent", "swiftlet")])
    if let token { headers.add(name: "authorization", value: "Bearer \(token)") }
    if body != nil { headers.add(name: "content-type", value: "application/json") }
    let response: HTTPClient.Response
    do {
      let request = try HTTPClient.Request(
        url: base + target, method: HTTPMethod(rawValue: method), headers: headers, body: body.map { .string($0) })
      response = try HTTPClient.shared.execute(request: request, deadline: .now() + .hours(1)).wait()
    } catch {
      throw ToolError("cannot reach \(base): \(error); is the server running there? (--url)")
    }
    let bytes = response.body.map { Array($0.readableBytesView) } ?? []
    let document = try? JSONDocument(parsing: bytes)
    guard response.status.code < 300, let document else {
      let message = document?["error"]?["message"]?.string ?? String(decoding: bytes.prefix(500), as: UTF8.self)
      throw ToolError("\(base)\(target) answers \(response.status.code): \(message)")
    }
    return document
  }
}
