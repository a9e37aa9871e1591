import Kernels
public import TensorCore

/// Combines the elements along some axes into one.
///
/// The axes are an attribute, or the second input (integers); none of either means all. A reduction over nothing gives
/// the neutral element: 0 for sums, 1 for products, the least value for maxima.
public struct Reduce: Operator {
  /// The combinations.
  public enum Kind: String, Sendable, CaseIterable {
    case sum = "ReduceSum"
    case mean = "ReduceMean"
    case maximum = "ReduceMax"
    case minimum = "ReduceMin"
    case product = "ReduceProd"
    case l1 = "ReduceL1"
    case l2 = "ReduceL2"
    case sumSquare = "ReduceSumSquare"
    case logSum = "ReduceLogSum"
    case logSumExp = "ReduceLogSumExp"
  }

  public let kind: Kind
  /// The axes; nil: the second input says them.
  public let axes: [Int]?
  public let keepsAxes: Bool
  /// Without axes the input comes out as it is.
  public let keepsWithoutAxes: Bool

  public var name: String { kind.rawValue }
  public var attributes: [(name: String, value: String)] {
    [("axes", axes.map { "\($0)" } ?? "input"), ("keepdims", "\(keepsAxes)")]
  }

  public init(_ kind: Kind, axes: [Int]?, keepsAxes: Bool = true, keepsWithoutAxes: Bool = false) {
    self.kind = kind
    self.axes = axes
    self.keepsAxes = keepsAxes
    self.keepsWithoutAxes = keepsWithoutAxes
  }

  private func accepts(_ dtype: DType) -> Bool {
    dtype.isArithmetic || dtype == .bool && (kind == .maximum || kind == .minimum)
  }

  public func outputFacts(_ inputs: [Fact?]) throws -> [Fact] {
    let x = try Operand.fact(inputs, 0)
    if let dtype = x.dtype, !accepts(dtype) { throw Operand.unsupported(dtype, "numbers") }
    let given = try Operand.optionalFact(inputs, 1, "axes")
    guard let shape = x.shape else { return [Fact(type: x.type, shape: nil)] }
    var list = axes
    if list == nil { list = given == nil ? [] : given?.constantIntegers }
    guard let list else {
      return [Fact(type: x.type, shape: keepsAxes ? shape.map { _ in .unknown } : nil)]
    }
    if list.isEmpty && keepsWithoutAxes { return [Fact(type: x.type, shape: shape)] }
    let reduced = try Reduce.flags(list, rank: shape.count)
    let out = zip(shape, reduced).compactMap { dim, gone in gone ? (keepsAxes ? Dim(1) : nil) : dim }
    var fact = Fact(type: x.type, shape: out)
    if let dtype = x.dtype, dtype.isInteger, shape.count == 1, reduced == [true], let elements = x.elements {
      if kind == .product { fact.elements = [elements.reduce(Dim(1), *)] }
      if kind == .sum { fact.elements = [elements.reduce(Dim(0), +)] }
    }
    return [fact]
  }

  /// By axis: whether it is reduced.
  private static func flags(_ axes: [Int], rank: Int) throws -> [Bool] {
    if axes.isEmpty { return [Bool](repeating: true, count: rank) }
    let shape = Shape([Int](repeating: 1, count: rank))
    var out = [Bool](repeating: false, count: rank)
    for axis in axes { out[try shape.checkedAxis(axis)] = true }
    return out
  }

  public func evaluate(_ inputs: inout [Value?], _ context: EvaluationContext) throws -> [Value] {
    let x = try Operand.tensor(inputs, 0)
    guard accepts(x.dtype) else { throw Operand.unsupported(x.dtype, "numbers") }
    if Widened.applies(to: x.dtype) { return try Widened(base: self, dtype: x.dtype).evaluate(&inputs, context) }
    var list = axes ?? []
    if axes == nil, let given = try Operand.optional(inputs, 1, "axes") {
      guard given.shape.rank <= 1, let values = given.integers else {
        throw GraphError(
          .invalidInput, "axes must be a list of integers and are \(given.dtype) of shape \(given.shape)")
      }
      list = values
    }
    if list.isEmpty && keepsWithoutAxes { return try withoutAxes(x, context) }
    let reduced = try Reduce.flags(list, rank: x.shape.rank)
    var dims: [Int] = []
    for (d, gone) in zip(x.shape.dims, reduced) {
      if !gone { dims.append(d) } else if keepsAxes { dims.append(1) }
    }
    return [.tensor(try reduce(x, reduced, Shape(dims), context))]
  }

  /// Every element as a group of its own: what is not a plain combination (squares, logarithms) still applies.
  private func withoutAxes(_ x: Tensor, _ context: EvaluationContext) throws -> [Value] {
    switch kind {
    case .sum, .mean, .maximum, .minimum, .product: return [.tensor(x)]
    default:
      let flags = [Bool](repeating: false, count: x.shape.rank)
      return [.tensor(try reduce(x, flags, x.shape, context))]
    }
  }

  private func reduce(
    _ x: Tensor, _ reduced: [Bool], _ shape: Shape, _ context: EvaluationContext
  ) throws -> Tensor {
    let out = try context.allocate(x.dtype, shape)
    if out.count == 0 { return out }
    var walked = x.shape
    if x.count == 0 {
      // Groups of an empty tensor are empty, however long the other axes are.
      for axis in 0..<walked.rank where reduced[axis] { walked[axis] = 0 }
    }
    let body = ReduceBody(kind: kind, x: x, out: out, walk: ReductionWalk(walked, reduced), pool: context.pool)
    if x.dtype == .bool { try body.run(UInt8.self) } else { _ = try x.dtype.withNumeric(body) }
    return out
  }
}

/// How the groups of a reduction lie in memory.
///
/// Adjacent axes of one kind are one. When the innermost is reduced, a group is a set of runs of `inner` elements; when
/// it is kept, `inner` groups lie side by side and their elements are rows.
struct ReductionWalk {
  let inner: Int
  let innerIsReduced: Bool
  /// Where the groups (or sets of `inner` groups) begin.
  let starts: [Int]
  /// Where, from there, the runs (or rows) of a group begin.
  let offsets: [Int]
  /// Elements in a group.
  let groupCount: Int

  init(_ shape: Shape, _ reduced: [Bool]) {
    var axes: [(extent: Int, reduced: Bool)] = []
    for (extent, gone) in zip(shape.dims, reduced) where extent != 1 {
      if let last = axes.last, last.reduced == gone {
        axes[axes.count - 1].extent = last.extent &* extent
      } else {
        axes.append((extent, gone))
      }
    }
    if axes.isEmpty { axes.append((1, true)) }
    let last = axes.removeLast()
    inner = last.extent
    innerIsReduced = last.reduced
    var (starts, offsets) = ([0], [0])
    var stride = inner
    for axis in axes.reversed() {
      let steps = (0..<axis.extent).map { $0 &* stride }
      if axis.reduced {
        offsets = steps.flatMap { s in offsets.map { $0 &+ s } }
      } else {
        starts = steps.flatMap { s in starts.map { $0 &+ s } }
      }
      stride = stride &* axis.extent
    }
    self.starts = starts
    self.offsets = offsets
    groupCount = offsets.count &* (last.reduced ? inner : 1)
  }
}

/// How the elements of a group are combined.
private protocol Reducer<W> {
  associatedtype W: MathScalar
  associatedtype Sum: BitwiseCopyable
  static var initial: Sum { get }
  static func add(_ sum: Sum, _ x: W) -> Sum
  /// The combination of two partial results.
  static func join(_ a: Sum, _ b: Sum) -> Sum
  static func finish(_ sum: Sum, _ count: Int) -> W
}

private struct ReduceBody: NumericBody {
  let kind: Reduce.Kind
  let x: Tensor
  let out: Tensor
  let walk: ReductionWalk
  let pool: ComputePool

  func run<E: NumericElement>(_ type: E.Type) throws {
    if E.self == Float.self, walk.innerIsReduced, walk.inner >= 16, !walk.offsets.isEmpty, applyFloatKernel() { return }
    switch kind {
    case .sum: apply(SumReducer<E.Wide>.self, type)
    case .mean: apply(MeanReducer<E.Wide>.self, type)
    case .maximum: apply(MaximumReducer<E.Wide>.self, type)
    case .minimum: apply(MinimumReducer<E.Wide>.self, type)
    case .product: apply(ProductReducer<E.Wide>.self, type)
    case .l1: apply(L1Reducer<E.Wide>.self, type)
    case .l2: apply(L2Reducer<E.Wide>.self, type)
    case .sumSquare: apply(SumSquareReducer<E.Wide>.self, type)
    case .logSum: apply(LogSumReducer<E.Wide>.self, type)
    case .logSumExp: apply(LogSumExpReducer<E.Wide>.self, type)
    }
  }

  /// Reduces contiguous runs by the vector kernel for `float32`, where there is one.
  private func applyFloatKernel() -> Bool {
    let table = KernelTable.current
    let kernel: KernelTable.Reduction
    switch kind {
    case .sum, .mean: kernel = table.sum
    case .sumSquare, .l2: kernel = table.sumOfSquares
    case .maximum: kernel = table.max
    case .minimum: kernel = table.min
    default: return false
    }
    let (from, to) = (x.readable(Float.self), out.writable(Float.self))
    let count = walk.groupCount
    pool.parallelFor(walk.starts.count, grain: Swift.max(1, BroadcastWalk.grain / Swift.max(count, 1))) {
      for group in $0..<$1 {
        var result = kernel(from + walk.starts[group] + walk.offsets[0], walk.inner)
        for offset in walk.offsets.dropFirst() {
          let next = kernel(from + walk.starts[group] + offset, walk.inner)
          switch kind {
          case .maximum: result = .greatest(result, next)
          case .minimum: result = .least(result, next)
          default: result += next
          }
        }
        switch kind {
        case .mean: to[group] = result / Float(count)
        case .l2: to[group] = result.squareRoot()
        default: to[group] = result
        }
      }
    }
    return true
  }

  private func apply<R: Reducer, E: NumericElement>(_ reducer: R.Type, _ type: E.Type) where R.W == E.Wide {
    let from = x.readable(E.self)
    let to = out.writable(E.self)
    let count = walk.groupCount
    if walk.innerIsReduced {
      pool.parallelFor(walk.starts.count, grain: Swift.max(1, BroadcastWalk.grain / Swift.max(count, 1))) {
        for group in $0..<$1 {
          var sum = R.initial
          for offset in walk.offsets { sum = R.join(sum, self.run(from + walk.starts[group] + offset, R.self)) }
          to[group] = E(wide: R.finish(sum, count))
        }
      }
    } else {
      let inner = walk.inner
      pool.parallelFor(walk.starts.count, grain: Swift.max(1, BroadcastWalk.grain / Swift.max(count &* inner, 1))) {
        lower, upper in
        withUnsafeTemporaryAllocation(of: R.Sum.self, capacity: inner) { sums in
          guard let sums = sums.baseAddress else { return }
          for set in lower..<upper {
            for j in 0..<inner { sums[j] = R.initial }
            for offset in walk.offsets {
              let row = from + walk.starts[set] + offset
              for j in 0..<inner { sums[j] = R.add(sums[j], row[j].wide) }
            }
            for j in 0..<inner { to[set &* inner &+ j] = E(wide: R.finish(sums[j], count)) }
          }
        }
      }
    }
  }

  /// A run in sixteen interleaved partial results: as many lanes for vectors, and less rounding than in one.
  @inline(__always)
  private func run<R: Reducer, E: NumericElement>(_ x: UnsafePointer<E>, _ reducer: R.Type) -> R.Sum
  where R.W == E.Wide {
    let inner = walk.inner
    var sum = R.initial
    var i = 0
    if inner >= 64 {
      sum = withUnsafeTemporaryAllocation(of: R.Sum.self, capacity: 16) { buffer in
        let lanes = buffer.baseAddress!
        for j in 0..<16 { lanes[j] = R.initial }
        while i &+ 16 <= inner {
          let block = x + i
          for j in 0..<16 { lanes[j] = R.add(lanes[j], block[j].wide) }
          i &+= 16
        }
        var width = 8
        while width > 0 {
          for j in 0..<width { lanes[j] = R.join(lanes[j], lanes[j &+ width]) }
          width /= 2
        }
        return lanes[0]
      }
    }
    while i < inner {
      sum = R.add(sum, x[i].wide)
      i &+= 1
    }
    return sum
  }
}

private enum SumReducer<W: MathScalar>: Reducer {
  @inline(__always) static var initial: W { .zero }
  @inline(__always) static func add(_ sum: W, _ x: W) -> W { .add(sum, x) }
  @inline(__always) static func join(_ a: W, _ b: W) -> W { .add(a, b) }
  @inline(__always) static func finish(_ sum: W, _ count: Int) -> W { sum }
}
private enum MeanReducer<W: MathScalar>: Reducer {
  @inline(__always) static var initial: W { .zero }
  @inline(__always) static func add(_ sum: W, _ x: W) -> W { .add(sum, x) }
  @inline(__always) static func join(_ a: W, _ b: W) -> W { .add(a, b) }
  @inline(__always) static func finish(_ sum: W, _ count: Int) -> W { .divide(sum, W(double: Double(count))) }
}
private enum MaximumReducer<W: MathScalar>: Reducer {
  @inline(__always) static var initial: W { .lowest }
  @inline(__always) static func add(_ sum: W, _ x: W) -> W { .greatest(sum, x) }
  @inline(__always) static func join(_ a: W, _ b: W) -> W { .greatest(a, b) }
  @inline(__always) static func finish(_ sum: W, _ count: Int) -> W { sum }
}
private enum MinimumReducer<W: MathScalar>: Reducer {
  @inline(__always) static var initial: W { .highest }
  @inline(__always) static func add(_ sum: W, _ x: W) -> W { .least(sum, x) }
  @inline(__always) static func join(_ a: W, _ b: W) -> W { .least(a, b) }
  @inline(__always) static func finish(_ sum: W, _ count: Int) -> W { sum }
}
private enum ProductReducer<W: MathScalar>: Reducer {
  @inline(__always) static var initial: W { .one }
  @inline(__always) static func add(_ sum: W, _ x: W) -> W { .multiply(sum, x) }
  @inline(__always) static func join(_ a: W, _ b: W) -> W { .multiply(a, b) }
  @inline(__always) static func finish(_ sum: W, _ count: Int) -> W { sum }
}
private enum L1Reducer<W: MathScalar>: Reducer {
  @inline(__always) static var initial: W { .zero }
  @inline(__always) static func add(_ sum: W, _ x: W) -> W { .add(sum, x.magnitudeValue) }
  @inline(__always) static func join(_ a: W, _ b: W) -> W { .add(a, b) }
  @inline(__always) static func finish(_ sum: W, _ count: Int) -> W { sum }
}
private enum L2Reducer<W: MathScalar>: Reducer {
  @inline(__always) static var initial: W { .zero }
  @inline(__always) static func add(_ sum: W, _ x: W) -> W { .add(sum, .multiply(x, x)) }
  @inline(__always) static func join(_ a: W, _ b: W) -> W { .add(a, b) }
  @inline(__always) static func finish(_ sum: W, _ count: Int) -> W { W(double: sum.double.squareRoot()) }
}
private enum SumSquareReducer<W: MathScalar>: Reducer {
  @inline(__always) static var initial: W { .zero }
  @inline(__always) static func add(_ sum: W, _ x: W) -> W { .add(sum, .multiply(x, x)) }
  @inline(__always) static func join(_ a: W, _ b: W) -> W { .add(a, b) }
  @inline(__always) static func finish(_ sum: W, _ count: Int) -> W { sum }
}
private enum LogSumReducer<W: MathScalar>: Reducer {
  @inline(__always) static var initial: W { .zero }
  @inline(__always) static func add(_ sum: W, _ x: W) -> W { .add(sum, x) }
  @inline(__always) static func join(_ a: W, _ b: W) -> W { .add(a, b) }
  @inline(__always) static func finish(_ sum: W, _ count: Int) -> W { W(double: Double.log(sum.double)) }
}
/// Keeps the greatest element and the sum of exponentials relative to it, so that nothing overflows.
private enum LogSumExpReducer<W: MathScalar>: Reducer {
  struct Sum: BitwiseCopyable {
    var top: Double
    var scaled: Double
  }
  static var initial: Sum { Sum(top: -.infinity, scaled: 0) }
  static func add(_ sum: Sum, _ x: W) -> Sum { join(sum, Sum(top: x.double, scaled: 1)) }
  static func join(_ a: Sum, _ b: Sum) -> Sum {
    if a.top == b.top { return Sum(top: a.top, scaled: a.scaled + b.scaled) }
    if a.top > b.top || a.top.isNaN { return Sum(top: a.top, scaled: a.scaled + b.scaled * Double.exp(b.top - a.top)) }
    return Sum(top: b.top, scaled: b.scaled + a.scaled * Double.exp(a.top - b.top))
  }
  static func finish(_ sum: Sum, _ count: Int) -> W {
    W(double: sum.top == -.infinity ? -.infinity : sum.top + Double.log(sum.scaled))
  }
}
