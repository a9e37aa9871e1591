import Kernels
public import TensorCore

/// Einstein summation: products of operands, summed over the labels that the result does not have.
///
/// Operands are contracted from left to right, each pair as one batched matrix product.
public struct Einsum: Operator {
  public let equation: String

  public var name: String { "Einsum" }
  public var attributes: [(name: String, value: String)] { [("equation", equation)] }

  public init(_ equation: String) { self.equation = equation }

  public func outputFacts(_ inputs: [Fact?]) throws -> [Fact] {
    guard !inputs.isEmpty else { throw GraphError(.invalidModel, "at least one operand is required") }
    let facts = try inputs.indices.map { try Operand.fact(inputs, $0) }
    for fact in facts { try Operand.sameType(facts[0].dtype, fact.dtype) }
    if let dtype = facts[0].dtype, !dtype.isArithmetic { throw Operand.unsupported(dtype, "numbers") }
    let shapes = facts.compactMap(\.shape)
    guard shapes.count == facts.count else { return [Fact(type: facts[0].type, shape: nil)] }
    let parsed = try EinsumEquation(equation, ranks: shapes.map(\.count))
    var extents: [EinsumEquation.Label: Dim] = [:]
    for (labels, shape) in zip(parsed.operands, shapes) {
      for (label, dim) in zip(labels, shape) {
        guard let merged = (extents[label] ?? 1).broadcast(with: dim) else {
          throw GraphError(
            .invalidModel, "a label of \"\(equation)\" has the extents \(extents[label] ?? 1) and \(dim)")
        }
        extents[label] = merged
      }
    }
    return [Fact(type: facts[0].type, shape: parsed.output.map { extents[$0] ?? .unknown })]
  }

  public func evaluate(_ inputs: inout [Value?], _ context: EvaluationContext) throws -> [Value] {
    let tensors = try inputs.indices.map { try Operand.tensor(inputs, $0) }
    guard let first = tensors.first else { throw GraphError(.invalidModel, "at least one operand is required") }
    for tensor in tensors { try Operand.sameType(first.dtype, tensor.dtype) }
    if Widened.applies(to: first.dtype) {
      return try Widened(base: self, dtype: first.dtype).evaluate(&inputs, context)
    }
    let parsed = try EinsumEquation(equation, ranks: tensors.map(\.shape.rank))
    var extents: [EinsumEquation.Label: Int] = [:]
    for (labels, tensor) in zip(parsed.operands, tensors) {
      for (label, extent) in zip(labels, tensor.shape.dims) {
        let known = extents[label] ?? 1
        guard known == extent || known == 1 || extent == 1 else {
          throw GraphError(.invalidInput, "a label of \"\(equation)\" has the extents \(known) and \(extent)")
        }
        extents[label] = known == 1 ? extent : known
      }
    }
    let body = Contraction(tensors: tensors, equation: parsed, extents: extents, context: context)
    guard let out = try first.dtype.withNumeric(body) else { throw Operand.unsupported(first.dtype, "numbers") }
    return [.tensor(out)]
  }
}

/// Carries an equation out for one element type.
private struct Contraction: NumericBody {
  typealias Label = EinsumEquation.Label
  let tensors: [Tensor]
  let equation: EinsumEquation
  let extents: [Label: Int]
  let context: EvaluationContext

  /// A tensor with a label for each axis.
  private struct Labelled {
    var tensor: Tensor
    var labels: [Label]
  }

  func run<E: NumericElement>(_ type: E.Type) throws -> Tensor {
    var result = Labelled(tensor: tensors[0], labels: equation.operands[0])
    if tensors.count == 1 {
      let one = try context.allocate(tensors[0].dtype, .scalar)
      one.writable(E.self)[0] = E(wide: .one)
      result = try product(result, Labelled(tensor: one, labels: []), needed: Set(equation.output), type)
    }
    for index in tensors.indices.dropFirst() {
      let needed = Set(equation.output + equation.operands[(index + 1)...].flatMap { $0 })
      let next = Labelled(tensor: tensors[index], labels: equation.operands[index])
      result = try product(result, next, needed: needed, type)
    }
    return try arranged(result, equation.output, type)
  }

  /// The product of two operands, summed over the labels that are not needed any more.
  private func product<E: NumericElement>(
    _ a: Labelled, _ b: Labelled, needed: Set<Label>, _ type: E.Type
  ) throws -> Labelled {
    let a = try summed(a, keeping: needed.union(b.labels), type)
    let b = try summed(b, keeping: needed.union(a.labels), type)
    let (inA, inB) = (Set(a.labels), Set(b.labels))
    let all = inA.union(inB).sorted()
    let batch = all.filter { needed.contains($0) && inA.contains($0) && inB.contains($0) }
    let rows = all.filter { needed.contains($0) && !inB.contains($0) }
    let columns = all.filter { needed.contains($0) && !inA.contains($0) }
    let summed = all.filter { !needed.contains($0) }
    let left = try arranged(a, batch + rows + summed, type)
    let right = try arranged(b, batch + summed + columns, type)
    let labels = batch + rows + columns
    let out = try context.allocate(left.dtype, shape(labels))
    let (m, n, k) = (shape(rows).elementCount, shape(columns).elementCount, shape(summed).elementCount)
    let (x, y, z) = (left.readable(E.self), right.readable(E.self), out.writable(E.self))
    if out.count > 0, E.self == Float.self {
      let (x, y, z) = (left.readable(Float.self), right.readable(Float.self), out.writable(Float.self))
      context.pool.parallelFor(shape(batch).elementCount, grain: Swift.max(1, 200_000 / Swift.max(1, m &* n &* k))) {
        for i in $0..<$1 {
          MatrixMultiply.multiply(
            m: m, n: n, k: k, .strided(x + i &* m &* k, rowStride: k, columnStride: 1),
            .strided(y + i &* k &* n, rowStride: n, columnStride: 1), into: z + i &* m &* n, cRowStride: n,
            pool: shape(batch).elementCount == 1 ? context.pool : .inline)
        }
      }
    } else if out.count > 0 {
      for i in 0..<shape(batch).elementCount {
        let pair = MatrixProduct<E>(
          a: x + i &* m &* k, aRow: k, aColumn: 1, b: y + i &* k &* n, bRow: n, bColumn: 1, k: k, n: n)
        let target = z + i &* m &* n
        context.pool.parallelFor(m, grain: Swift.max(1, 32768 / Swift.max(1, n &* k))) { lower, upper in
          pair.rows(lower, upper) { row, sums in
            let line = target + row &* n
            for j in 0..<n { line[j] = E(wide: sums[j]) }
          }
        }
      }
    }
    return Labelled(tensor: out, labels: labels)
  }

  /// The operand summed over the labels that are not in `kept`.
  private func summed<E: NumericElement>(_ a: Labelled, keeping kept: Set<Label>, _ type: E.Type) throws -> Labelled {
    let all = Set(a.labels).sorted()
    let (stays, goes) = (all.filter { kept.contains($0) }, all.filter { !kept.contains($0) })
    if goes.isEmpty { return a }
    let arranged = try arranged(a, stays + goes, type)
    let out = try context.allocate(a.tensor.dtype, shape(stays))
    let count = shape(goes).elementCount
    let (from, to) = (arranged.readable(E.self), out.writable(E.self))
    for i in 0..<out.count {
      var sum = E.Wide.zero
      for j in 0..<count { sum = .add(sum, from[i &* count &+ j].wide) }
      to[i] = E(wide: sum)
    }
    return Labelled(tensor: out, labels: stays)
  }

  private func shape(_ labels: [Label]) -> Shape { Shape(labels.map { extents[$0] ?? 1 }) }

  /// The operand with its axes in the order of `labels`: diagonals taken, absent and short axes repeated.
  private func arranged<E: NumericElement>(_ a: Labelled, _ labels: [Label], _ type: E.Type) throws -> Tensor {
    let target = shape(labels)
    if a.labels == labels, a.tensor.shape == target { return a.tensor }
    let own = a.tensor.shape.strides
    var strides = [Int](repeating: 0, count: labels.count)
    for (axis, label) in a.labels.enumerated() where a.tensor.shape[axis] != 1 {
      if let at = labels.firstIndex(of: label) { strides[at] += own[axis] }
    }
    let out = try context.allocate(a.tensor.dtype, target)
    guard out.count > 0 else { return out }
    let from = a.tensor.readable(E.self)
    let to = out.writable(E.self)
    let inner = target.rank > 0 ? target[target.rank - 1] : 1
    let step = strides.last ?? 0
    var index = [Int](repeating: 0, count: target.rank)
    var offset = 0
    for run in 0..<(out.count / inner) {
      for j in 0..<inner { to[run &* inner &+ j] = from[offset &+ j &* step] }
      var axis = target.rank - 2
      while axis >= 0 {
        index[axis] += 1
        offset &+= strides[axis]
        if index[axis] < target[axis] { break }
        offset &-= strides[axis] &* index[axis]
        index[axis] = 0
        axis -= 1
      }
    }
    return out
  }
}
