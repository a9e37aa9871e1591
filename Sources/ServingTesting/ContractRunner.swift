extension ContractFile {
  /// Runs the file on one connection to a server; what is not as expected, with the step's number.
  public func run(host: String = "127.0.0.1", port: Int) throws -> [String] {
    let client = try SocketClient(host: host, port: port)
    var found: [String] = []
    for (index, step) in steps.enumerated() {
      switch step {
      case .send(let bytes): client.send(bytes)
      case .endOfInput: client.endOutput()
      case .closed: if !client.isClosed() { found.append("step \(index): the connection is still open") }
      case .expect(let expectation):
        do {
          let response = try client.response(hasBody: expectation.hasBody)
          found += expectation.mismatches(response).map { "step \(index): \($0)" }
        } catch {
          found.append("step \(index): \(error)")
          return found
        }
      }
    }
    return found
  }

  /// Runs the file against a function: every `send` is one request, every `expect` looks at its answer.
  public func run(_ respond: ([UInt8]) throws -> ContractResponse) rethrows -> [String] {
    var answers: [ContractResponse] = []
    var found: [String] = []
    for (index, step) in steps.enumerated() {
      switch step {
      case .send(let bytes): answers.append(try respond(bytes))
      case .endOfInput, .closed: break
      case .expect(let expectation):
        guard !answers.isEmpty else {
          found.append("step \(index): nothing was sent")
          continue
        }
        var response = answers.removeFirst()
        if !expectation.hasBody { response.body = [] }
        found += expectation.mismatches(response).map { "step \(index): \($0)" }
      }
    }
    return found
  }
}
