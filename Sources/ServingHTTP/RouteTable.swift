import Dispatch
import NIOCore
package import ServingCore
import Synchronization

/// The routes of a server, and the answer to every request without any socket: 404, 405 with `Allow`, content encodings,
/// errors as JSON. Connections and tests call the same functions.
public struct RouteTable: Sendable {
  public let routes: [Route]
  /// Limits that hold for bodies.
  public var configuration: HTTPServerConfiguration
  /// Positions in `routes` by path, for paths without parameters.
  private let literals: [String: [Int]]
  private let patterns: [Int]
  /// Routes of the same server that another process answers.
  private let elsewhere: [Route]

  /// - Parameter elsewhere: routes that another process of the same server answers: the answer to an unknown path names
  ///   them, too.
  public init(
    _ routes: [Route], elsewhere: [Route] = [], configuration: HTTPServerConfiguration = HTTPServerConfiguration()
  ) {
    self.routes = routes
    self.elsewhere = elsewhere
    self.configuration = configuration
    literals = Dictionary(grouping: routes.indices.filter { routes[$0].path.isLiteral }) { routes[$0].path.description }
    patterns = routes.indices.filter { !routes[$0].path.isLiteral }
  }

  /// Answers a request; every error becomes its JSON answer.
  public func respond(to request: HTTPRequest) -> HTTPResponse {
    switch match(request.method, request.path) {
    case .refused(let refusal):
      return response(to: refusal, requestID: request.requestID)
    case .found(let route, let parameters):
      let limit = bodyLimit(of: route)
      do throws(ServingError) {
        if request.body.readableBytes > limit {
          throw .bodyTooLarge(limit: limit, setting: setting(of: route))
        }
        _ = try ContentDecoding.coding(request.headers)
      } catch {
        return routes[route].errorResponse(error, request.requestID)
      }
      var request = request
      request.parameters = parameters
      switch prepare(route, request) {
      case nil: return run(route, request)
      case .target(let target)?:
        request.target = target
        return run(route, request)
      case .response(let response)?: return response
      case .failed(let error)?: return routes[route].errorResponse(error, request.requestID)
      }
    }
  }

  /// What the route prepares, waited for; nil where it prepares nothing.
  private func prepare(_ route: Int, _ request: HTTPRequest) -> Route.Preparation? {
    guard let prepare = routes[route].prepare else { return nil }
    let late = Late()
    if let preparation = prepare(request, { late.give($0) }) { return preparation }
    return late.wait()
  }

  private final class Late: Sendable {
    private let value = Mutex<Route.Preparation?>(nil)
    private let given = DispatchSemaphore(value: 0)

    func give(_ preparation: Route.Preparation) {
      value.withLock { $0 = preparation }
      given.signal()
    }

    func wait() -> Route.Preparation? {
      given.wait()
      return value.withLock { $0 }
    }
  }

  /// Why a request is not let in, with the headers that go with it.
  package struct Refusal: Sendable {
    package var error: ServingError
    package var headers: [(String, String)] = []
    /// The route that refuses; nil where no route is meant.
    package var route: Int?
  }

  package enum Match: Sendable {
    case found(Int, parameters: [String: String])
    case refused(Refusal)
  }

  /// The route of a request, or the reason why there is none.
  package func match(_ method: HTTPMethod, _ target: String) -> Match {
    let path =
      target.utf8.firstIndex(of: UInt8(ascii: "?")).map { String(target[..<$0]) } ?? target
    var allowed: [HTTPMethod] = []
    for index in literals[path] ?? [] {
      if routes[index].answers(method) { return .found(index, parameters: [:]) }
      allowed += routes[index].answeredMethods
    }
    for index in patterns {
      guard let parameters = routes[index].path.match(path) else { continue }
      if routes[index].answers(method) { return .found(index, parameters: parameters) }
      allowed += routes[index].answeredMethods
    }
    if allowed.isEmpty {
      let known = (routes + elsewhere).map { "\($0.methods.map(\.rawValue).joined(separator: ", ")) \($0.path)" }
      return .refused(
        Refusal(
          error: ServingError(
            .notFound, "There is nothing at \(path.prefix(200)); the routes are \(known.joined(separator: "; ")).")))
    }
    let list = allowed.map(\.rawValue).joined(separator: ", ")
    return .refused(
      Refusal(
        error: ServingError(
          .methodNotAllowed, "\(path.prefix(200)) does not take \(method.rawValue.prefix(40)).", expected: list,
          got: String(method.rawValue.prefix(40))),
        headers: [("allow", list)]))
  }

  /// What can be decided before the body is read: route, content encoding, announced length.
  package func admit(_ head: RequestHead) -> Match {
    let match = match(head.method, head.target)
    guard case .found(let route, _) = match else { return match }
    do throws(ServingError) {
      _ = try ContentDecoding.coding(head.headers)
      let limit = bodyLimit(of: route)
      if case .length(let length) = head.framing, length > limit {
        throw .bodyTooLarge(limit: limit, setting: setting(of: route))
      }
    } catch {
      return .refused(Refusal(error: error, route: route))
    }
    return match
  }

  package func bodyLimit(of route: Int) -> Int {
    min(routes[route].maxBodyBytes ?? configuration.maxBodyBytes, configuration.maxBodyBytes)
  }

  /// The setting that moves the route's limit; empty where it is the route's own.
  package func setting(of route: Int) -> String {
    routes[route].maxBodyBytes == nil ? configuration.maxBodySetting : ""
  }

  /// Removes the content encoding and calls the handler.
  package func run(_ route: Int, _ request: HTTPRequest) -> HTTPResponse {
    do throws(ServingError) {
      let coding = try ContentDecoding.coding(request.headers)
      guard coding != .identity, request.body.readableBytes > 0 else { return try routes[route].handler(request) }
      var decoded = request
      decoded.body = try ContentDecoding.decode(
        request.body, coding, limit: bodyLimit(of: route), setting: setting(of: route))
      return try routes[route].handler(decoded)
    } catch {
      return routes[route].errorResponse(error, request.requestID)
    }
  }

  /// What `error` looks like to a client of `route`.
  package func response(to error: ServingError, of route: Int?, requestID: String) -> HTTPResponse {
    route.map { routes[$0].errorResponse(error, requestID) } ?? HTTPResponse(error, requestID: requestID)
  }

  package func response(to refusal: Refusal, requestID: String) -> HTTPResponse {
    var response = response(to: refusal.error, of: refusal.route, requestID: requestID)
    response.headers += refusal.headers
    return response
  }

  /// Whether a request must leave the event loop.
  package func leavesLoop(_ route: Int, _ request: HTTPRequest) -> Bool {
    switch routes[route].execution {
    case .inline: return false
    case .offload: return true
    case .measured(let expected):
      return request.body.readableBytes > configuration.inlineBodyBytes
        || request.headers.firstField("content-encoding") != nil || expected(request) > configuration.inlineNanoseconds
    }
  }
}

extension Route {
  fileprivate func answers(_ method: HTTPMethod) -> Bool {
    methods.contains(method) || (method == .HEAD && methods.contains(.GET))
  }
}
