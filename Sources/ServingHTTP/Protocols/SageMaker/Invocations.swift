import NIOCore
public import ServingCore

extension Route {
  /// `POST /invocations`: predictions for the body, in the media type that `Accept` asks for.
  public static func invocations(_ handler: any InvocationHandler) -> Route {
    Route(
      .POST, "/invocations", doc: "Predictions for the body.", execution: .measured { handler.expectedNanoseconds }
    ) { request throws(ServingError) in try handler.respond(to: request) }
  }
}

extension InvocationHandler {
  /// The answer to a request whose body is the model's input.
  func respond(to request: HTTPRequest) throws(ServingError) -> HTTPResponse {
    let headers = request.headers
    let contentType = headers["content-type"]
    let accept = headers.joined("accept")
    let attributes = headers["x-amzn-sagemaker-custom-attributes"]
    let result: Result<InvocationResponse, ServingError> = request.body.withUnsafeReadableBytes { bytes in
      do throws(ServingError) {
        return .success(
          try invoke(
            InvocationRequest(contentType: contentType, accept: accept, customAttributes: attributes, body: bytes)))
      } catch {
        return .failure(error)
      }
    }
    let answer = try result.get()
    return HTTPResponse(status: 200, contentType: answer.contentType, body: answer.body)
  }
}

extension HTTPHeaderFields {
  /// The value of a list header: all lines of that name, as the one list that they are (RFC 9110, section 5.3).
  func joined(_ name: StaticString) -> String? {
    let span = bytes.readableBytesSpan
    var text: String?
    for field in fields where HTTPCharacters.equals(span, field.name, name) {
      text = text.map { "\($0), \(self.text(field.value))" } ?? self.text(field.value)
    }
    return text
  }
}
