public import TensorCore

/// The numbers from a start, by a step, up to but without a limit. ONNX `Range`.
public struct NumberRange: Operator {
  public init() {}

  public var name: String { "Range" }

  public func outputFacts(_ inputs: [Fact?]) throws -> [Fact] {
    let start = try inputs.required(0, "start")
    let limit = try inputs.required(1, "limit")
    let delta = try inputs.required(2, "delta")
    var count: Dim = .unknown
    if let from = start.integerElements?.first, let to = limit.integerElements?.first,
      let step = delta.integerElements?.first?.value
    {
      if step == 1 { count = to - from }
      if step == -1 { count = from - to }
      if let known = count.value { count = Dim(Swift.max(0, known)) }
    }
    return [Fact(type: start.type, shape: [count])]
  }

  public func evaluate(_ inputs: inout [Value?], _ context: EvaluationContext) throws -> [Value] {
    let terms = try ["start", "limit", "delta"].enumerated().map { try Operand.tensor(inputs, $0, $1) }
    let dtype = terms[0].dtype
    guard terms.allSatisfy({ $0.count == 1 && $0.dtype == dtype }) else {
      throw GraphError(.invalidInput, "start, limit and delta must be single numbers of one kind")
    }
    switch dtype {
    case .float32:
      return try floats(terms, Float.self, context) {
        Double($0)
      } make: {
        Float($0) + Float($2) * Float($1)
      }
    case .float64:
      return try floats(terms, Double.self, context) {
        $0
      } make: {
        $0 + $2 * $1
      }
    #if !(os(macOS) && arch(x86_64))
    case .float16:
      return try floats(terms, Float16.self, context) {
        Double($0)
      } make: {
        Float16(Float($0) + Float($2) * Float($1))
      }
    #endif
    case .bfloat16:
      return try floats(terms, BFloat16.self, context) {
        Double($0.float)
      } make: {
        BFloat16(Float($0) + Float($2) * Float($1))
      }
    case .int16: return try integers(terms, Int16.self, context)
    case .int32: return try integers(terms, Int32.self, context)
    case .int64: return try integers(terms, Int64.self, context)
    default: throw GraphError(.unsupported, "a range of \(dtype)")
    }
  }

  /// `make` gets the start, the step and the number of the element.
  private func floats<T: TensorElement>(
    _ terms: [Tensor], _ type: T.Type, _ context: EvaluationContext, _ value: (T) -> Double,
    make: (Double, Double, Double) -> T
  ) throws -> [Value] {
    let v = terms.map { value($0.unsafeElements(of: type)[0]) }
    let length = ((v[1] - v[0]) / v[2]).rounded(.up)
    guard let count = Int(exactly: Swift.max(0, length)) else {
      throw GraphError(.invalidInput, "the range from \(v[0]) to \(v[1]) by \(v[2]) has no end")
    }
    let out = try context.allocate(T.dtype, [count])
    let to = out.unsafeMutableElements(of: type)
    for i in 0..<count { to[i] = make(v[0], v[2], Double(i)) }
    return [.tensor(out)]
  }

  private func integers<T: TensorElement & FixedWidthInteger>(
    _ terms: [Tensor], _ type: T.Type, _ context: EvaluationContext
  ) throws -> [Value] {
    let v = terms.map { Int($0.unsafeElements(of: type)[0]) }
    guard v[2] != 0 else { throw GraphError(.invalidInput, "the step of a range is 0") }
    var count = 0
    if v[2] > 0 ? v[0] < v[1] : v[0] > v[1] {
      let (distance, overflow) = (v[2] > 0 ? v[1] : v[0]).subtractingReportingOverflow(v[2] > 0 ? v[0] : v[1])
      guard !overflow else { throw GraphError(.limit, "the range from \(v[0]) to \(v[1]) is too long") }
      count = (distance - 1) / Int(clamping: v[2].magnitude) + 1
    }
    let out = try context.allocate(T.dtype, [count])
    let to = out.unsafeMutableElements(of: type)
    for i in 0..<count { to[i] = T(truncatingIfNeeded: v[0] &+ i &* v[2]) }
    return [.tensor(out)]
  }
}
