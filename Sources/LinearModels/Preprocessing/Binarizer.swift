public import InferenceGraph
public import TensorCore

/// 1 where an element is above a threshold, else 0, of the input's kind.
public struct Binarizer: Operator {
  public let name = "Binarizer"
  let threshold: Float

  public init(threshold: Float) { self.threshold = threshold }

  public var attributes: [(name: String, value: String)] { [("threshold", "\(threshold)")] }

  public func outputFacts(_ inputs: [Fact?]) throws -> [Fact] {
    let fact = inputs.first ?? nil
    return [Fact(type: fact?.type, shape: fact?.shape)]
  }

  public func evaluate(_ inputs: inout [Value?], _ context: EvaluationContext) throws -> [Value] {
    let x = try Inputs.tensor(inputs[0])
    let out = try context.reuse(&inputs, at: 0, dtype: x.dtype, shape: x.shape)
    func each<T: TensorElement & Numeric>(_ type: T.Type, _ above: (T) -> Bool) {
      let from = x.unsafeElements(of: type)
      let to = out.unsafeMutableElements(of: type)
      for i in from.indices { to[i] = above(from[i]) ? 1 : 0 }
    }
    let t = threshold
    switch x.dtype {
    case .float32: each(Float.self) { $0 > t }
    case .float64: each(Double.self) { $0 > Double(t) }
    case .int64: each(Int64.self) { Double($0) > Double(t) }
    case .int32: each(Int32.self) { Double($0) > Double(t) }
    default:
      throw GraphError(.invalidInput, "the input is \(x.dtype), expected float32, float64, int64 or int32")
    }
    return [.tensor(out)]
  }
}
