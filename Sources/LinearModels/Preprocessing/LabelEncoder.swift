public import InferenceGraph
public import TensorCore

/// Replaces keys by values, unknown ones by a default: LabelEncoder and CategoryMapper of `ai.onnx.ml`.
public struct LabelEncoder: Operator {
  public let name = "LabelEncoder"
  let keys: KeyIndex
  let values: Tensor
  let fallback: Tensor

  /// - Parameters:
  ///   - values: one a key, of any kind.
  ///   - fallback: one element of the same kind.
  /// - Throws: `GraphError` when kinds or counts contradict each other.
  public init(keys: Tensor, values: Tensor, fallback: Tensor) throws {
    guard let index = KeyIndex(keys) else {
      throw GraphError(.invalidModel, "keys of \(keys.dtype) are not supported")
    }
    guard keys.count == values.count else {
      throw GraphError(.invalidModel, "there are \(keys.count) keys and \(values.count) values")
    }
    guard fallback.dtype == values.dtype, fallback.count == 1 else {
      throw GraphError(.invalidModel, "the default must be one element of \(values.dtype), got \(fallback.dtype)")
    }
    guard keys.count <= Int(Int32.max) else { throw GraphError(.limit, "\(keys.count) keys are too many") }
    self.keys = index
    self.values = values
    self.fallback = fallback
  }

  public func addHeld(to memory: inout HeldMemory) {
    keys.addHeld(to: &memory, withKeys: true)
    memory.add(values)
    memory.add(fallback)
  }

  public var attributes: [(name: String, value: String)] {
    [("keys", "\(values.count)"), ("values", values.dtype.name)]
  }

  public func outputFacts(_ inputs: [Fact?]) throws -> [Fact] {
    let fact = inputs.first ?? nil
    if let dtype = fact?.dtype, !keys.takes(dtype) {
      throw GraphError(.invalidModel, "the input is \(dtype), which is not the kind of the keys")
    }
    return [Fact(values.dtype, fact?.shape)]
  }

  public func evaluate(_ inputs: inout [Value?], _ context: EvaluationContext) throws -> [Value] {
    let x = try Inputs.tensor(inputs[0])
    let out = try context.allocate(values.dtype, x.shape)
    var found = true
    func each<T: BitwiseCopyable>(_ type: T.Type) {
      let from = values.unsafeElements(of: type)
      let other = fallback.unsafeElements(of: type)[0]
      let to = out.unsafeMutableElements(of: type)
      found = keys.lookUp(x) { to[$0] = $1 < 0 ? other : from[$1] }
    }
    if values.dtype == .string {
      let from = Array(values.strings)
      let other = fallback.strings.first ?? ""
      var to: [String] = []
      to.reserveCapacity(x.count)
      found = keys.lookUp(x) { to.append($1 < 0 ? other : from[$1]) }
      if found { out.unsafeSetStrings(to) }
    } else {
      switch values.dtype.byteWidth {
      case 1: each(UInt8.self)
      case 2: each(UInt16.self)
      case 4: each(UInt32.self)
      case 8: each(UInt64.self)
      default: throw GraphError(.unsupported, "values of \(values.dtype)")
      }
    }
    guard found else { throw GraphError(.invalidInput, "the input is \(x.dtype), which is not the kind of the keys") }
    return [.tensor(out)]
  }
}
