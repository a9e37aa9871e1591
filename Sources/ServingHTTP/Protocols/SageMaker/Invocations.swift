import NIOCore
public import ServingCore
import TextEncodings

extension Route {
  /// `POST /invocations`: predictions for the body, in the media type that `Accept` asks for, by the model that
  /// `X-Amzn-SageMaker-Target-Model` names where there are several.
  public static func invocations(_ targets: any InvocationTargets) -> Route {
    var route = Route(
      .POST, "/invocations", doc: "Predictions for the body.", execution: .measured { $0.expectedNanoseconds }
    ) { request throws(ServingError) in try request.invokeTarget() }
    route.prepare = preparing(targets) { request throws(ServingError) in try request.targetModel() }
    return route
  }

  /// The same for a server of one model.
  public static func invocations(_ handler: any InvocationHandler) -> Route { .invocations(SingleTarget(handler)) }

  /// `POST /models/{name}/invoke`: the same for the model in the path, as SageMaker's multi-model contract has it.
  public static func invokeModel(_ targets: any InvocationTargets) -> Route {
    var route = Route(
      .POST, "/models/{name}/invoke", doc: "Predictions for the body by one of several models.",
      execution: .measured { $0.expectedNanoseconds }
    ) { request throws(ServingError) in try request.invokeTarget() }
    route.prepare = preparing(targets) { $0.parameters["name"] }
    return route
  }

  /// Finds the model that a request names.
  static func preparing(
    _ targets: any InvocationTargets, name: @escaping @Sendable (HTTPRequest) throws(ServingError) -> String?
  ) -> Prepare {
    { request, completion in
      let model: String?
      do throws(ServingError) { model = try name(request) } catch { return .failed(error) }
      let mayMove = request.headers.firstField(MovedRequest.field) == nil
      let lookup = targets.target(model, mayMove: mayMove) { result in
        switch result {
        case .success(let handler): completion(.target(handler))
        case .failure(let error): completion(.failed(error))
        }
      }
      switch lookup {
      case .found(let handler): return .target(handler)
      case .failed(let error): return .failed(error)
      case .elsewhere: return .response(MovedRequest.response)
      case .waiting: return nil
      }
    }
  }
}

/// A request that a worker hands back to nginx, for any worker to answer. nginx marks it on its way there, so that it moves
/// once at most, and removes the mark from what clients send.
enum MovedRequest {
  static let field: StaticString = "x-swiftlet-moved"
  /// The named location of nginx.conf.
  static let response = HTTPResponse(status: 200, headers: [("x-accel-redirect", "@moved")])
}

extension HTTPRequest {
  /// What a call of the request's model is expected to take.
  var expectedNanoseconds: UInt64 { target?.expectedNanoseconds ?? 0 }

  /// The model that the header names: UTF-8, percent-encoded where it is not ASCII. What is no such encoding is a name as it
  /// stands.
  func targetModel() throws(ServingError) -> String? {
    guard let text = headers["x-amzn-sagemaker-target-model"] else { return nil }
    guard headers.joined("x-amzn-sagemaker-target-model") == text else {
      throw ServingError(
        .badRequest, "The request names several models.", field: "X-Amzn-SageMaker-Target-Model", expected: "one name")
    }
    return text.utf8.contains(UInt8(ascii: "%")) ? PercentEncoding.decoded(text) ?? text : text
  }

  func invokeTarget() throws(ServingError) -> HTTPResponse {
    guard let target else { throw ServingError(.internalError, "The request has no model.") }
    return try target.respond(to: self)
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
