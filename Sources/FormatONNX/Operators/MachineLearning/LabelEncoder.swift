import InferenceGraph
import LinearModels
import TensorCore

extension OperatorTable {
  static let labelEncoder = ONNXOperator("LabelEncoder", domain: machineLearningDomain, versions: [1, 2, 4]) { n in
    let x = try n.required(0)
    if n.version == 1 { return try n.add(positions(n, of: x), [x]) }
    let keys = try table(n, "keys")
    let values = try table(n, "values")
    return try n.add(LabelEncoder(keys: keys, values: values, fallback: fallback(n, values.dtype)), [x])
  }

  /// Version 1: strings become their positions, or positions strings.
  private static func positions(_ n: Lowering, of x: ValueID) throws -> LabelEncoder {
    let classes = try n.strings("classes_strings") ?? []
    let names = try Tensor(strings: classes, shape: [classes.count])
    let numbers = Tensor((0..<Int64(classes.count)).map { $0 })
    if n.fact(x).dtype == .string {
      return try LabelEncoder(keys: names, values: numbers, fallback: fallback(n, .int64))
    }
    return try LabelEncoder(keys: numbers, values: names, fallback: fallback(n, .string))
  }

  /// One side of the table: the one attribute among `side_strings`, `side_int64s`, `side_floats` and `side_tensor`.
  private static func table(_ n: Lowering, _ side: String) throws -> Tensor {
    var found: [Tensor] = []
    if let v = try n.strings("\(side)_strings") { found.append(try Tensor(strings: v, shape: [v.count])) }
    if let v = try n.ints("\(side)_int64s") { found.append(Tensor(v.map { Int64($0) })) }
    if let v = try n.floats("\(side)_floats") { found.append(Tensor(v)) }
    if n.version >= 4, let v = try n.tensor("\(side)_tensor") { found.append(v) }
    if found.count > 1 { found.removeAll { $0.count == 0 } }
    guard found.count == 1 else {
      throw GraphError(.invalidModel, "expected one of the attributes \"\(side)_*\", got \(found.count)")
    }
    return found[0]
  }

  private static func fallback(_ n: Lowering, _ dtype: DType) throws -> Tensor {
    if n.version >= 4, let tensor = try n.tensor("default_tensor") { return tensor }
    switch dtype {
    case .string: return try Tensor(strings: [n.string("default_string", default: "_Unused")], shape: [1])
    case .int64: return Tensor([Int64(try n.int("default_int64", default: -1))])
    case .float32: return Tensor([try n.float("default_float", default: -0.0)])
    case .float64: return Tensor([0.0])
    case .int32: return Tensor([Int32(-1)])
    case .int16: return Tensor([Int16(-1)])
    default: throw GraphError(.invalidModel, "values of \(dtype) are not in the standard")
    }
  }
}
