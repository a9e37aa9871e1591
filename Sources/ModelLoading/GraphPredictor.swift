import InferenceGraph
import JSONDocument
import ModelFormats
public import ServingCore
public import TensorCore

/// A prepared model as the serving layer calls it.
public struct GraphPredictor: Predictor {
  public let signature: ModelSignature
  private let session: Session
  private let timeLimit: Duration?

  /// - Parameter timeLimit: how long a prediction may take. It is looked at between two operators of the model.
  public init(_ model: PreparedModel, timeLimit: Duration? = nil) {
    session = model.session
    self.timeLimit = timeLimit
    signature = ModelSignature(model)
  }

  public func predict(_ inputs: [Value?], outputs: [Int]) throws -> [Value] {
    let all: [Value]
    do {
      all = try session.run(inputs, until: timeLimit.map { .now + $0 })
    } catch let error as GraphError where error.code == .deadline {
      let milliseconds = Int((timeLimit ?? .zero) / .milliseconds(1))
      let limit = milliseconds % 1000 == 0 ? "\(milliseconds / 1000)s" : "\(milliseconds)ms"
      throw ServingError(
        .gatewayTimeout, "The prediction took longer than the limit of \(limit).", limit: limit,
        setting: "request-timeout")
    } catch let error as GraphError where error.code == .invalidInput || error.code == .limit {
      // The model is loaded and has answered a warm-up: what it refuses now is in the request.
      throw ServingError(.invalidValue, "The model does not take this input: \(error)")
    }
    return outputs.count == all.count && outputs.elementsEqual(all.indices) ? all : outputs.map { all[$0] }
  }
}

extension ModelSignature {
  /// The signature of a model's graph; column names come from the metadata key `swiftlet.columns`, a comma-separated
  /// list or a JSON array.
  public init(_ model: PreparedModel) {
    let graph = model.optimized
    func port(_ id: ValueID, _ name: String) -> Port {
      let fact = graph.fact(id)
      var names: [Int: String] = [:]
      for (axis, dim) in (fact.shape ?? []).enumerated() { if let symbol = dim.symbolName { names[axis] = symbol } }
      return Port(
        name: name, type: fact.type ?? .tensor(.float32), dims: fact.shape.map { $0.map(\.value) }, dimNames: names)
    }
    self.init(
      inputs: graph.inputs.map { port($0, graph[$0].name) },
      outputs: zip(graph.outputs, graph.outputNames).map { port($0, $1) },
      columns: model.loaded.metadata["swiftlet.columns"].flatMap(ModelSignature.columns))
  }

  private static func columns(_ text: String) -> [String]? {
    let list: [String]
    if text.hasPrefix("[") {
      guard let document = try? JSONDocument(parsing: Array(text.utf8)), let items = document.array else { return nil }
      list = items.compactMap(\.string)
      guard list.count == items.count else { return nil }
    } else {
      list = text.split(separator: ",", omittingEmptySubsequences: false).map { String($0.trimmed) }
    }
    return list.isEmpty || list.contains("") ? nil : list
  }
}

extension Substring {
  fileprivate var trimmed: Substring {
    var s = self
    while s.first == " " { s.removeFirst() }
    while s.last == " " { s.removeLast() }
    return s
  }
}
