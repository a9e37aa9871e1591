public import InferenceGraph
public import TensorCore

/// The values of a map with integer keys as a tensor of one row, in the order of the keys.
public struct CastMap: Operator {
  /// Where the values go.
  public enum Form: Sendable {
    /// Side by side.
    case dense
    /// Each at its key; as many columns as given, the rest filled.
    case sparse(Int)
  }

  public let name = "CastMap"
  let target: DType
  let form: Form

  /// - Parameter target: `float32`, `int64` or `string`.
  /// - Throws: `GraphError` for a negative or too large number of columns.
  public init(to target: DType, form: Form) throws {
    if case .sparse(let columns) = form, columns < 0 || columns > 1 << 24 {
      throw GraphError(.invalidModel, "attribute \"max_map\" is \(columns), expected 0 to \(1 << 24)")
    }
    self.target = target
    self.form = form
  }

  public var attributes: [(name: String, value: String)] { [("cast_to", target.name)] }

  public func outputFacts(_ inputs: [Fact?]) throws -> [Fact] {
    if let type = (inputs.first ?? nil)?.type {
      guard case .map(.int64, let value) = type, value == .tensor(.string) || value == .tensor(.float32) else {
        throw GraphError(.invalidModel, "the input is \(type), expected a map from int64 to float32 or string")
      }
    }
    if case .sparse(let columns) = form { return [Fact(target, [1, Dim(columns)])] }
    return [Fact(target, [1, .unknown])]
  }

  public func evaluate(_ inputs: inout [Value?], _ context: EvaluationContext) throws -> [Value] {
    guard case .map(let map)? = inputs.first ?? nil, let keys = map.keys.array(of: Int64.self),
      map.values.count >= keys.count
    else { throw GraphError(.invalidInput, "expected a map from int64 to float32 or string") }
    let order = keys.indices.sorted { keys[$0] < keys[$1] }
    var columns: [(at: Int, element: Int)] = []
    let width: Int
    switch form {
    case .dense:
      width = keys.count
      columns = order.enumerated().map { ($0.offset, $0.element) }
    case .sparse(let count):
      width = count
      if let first = order.first, keys[first] < 0 {
        throw GraphError(.invalidInput, "the map has the key \(keys[first]); a sparse form needs keys from 0 on")
      }
      columns = order.filter { keys[$0] < Int64(count) }.map { (Int(keys[$0]), $0) }
    }
    let out: Tensor
    switch target {
    case .string:
      // ONNX Runtime fills a sparse row of strings with this text.
      var texts = [String](repeating: "0.f", count: width)
      for (at, i) in columns { texts[at] = try text(map.values, i) }
      out = try Tensor(strings: texts, shape: [1, width])
    case .int64:
      var numbers = [Int64](repeating: 0, count: width)
      for (at, i) in columns { numbers[at] = try integer(map.values, i) }
      out = try Tensor(numbers, shape: [1, width])
    default:
      var numbers = [Float](repeating: 0, count: width)
      for (at, i) in columns { numbers[at] = try float(map.values, i) }
      out = try Tensor(numbers, shape: [1, width])
    }
    return [.tensor(out)]
  }

  private func float(_ values: Tensor, _ i: Int) throws -> Float {
    if values.dtype == .float32 { return values.unsafeElements(of: Float.self)[i] }
    let string = values.strings[values.strings.startIndex + i]
    guard let number = Float(string) else { throw GraphError(.invalidInput, "\"\(string)\" is not a number") }
    return number
  }

  private func integer(_ values: Tensor, _ i: Int) throws -> Int64 {
    if values.dtype == .float32 {
      let v = values.unsafeElements(of: Float.self)[i].rounded(.towardZero)
      guard let number = Int64(exactly: v) else { throw GraphError(.invalidInput, "\(v) is no int64") }
      return number
    }
    let string = values.strings[values.strings.startIndex + i]
    guard let number = Int64(string) else { throw GraphError(.invalidInput, "\"\(string)\" is not an integer") }
    return number
  }

  /// A float with six decimals, as C's `%f` writes it.
  private func text(_ values: Tensor, _ i: Int) throws -> String {
    if values.dtype == .string { return values.strings[values.strings.startIndex + i] }
    let v = Double(values.unsafeElements(of: Float.self)[i])
    guard v.isFinite, let scaled = Int64(exactly: (abs(v) * 1e6).rounded(.toNearestOrEven)) else {
      throw GraphError(.invalidInput, "\(v) is too large to be written with six decimals")
    }
    let decimals = String(scaled % 1_000_000)
    return (v.sign == .minus ? "-" : "") + "\(scaled / 1_000_000)."
      + String(repeating: "0", count: 6 - decimals.count) + decimals
  }
}
