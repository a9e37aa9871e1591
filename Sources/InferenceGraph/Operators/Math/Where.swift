import Kernels
public import TensorCore

/// The second operand where the first (`bool`) is true, the third elsewhere, with broadcasting; any element type.
public struct Where: Operator {
  public var name: String { "Where" }

  public init() {}

  public func outputFacts(_ inputs: [Fact?]) throws -> [Fact] {
    let condition = try Operand.fact(inputs, 0, "condition")
    let x = try Operand.fact(inputs, 1, "X")
    let y = try Operand.fact(inputs, 2, "Y")
    if let dtype = condition.dtype, dtype != .bool { throw Operand.unsupported(dtype, "a bool condition") }
    try Operand.sameType(x.dtype, y.dtype)
    var shape: [Dim]?
    if let c = condition.shape, let a = x.shape, let b = y.shape { shape = try c.broadcast(with: a.broadcast(with: b)) }
    var fact = Fact(type: x.type ?? y.type, shape: shape)
    if let chosen = condition.tensor?.array(of: Bool.self), condition.rank ?? 2 <= 1, let a = x.elements,
      let b = y.elements, x.rank ?? 2 <= 1, y.rank ?? 2 <= 1, let n = shape?.known?.elementCount,
      n <= Fact.maxElements, [chosen.count, a.count, b.count].allSatisfy({ $0 == n || $0 == 1 })
    {
      fact.elements = (0..<n).map {
        chosen[chosen.count == 1 ? 0 : $0] ? a[a.count == 1 ? 0 : $0] : b[b.count == 1 ? 0 : $0]
      }
    }
    return [fact]
  }

  public func evaluate(_ inputs: inout [Value?], _ context: EvaluationContext) throws -> [Value] {
    let condition = try RawOperand(inputs, 0, "condition")
    let x = try RawOperand(inputs, 1, "X")
    let y = try RawOperand(inputs, 2, "Y")
    guard condition.dtype == .bool else { throw Operand.unsupported(condition.dtype, "a bool condition") }
    try Operand.sameType(x.dtype, y.dtype)
    let shape = try Shape.broadcasting([condition.shape, x.shape, y.shape])
    let walk = BroadcastWalk([condition.shape, x.shape, y.shape], shape)
    if x.dtype == .string {
      let out = try context.allocate(.string, shape)
      let (a, b) = (try Operand.tensor(inputs, 1).strings, try Operand.tensor(inputs, 2).strings)
      let choice = condition.elements(Bool.self)
      var strings = [String](repeating: "", count: out.count)
      walk.runs(0, walk.outer) { run, c, i, j in
        for n in 0..<walk.inner {
          strings[run &* walk.inner &+ n] =
            choice[c + n * walk.steps[0]]
            ? a[a.startIndex + i + n * walk.steps[1]] : b[b.startIndex + j + n * walk.steps[2]]
        }
      }
      out.unsafeSetStrings(strings)
      return [.tensor(out)]
    }
    let out = try context.output(overwriting: 1, 2, of: &inputs, x.dtype, shape)
    switch x.dtype.byteWidth {
    case 1: select(UInt8.self)
    case 2: select(UInt16.self)
    case 4: select(UInt32.self)
    case 8: select(UInt64.self)
    default: select(SIMD2<UInt64>.self)
    }
    func select<T: BitwiseCopyable>(_ type: T.Type) {
      let choice = condition.elements(Bool.self)
      let (a, b) = (x.elements(T.self), y.elements(T.self))
      let z = out.writable(T.self)
      walk.pieces(context.pool) { c, i, j, k, count in
        let (choice, a, b, z) = (choice + c, a + i, b + j, z + k)
        if walk.steps == [1, 1, 1] {
          for n in 0..<count { z[n] = choice[n] ? a[n] : b[n] }
        } else if walk.steps == [1, 0, 1] {
          let value = a[0]
          for n in 0..<count { z[n] = choice[n] ? value : b[n] }
        } else if walk.steps == [1, 1, 0] {
          let value = b[0]
          for n in 0..<count { z[n] = choice[n] ? a[n] : value }
        } else {
          let (p, q, r) = (walk.steps[0], walk.steps[1], walk.steps[2])
          for n in 0..<count { z[n] = choice[n &* p] ? a[n &* q] : b[n &* r] }
        }
      }
    }
    return [.tensor(out)]
  }
}
