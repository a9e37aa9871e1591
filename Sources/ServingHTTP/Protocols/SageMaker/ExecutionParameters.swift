import ServingCore

extension Route {
  /// `GET /execution-parameters`: what batch transform asks before it starts.
  public static func executionParameters(maxConcurrentTransforms: Int, maxPayloadInMB: Int) -> Route {
    let body =
      "{\"MaxConcurrentTransforms\":\(maxConcurrentTransforms),\"BatchStrategy\":\"MULTI_RECORD\","
      + "\"MaxPayloadInMB\":\(maxPayloadInMB)}\n"
    return Route(.GET, "/execution-parameters", doc: "What batch transform should use.") { _ throws(ServingError) in
      .json(body)
    }
  }
}
