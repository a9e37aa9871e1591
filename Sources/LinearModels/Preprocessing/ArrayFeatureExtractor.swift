public import InferenceGraph
public import TensorCore

/// Picks entries of the last axis by index. A vector gives a matrix of one row.
public struct ArrayFeatureExtractor: Operator {
  public let name = "ArrayFeatureExtractor"

  public init() {}

  public func outputFacts(_ inputs: [Fact?]) throws -> [Fact] {
    guard inputs.count == 2, let x = inputs[0], let y = inputs[1] else {
      throw GraphError(.invalidModel, "expected 2 inputs")
    }
    guard let shape = x.shape else { return [Fact(type: x.type, shape: nil)] }
    guard let last = shape.last else { throw GraphError(.invalidModel, "input 0 has no axes") }
    if let extent = last.value, let indices = y.constantIntegers,
      let bad = indices.first(where: { $0 < 0 || $0 >= extent })
    {
      throw GraphError(.invalidModel, "index \(bad) of an axis of \(extent)")
    }
    let count = y.shape.map { $0.reduce(Dim(1)) { $0 * $1 } } ?? .unknown
    return [Fact(type: x.type, shape: shape.count == 1 ? [1, count] : shape.dropLast() + [count])]
  }

  public func evaluate(_ inputs: inout [Value?], _ context: EvaluationContext) throws -> [Value] {
    let x = try Inputs.tensor(inputs[0])
    let y = try Inputs.tensor(inputs.count > 1 ? inputs[1] : nil)
    guard let extent = x.shape.dims.last else { throw GraphError(.invalidInput, "input 0 has no axes") }
    guard let indices = y.integers, !indices.isEmpty else {
      throw GraphError(.invalidInput, "the indices must be integers, at least one")
    }
    if let bad = indices.first(where: { $0 < 0 || $0 >= extent }) {
      throw GraphError(.invalidInput, "index \(bad) of an axis of \(extent)")
    }
    let n = indices.count
    let shape = Shape(x.shape.rank == 1 ? [1, n] : x.shape.dims.dropLast() + [n])
    let out = try context.allocate(x.dtype, shape)
    let rows = extent == 0 ? 0 : x.count / extent
    func each<T: BitwiseCopyable>(_ type: T.Type) {
      let from = x.unsafeElements(of: type)
      let to = out.unsafeMutableElements(of: type)
      indices.withUnsafeBufferPointer { indices in
        for r in 0..<rows { for c in 0..<n { to[r &* n &+ c] = from[r &* extent &+ indices[c]] } }
      }
    }
    switch x.dtype {
    case .string:
      let from = Array(x.strings)
      var to: [String] = []
      to.reserveCapacity(rows * n)
      for r in 0..<rows { for i in indices { to.append(from[r * extent + i]) } }
      out.unsafeSetStrings(to)
    default:
      switch x.dtype.byteWidth {
      case 1: each(UInt8.self)
      case 2: each(UInt16.self)
      case 4: each(UInt32.self)
      case 8: each(UInt64.self)
      default: each(SIMD2<UInt64>.self)
      }
    }
    return [.tensor(out)]
  }
}
