import JSONDocument
public import ModelHosting
import NIOCore
import ServingCore
import TextEncodings

// One route each; what they do is the supervisor's.
extension Route {
  /// `GET /models`: the models that are loaded, as SageMaker's multi-model contract lists them; `registered=true`: all that
  /// the store holds.
  public static func listModels(_ management: any ModelManagement, _ gate: ManagementGuard) -> Route {
    .management(.GET, "/models", "Loaded models; registered=true: all in the store.", management, gate) {
      request throws(ServingError) in
      let query = request.queryItems
      let token = query["next_page_token"].flatMap { $0.isEmpty ? nil : $0 }
      var limit = 100
      if let text = query["limit"] {
        guard let number = Int(text), number > 0 else {
          throw ServingError(.badRequest, "limit is no number above 0.", field: "limit", got: String(text.prefix(40)))
        }
        limit = min(number, 1000)
      }
      return query["registered"] == "true"
        ? .listRegistered(limit: limit, token: token) : .list(limit: limit, token: token)
    }
  }

  /// `POST /models` with `{"model_name": "...", "url": "..."}`: loads a model by hand.
  public static func loadModel(_ management: any ModelManagement, _ gate: ManagementGuard) -> Route {
    .management(.POST, "/models", "Loads the model at url under model_name.", management, gate) {
      request throws(ServingError) in
      let bytes = request.body.withUnsafeReadableBytes { Array($0) }
      guard let document = try? JSONDocument(parsing: bytes), let name = document["model_name"]?.string,
        let url = document["url"]?.string
      else {
        throw ServingError(
          .malformedBody, "The body is no JSON object with the texts model_name and url.",
          expected: "{\"model_name\": \"iris\", \"url\": \"/opt/ml/models/iris/model\"}")
      }
      return .load(name: name, url: url)
    }
  }

  /// `GET /models/{name}`.
  public static func describeModel(_ management: any ModelManagement, _ gate: ManagementGuard) -> Route {
    .management(.GET, "/models/{name}", "State, version, memory and use of a loaded model.", management, gate) {
      .describe(name: $0.parameters["name"] ?? "")
    }
  }

  /// `DELETE /models/{name}`: answers when the memory is free.
  public static func unloadModel(_ management: any ModelManagement, _ gate: ManagementGuard) -> Route {
    .management(.DELETE, "/models/{name}", "Unloads a model.", management, gate) {
      .unload(name: $0.parameters["name"] ?? "")
    }
  }

  /// `POST /models/{name}/refresh`: answers when every worker serves what the store has, or none does.
  public static func refreshModel(_ management: any ModelManagement, _ gate: ManagementGuard) -> Route {
    .management(.POST, "/models/{name}/refresh", "Takes the newest generation from the store.", management, gate) {
      .refresh(name: $0.parameters["name"] ?? "")
    }
  }

  /// `POST /models/{name}/rollback`: back to the generation before, or to the one that `version` names.
  public static func rollbackModel(_ management: any ModelManagement, _ gate: ManagementGuard) -> Route {
    .management(.POST, "/models/{name}/rollback", "Goes back to a generation before.", management, gate) {
      .rollback(name: $0.parameters["name"] ?? "", version: $0.queryItems["version"])
    }
  }

  /// `GET /metrics`, as Prometheus reads it.
  public static func metrics(_ management: any ModelManagement, _ gate: ManagementGuard) -> Route {
    .management(.GET, "/metrics", "Metrics in Prometheus' text format.", management, gate) { _ in .metrics }
  }

  private static func management(
    _ method: HTTPMethod, _ path: PathPattern, _ doc: String, _ management: any ModelManagement,
    _ gate: ManagementGuard, _ command: @escaping @Sendable (HTTPRequest) throws(ServingError) -> ManagementCommand
  ) -> Route {
    var route = Route(method, path, doc: doc, maxBodyBytes: bodyLimitOfReads) { _ throws(ServingError) in
      throw ServingError(.internalError, "A command was not handed on.")
    }
    route.prepare = { request, completion in
      do throws(ServingError) {
        try gate.admit(request)
        management.submit(try command(request)) { answer in completion(preparation(answer)) }
        return nil
      } catch {
        return .failed(error)
      }
    }
    return route
  }

  private static func preparation(_ answer: ManagementAnswer) -> Preparation {
    switch answer {
    case .json(let document): .response(.json(document.text() + "\n"))
    case .text(let text):
      .response(
        HTTPResponse(status: 200, contentType: "text/plain; version=0.0.4; charset=utf-8", body: Array(text.utf8)))
    case .failed(let error): .failed(error)
    }
  }
}

extension HTTPRequest {
  /// The query's items, percent-decoded; of several with one name the last.
  var queryItems: [String: String] {
    var items: [String: String] = [:]
    for part in (query ?? "").split(separator: "&") {
      let sides = part.split(separator: "=", maxSplits: 1, omittingEmptySubsequences: false)
      guard let name = PercentEncoding.decoded(sides[0]) else { continue }
      items[name] = sides.count > 1 ? PercentEncoding.decoded(sides[1]) ?? "" : ""
    }
    return items
  }
}
