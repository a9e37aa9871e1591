import InferenceGraph
import TensorCore

extension OperatorTable {
  /// From opset 12 on base and exponent may differ in type; the result has the base's.
  static let pow = ONNXOperator("Pow", versions: [1, 7, 12, 13, 15]) { n in
    let (x, y) = (try n.required(0), try n.required(1))
    let axis = try n.legacyAxis()
    guard let base = n.fact(x).dtype, let exponent = n.fact(y).dtype, base != exponent else {
      if let short = try n.shortPower(x, y) { return [short] }
      return [try n.add(Arithmetic(.power, axis: axis), x, y)]
    }
    if base.isInteger && exponent.isFloatingPoint {
      let wide = try (n.add(Cast(to: .float64), x), n.add(Cast(to: .float64), y))
      return [try n.add(Cast(to: base), n.add(Arithmetic(.power, axis: axis), wide.0, wide.1))]
    }
    let converted = try n.add(Cast(to: base), y)
    if let short = try n.shortPower(x, converted) { return [short] }
    return [try n.add(Arithmetic(.power, axis: axis), x, converted)]
  }
}

extension Lowering {
  /// A square, a cube or a root for what it is, where the exponent is one constant number.
  fileprivate func shortPower(_ x: ValueID, _ y: ValueID) throws -> ValueID? {
    guard fact(x).dtype == .float32, let exponent = fact(y).tensor, exponent.count == 1,
      exponent.shape.rank <= fact(x).rank ?? 0, let power = exponent.array(of: Float.self)?.first
    else { return nil }
    switch power {
    case 0.5: return try add(Unary(.squareRoot), x)
    case 2: return try add(Arithmetic(.multiply), x, x)
    case 3: return try add(Arithmetic(.multiply), add(Arithmetic(.multiply), x, x), x)
    default: return nil
    }
  }
}
