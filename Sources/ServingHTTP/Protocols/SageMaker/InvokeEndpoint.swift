public import ServingCore

extension Route {
  /// `POST /endpoints/{endpoint}/invocations`: InvokeEndpoint of the SageMaker Runtime API, as the AWS clients call it
  /// with their `endpoint_url` set to this server. Signatures are not checked, and every endpoint name means this server;
  /// `TargetModel` names one of several models.
  ///
  /// Errors have the API's shapes: what the model's container would answer is a ModelError (424) with the original status
  /// and body, a server that cannot answer now a ServiceUnavailable (503), which the clients try again.
  public static func invokeEndpoint(_ targets: any InvocationTargets) -> Route {
    var route = Route(
      .POST, "/endpoints/{endpoint}/invocations", doc: "InvokeEndpoint of the SageMaker Runtime API.",
      execution: .measured { $0.expectedNanoseconds }
    ) { request throws(ServingError) in
      guard RuntimeAPI.isEndpointName(request.parameters["endpoint"] ?? "") else {
        return RuntimeAPI.error(
          "ValidationError", status: 400,
          "An endpoint name has 1 to 63 letters, digits and hyphens, and begins and ends with a letter or digit.",
          requestID: request.requestID)
      }
      var response = try request.invokeTarget()
      response.headers += [
        ("x-amzn-requestid", request.requestID), ("x-amzn-invoked-production-variant", RuntimeAPI.variant),
      ]
      return response
    }
    route.errorResponse = RuntimeAPI.response
    route.prepare = preparing(targets) { request throws(ServingError) in try request.targetModel() }
    return route
  }
}

/// The wire shapes of the SageMaker Runtime API, version 2017-05-13.
enum RuntimeAPI {
  /// The name of the only variant, as SageMaker's own tools name it.
  static let variant = "AllTraffic"

  /// `^[a-zA-Z0-9](-*[a-zA-Z0-9])*$`, 63 characters at most.
  static func isEndpointName(_ name: String) -> Bool {
    func isAlphanumeric(_ c: UInt8) -> Bool {
      switch c {
      case UInt8(ascii: "0")...UInt8(ascii: "9"), UInt8(ascii: "A")...UInt8(ascii: "Z"),
        UInt8(ascii: "a")...UInt8(ascii: "z"):
        true
      default: false
      }
    }
    guard name.utf8.count <= 63, let first = name.utf8.first, let last = name.utf8.last else { return false }
    return isAlphanumeric(first) && isAlphanumeric(last)
      && name.utf8.allSatisfy { isAlphanumeric($0) || $0 == UInt8(ascii: "-") }
  }

  /// A ServingError in the API's shape.
  @Sendable static func response(to failure: ServingError, requestID: String) -> HTTPResponse {
    let status = failure.code.status
    guard status != 503 else {
      var response = error("ServiceUnavailable", status: 503, failure.message, requestID: requestID)
      response.headers.append(("retry-after", "1"))
      return response
    }
    let original = String(decoding: ErrorBody.json(failure, requestID: requestID).dropLast(), as: UTF8.self)
    let kind = status < 500 ? "client" : "server"
    return error(
      "ModelError", status: 424, "Received \(kind) error (\(status)) from primary with message \"\(original)\".",
      original: (status, original), requestID: requestID)
  }

  /// OriginalMessage holds this many characters at most.
  private static let maxOriginalMessage = 2048

  /// An error of the API: its name stands in a header, its members in a JSON object.
  static func error(
    _ name: String, status: Int, _ message: String, original: (status: Int, message: String)? = nil, requestID: String
  ) -> HTTPResponse {
    var sink = ByteSink(capacity: 128 + message.utf8.count * 2)
    sink.append("{\"Message\":")
    sink.append(jsonString: message)
    if let original {
      sink.append(",\"OriginalStatusCode\":")
      sink.append(integer: original.status)
      sink.append(",\"OriginalMessage\":")
      sink.append(jsonString: String(original.message.prefix(maxOriginalMessage)))
    }
    sink.append("}\n")
    return HTTPResponse(
      status: status, headers: [("x-amzn-errortype", name), ("x-amzn-requestid", requestID)],
      contentType: ErrorBody.contentType, body: sink.finish())
  }
}
