/// The one rendering of a `ServingError`:
/// `{"error": {"code", "message", "field"?, "expected"?, "got"?, "limit"?, "setting"?, "requestId"}}`.
public enum ErrorBody {
  public static let contentType = "application/json"

  /// The JSON text of `error`, ending in a newline. `requestID` is left out when there is none to name.
  public static func json(_ error: ServingError, requestID: String?) -> [UInt8] {
    var sink = ByteSink(capacity: 256 + error.message.utf8.count)
    sink.append("{\"error\":{\"code\":")
    sink.append(jsonString: error.code.rawValue)
    let members: [(String, String?)] = [
      ("message", error.message), ("field", error.field), ("expected", error.expected), ("got", error.got),
      ("limit", error.limit), ("setting", error.setting), ("requestId", requestID),
    ]
    for case (let name, let value?) in members {
      sink.append(",")
      sink.append(jsonString: name)
      sink.append(":")
      sink.append(jsonString: value)
    }
    sink.append("}}\n")
    return sink.finish()
  }
}
