import Kernels
import TensorCore

/// An operator on float16 or bfloat16 that computes in float32: its operands are converted, and its results rounded once.
struct Widened: Operator {
  let base: any Operator
  /// The type of operands and results.
  let dtype: DType

  var name: String { base.name }
  var attributes: [(name: String, value: String)] { base.attributes + [("type", dtype.name)] }
  func addHeld(to memory: inout HeldMemory) { base.addHeld(to: &memory) }

  /// Whether an operator that has kernels for float32 alone should compute in it.
  static func applies(to dtype: DType?) -> Bool { dtype == .float16 || dtype == .bfloat16 }

  /// `op` specialised for its constants as float32; nil where it has nothing for them.
  static func specialized(
    _ op: any Operator, _ inputs: [Fact?], _ constants: Constants
  ) throws -> (operator: any Operator, kept: [Int])? {
    guard let dtype = inputs[0]?.dtype, applies(to: dtype) else { return nil }
    let context = EvaluationContext(pool: .inline, arena: Arena())
    let wide = try inputs.map { fact in
      try fact.map { fact in
        guard fact.dtype == dtype else { return fact }
        guard let tensor = fact.tensor else { return Fact(.float32, fact.shape) }
        return Fact(constant: .tensor(try Cast(to: .float32).convert(tensor.resident, context)))
      }
    }
    return try op.specialized(wide, constants).map { (Widened(base: $0.operator, dtype: dtype), $0.kept) }
  }

  func outputFacts(_ inputs: [Fact?]) throws -> [Fact] {
    try base.outputFacts(inputs.map { $0.map { retyped($0, dtype, .float32) } }).map { retyped($0, .float32, dtype) }
  }

  private func retyped(_ fact: Fact, _ from: DType, _ to: DType) -> Fact {
    fact.dtype == from ? Fact(to, fact.shape) : fact
  }

  func evaluate(_ inputs: inout [Value?], _ context: EvaluationContext) throws -> [Value] {
    var wide = try inputs.map { try converted($0, dtype, to: .float32, context) }
    inputs.removeAll()
    return try base.evaluate(&wide, context).compactMap { try converted($0, .float32, to: dtype, context) }
  }

  private func converted(
    _ value: Value?, _ from: DType, to dtype: DType, _ context: EvaluationContext
  ) throws -> Value? {
    guard case .tensor(let tensor)? = value, tensor.dtype == from else { return value }
    return .tensor(try Cast(to: dtype).convert(tensor, context))
  }
}
