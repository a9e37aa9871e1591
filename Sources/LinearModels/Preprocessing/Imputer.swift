public import InferenceGraph
public import TensorCore

/// Puts a column's value in the place of a marker (NaN, or a number).
public struct Imputer: Operator {
  public let name = "Imputer"
  let floats: [Float]
  let replacedFloat: Float
  let integers: [Int64]
  let replacedInteger: Int64

  /// - Parameters: one value a column, or one for all; `floats` for floating-point inputs, `integers` for others.
  /// - Throws: `GraphError` when both lists are empty.
  public init(floats: [Float], replacing replacedFloat: Float, integers: [Int64], replacing replacedInteger: Int64)
    throws
  {
    guard !floats.isEmpty || !integers.isEmpty else {
      throw GraphError(
        .invalidModel, "attributes \"imputed_value_floats\" and \"imputed_value_int64s\" are both missing")
    }
    self.floats = floats
    self.replacedFloat = replacedFloat
    self.integers = integers
    self.replacedInteger = replacedInteger
  }

  public var attributes: [(name: String, value: String)] {
    [("replaced", floats.isEmpty ? "\(replacedInteger)" : "\(replacedFloat)")]
  }

  public func outputFacts(_ inputs: [Fact?]) throws -> [Fact] {
    let fact = inputs.first ?? nil
    if let columns = fact?.shape?.last?.value, let dtype = fact?.dtype { _ = try check(dtype, columns) }
    return [Fact(type: fact?.type, shape: fact?.shape)]
  }

  private func check(_ dtype: DType, _ columns: Int) throws -> Int {
    let isFloat = dtype.isFloatingPoint
    let count = isFloat ? floats.count : integers.count
    guard count == 1 || count == columns else {
      throw GraphError(
        .invalidModel,
        "attribute \"imputed_value_\(isFloat ? "floats" : "int64s")\" has \(count) values, the \(dtype) input has "
          + "\(columns) columns")
    }
    return count
  }

  public func evaluate(_ inputs: inout [Value?], _ context: EvaluationContext) throws -> [Value] {
    let x = try Inputs.tensor(inputs[0])
    let columns = x.shape.dims.last ?? 1
    let step = try check(x.dtype, columns) == 1 ? 0 : 1
    let out = try context.reuse(&inputs, at: 0, dtype: x.dtype, shape: x.shape)
    func each<T: TensorElement>(_ type: T.Type, _ isMarker: (T) -> Bool, _ value: (Int) -> T) {
      let from = x.unsafeElements(of: type)
      let to = out.unsafeMutableElements(of: type)
      guard columns > 0 else { return }
      for row in 0..<(x.count / columns) {
        for c in 0..<columns {
          let v = from[row &* columns &+ c]
          to[row &* columns &+ c] = isMarker(v) ? value(c &* step) : v
        }
      }
    }
    switch x.dtype {
    case .float32:
      let marker = replacedFloat
      if marker.isNaN {
        each(Float.self, { $0.isNaN }) { floats[$0] }
      } else {
        each(Float.self, { $0 == marker }) { floats[$0] }
      }
    case .float64:
      let marker = Double(replacedFloat)
      each(Double.self, { marker.isNaN ? $0.isNaN : $0 == marker }) { Double(floats[$0]) }
    case .int64: each(Int64.self, { $0 == replacedInteger }) { integers[$0] }
    case .int32: each(Int32.self, { $0 == replacedInteger }) { Int32(truncatingIfNeeded: integers[$0]) }
    default:
      throw GraphError(.invalidInput, "the input is \(x.dtype), expected float32, float64, int64 or int32")
    }
    return [.tensor(out)]
  }
}
