import InferenceGraph
import TensorCore

extension OperatorTable {
  /// Quantisation, and products of quantised matrices.
  static let quantization: [ONNXOperator] = [
    ONNXOperator("QuantizeLinear", versions: [10, 13, 19, 21, 23, 24, 25, 28]) { n in
      let named = try n.optionalDType("output_dtype")
      let zero = n.optional(2)
      let dtype = zero.flatMap { n.fact($0).dtype } ?? named ?? .uint8
      if let named, named != dtype {
        throw GraphError(.invalidModel, "output_dtype is \(named) and the zero point's type \(dtype)")
      }
      let op = QuantizeLinear(
        to: dtype, axis: try n.int("axis", default: 1), blockSize: try n.int("block_size", default: 0),
        saturates: try n.int("saturate", default: 1) != 0, precision: try n.optionalDType("precision"))
      return try [n.add(op, n.required(0), n.required(1), zero)]
    },
    ONNXOperator("DequantizeLinear", versions: [10, 13, 19, 21, 23, 24, 25, 28]) { n in
      let op = DequantizeLinear(
        to: try n.optionalDType("output_dtype"), axis: try n.int("axis", default: 1),
        blockSize: try n.int("block_size", default: 0))
      return try [n.add(op, n.required(0), n.required(1), n.optional(2))]
    },
    ONNXOperator("DynamicQuantizeLinear", versions: [11]) { n in
      try n.add(DynamicQuantizeLinear(), [n.required(0)])
    },
    ONNXOperator("MatMulInteger", versions: [10]) { n in
      [try n.integerProduct(n.required(0), n.optional(2), n.required(1), n.optional(3))]
    },
    ONNXOperator("QLinearMatMul", versions: [10, 21]) { n in
      let product = try n.integerProduct(n.required(0), n.required(2), n.required(3), n.required(5))
      let sums = try n.add(Cast(to: .float32), product)
      let aScale = try n.add(Cast(to: .float32), n.required(1))
      let bScale = try n.add(Cast(to: .float32), n.required(4))
      let rows = n.fact(aScale).isOneElement ? nil : -2
      let scaled = try n.add(
        Arithmetic(.multiply), n.add(Arithmetic(.multiply, axis: rows), sums, aScale), bScale)
      let yScale = try n.add(Cast(to: .float32), n.required(6))
      let zero = try n.required(7)
      let op = QuantizeLinear(to: n.fact(zero).dtype ?? .uint8, axis: -2)
      return [try n.add(op, scaled, yScale, zero)]
    },
  ]
}

extension Lowering {
  /// The dtype that an integer attribute names; nil where it is 0 or absent.
  fileprivate func optionalDType(_ name: String) throws -> DType? {
    try int(name, default: 0) == 0 ? nil : try dtype(name)
  }

  /// The product of two quantised matrices less their zero points (one; or one a row of `a`, one a column of `b`) as `int32`.
  func integerProduct(_ a: ValueID, _ aZero: ValueID?, _ b: ValueID, _ bZero: ValueID?) throws -> ValueID {
    let isPlain = [aZero, bZero].allSatisfy { $0.map { (fact($0).rank ?? 2) <= 1 } ?? true }
    let areBytes = [a, b].allSatisfy { fact($0).dtype.map { $0 == .int8 || $0 == .uint8 } ?? false }
    if isPlain, areBytes { return try add(IntegerMatMul(), a, b, aZero, bZero) }
    return try add(MatMul(), centred(a, aZero, byRow: true), centred(b, bZero, byRow: false))
  }

  /// A quantised matrix as `int32` less its zero point, which has one element, or one a row (or column).
  fileprivate func centred(_ x: ValueID, _ zero: ValueID?, byRow: Bool) throws -> ValueID {
    let wide = try add(Cast(to: .int32), x)
    guard let zero else { return wide }
    let perRow = byRow && fact(zero).rank == 1 && !fact(zero).isOneElement
    return try add(Arithmetic(.subtract, axis: perRow ? -2 : nil), wide, add(Cast(to: .int32), zero))
  }
}

extension Fact {
  /// True where the tensor is known to have one element.
  fileprivate var isOneElement: Bool { shape?.allSatisfy { $0.value == 1 } ?? false }
}
