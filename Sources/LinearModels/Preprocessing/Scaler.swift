public import InferenceGraph
public import TensorCore

/// `(x - offset) * scale` by column, as `float32`.
public struct Scaler: Operator {
  public let name = "Scaler"
  let offset: [Float]
  let scale: [Float]

  /// - Parameters: one value a column, or one for all.
  /// - Throws: `GraphError` when an attribute is empty.
  public init(offset: [Float], scale: [Float]) throws {
    guard !offset.isEmpty, !scale.isEmpty else {
      throw GraphError(.invalidModel, "attribute \"\(offset.isEmpty ? "offset" : "scale")\" is empty")
    }
    self.offset = offset
    self.scale = scale
  }

  public var attributes: [(name: String, value: String)] { [("columns", "\(Swift.max(offset.count, scale.count))")] }

  public func outputFacts(_ inputs: [Fact?]) throws -> [Fact] {
    let fact = inputs.first ?? nil
    if let last = fact?.shape?.last?.value { try check(last) }
    return [Fact(.float32, fact?.shape)]
  }

  private func check(_ columns: Int) throws {
    for (name, count) in [("offset", offset.count), ("scale", scale.count)] where count != 1 && count != columns {
      throw GraphError(.invalidModel, "attribute \"\(name)\" has \(count) values, the input has \(columns) columns")
    }
  }

  public func evaluate(_ inputs: inout [Value?], _ context: EvaluationContext) throws -> [Value] {
    let x = try Inputs.tensor(inputs[0])
    let columns = x.shape.dims.last ?? 1
    try check(columns)
    let out = try context.reuse(&inputs, at: 0, dtype: .float32, shape: x.shape)
    let to = out.unsafeMutableElements(of: Float.self)
    if x.dtype == .float64 {
      let from = x.unsafeElements(of: Double.self)
      each(x.count, columns) { to[$0] = Float((from[$0] - Double($1)) * Double($2)) }
    } else {
      try x.convert(to: to)
      each(x.count, columns) { to[$0] = (to[$0] - $1) * $2 }
    }
    return [.tensor(out)]
  }

  @inline(__always)
  private func each(_ count: Int, _ columns: Int, _ body: (_ index: Int, _ offset: Float, _ scale: Float) -> Void) {
    guard columns > 0 else { return }
    let offsetStep = offset.count == 1 ? 0 : 1
    let scaleStep = scale.count == 1 ? 0 : 1
    offset.withUnsafeBufferPointer { offset in
      scale.withUnsafeBufferPointer { scale in
        for row in 0..<(count / columns) {
          let start = row &* columns
          for c in 0..<columns { body(start &+ c, offset[c &* offsetStep], scale[c &* scaleStep]) }
        }
      }
    }
  }
}
