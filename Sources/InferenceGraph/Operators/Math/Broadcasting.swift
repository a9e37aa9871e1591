import Kernels
import TensorCore

/// An operand's kind, shape and bytes, without a hold on its storage, so that the storage can still prove to be free.
struct RawOperand {
  let dtype: DType
  let shape: Shape
  let base: UnsafeRawPointer

  /// Operand `index` of an operator.
  init(_ inputs: [Value?], _ index: Int, _ what: String = "") throws {
    let tensor = try Operand.tensor(inputs, index, what)
    dtype = tensor.dtype
    shape = tensor.shape
    base = UnsafeRawPointer(tensor.unsafeBytes.baseAddress ?? UnsafeRawPointer(tensor.storage.base))
  }

  @inline(__always) func elements<T: BitwiseCopyable>(_ type: T.Type) -> UnsafePointer<T> {
    base.assumingMemoryBound(to: T.self)
  }
}

extension Tensor {
  /// The first element, for reading while some holder keeps the storage alive.
  @inline(__always) func readable<T: BitwiseCopyable>(_ type: T.Type) -> UnsafePointer<T> {
    UnsafePointer(
      unsafeElements(of: type).baseAddress ?? UnsafeRawPointer(storage.base).assumingMemoryBound(to: T.self))
  }

  /// The first byte of a tensor of 8-bit integers.
  var readableBytes: UnsafePointer<UInt8> {
    dtype == .int8
      ? UnsafeRawPointer(readable(Int8.self)).assumingMemoryBound(to: UInt8.self) : readable(UInt8.self)
  }

  /// The first element, for writing into a tensor that was just allocated.
  @inline(__always) func writable<T: BitwiseCopyable>(_ type: T.Type) -> UnsafeMutablePointer<T> {
    unsafeMutableBytes.baseAddress.map { $0.assumingMemoryBound(to: T.self) }
      ?? storage.base.assumingMemoryBound(to: T.self)
  }
}

extension EvaluationContext {
  /// An output that overwrites the first of the inputs `candidates` that dies here, is held by nobody else and takes as
  /// many bytes; a fresh one when there is none.
  func output(
    overwriting candidates: Int..., of inputs: inout [Value?], _ dtype: DType, _ shape: Shape
  ) throws -> Tensor {
    for index in candidates where index < inputs.count && dtype != .string {
      guard case .tensor(var tensor)? = inputs[index], tensor.dtype.byteWidth == dtype.byteWidth,
        tensor.count == shape.elementCount
      else { continue }
      inputs[index] = nil
      if tensor.isUniquelyHeld() { return Tensor(retyping: tensor, dtype, shape) }
      inputs[index] = .tensor(tensor)
    }
    return try allocate(dtype, shape)
  }
}

/// How operands are walked to fill an output that they broadcast to: runs of `inner` elements along which each operand
/// advances by 0 or 1, and an odometer over the axes outside the runs.
struct BroadcastWalk {
  /// Elements of a run.
  let inner: Int
  /// The number of runs.
  let outer: Int
  /// By operand: 1 where it advances along a run, 0 where it stays.
  let steps: [Int]
  private let extents: [Int]
  private let strides: [[Int]]

  /// At most three operands, each of a shape that broadcasts to `output`.
  init(_ operands: [Shape], _ output: Shape) {
    var all = operands.map { $0.broadcastStrides(to: output) }
    while all.count < 3 { all.append([Int](repeating: 0, count: output.rank)) }
    var extents: [Int] = []
    var merged = [[Int]](repeating: [], count: 3)
    for axis in 0..<output.rank where output[axis] != 1 {
      let extent = output[axis]
      let joins =
        !extents.isEmpty
        && (0..<3).allSatisfy { merged[$0][extents.count - 1] == all[$0][axis] &* extent }
      if joins {
        extents[extents.count - 1] = extents[extents.count - 1] &* extent
        for i in 0..<3 { merged[i][extents.count - 1] = all[i][axis] }
      } else {
        extents.append(extent)
        for i in 0..<3 { merged[i].append(all[i][axis]) }
      }
    }
    inner = extents.last ?? 1
    steps = merged.map { $0.last ?? 0 }
    self.extents = [Int](extents.dropLast())
    strides = merged.map { [Int]($0.dropLast()) }
    outer = self.extents.reduce(1, &*)
  }

  /// Calls `body` for runs `lower..<upper` with the offset of each operand.
  @inline(__always)
  func runs(_ lower: Int, _ upper: Int, _ body: (_ run: Int, _ a: Int, _ b: Int, _ c: Int) -> Void) {
    guard lower < upper else { return }
    let rank = extents.count
    var index = [Int](repeating: 0, count: rank)
    var (a, b, c) = (0, 0, 0)
    var rest = lower
    for axis in stride(from: rank - 1, through: 0, by: -1) {
      index[axis] = rest % extents[axis]
      rest /= extents[axis]
      a &+= index[axis] &* strides[0][axis]
      b &+= index[axis] &* strides[1][axis]
      c &+= index[axis] &* strides[2][axis]
    }
    for run in lower..<upper {
      body(run, a, b, c)
      var axis = rank &- 1
      while axis >= 0 {
        index[axis] &+= 1
        a &+= strides[0][axis]
        b &+= strides[1][axis]
        c &+= strides[2][axis]
        if index[axis] < extents[axis] { break }
        a &-= strides[0][axis] &* extents[axis]
        b &-= strides[1][axis] &* extents[axis]
        c &-= strides[2][axis] &* extents[axis]
        index[axis] = 0
        axis &-= 1
      }
    }
  }

  /// Calls `body` with pieces that cover the output, on several threads where that pays: operand offsets, where the
  /// piece begins in the output, and its length.
  @inline(__always)
  func pieces(
    _ pool: ComputePool, _ body: (_ a: Int, _ b: Int, _ c: Int, _ out: Int, _ count: Int) -> Void
  ) {
    if outer == 1 {
      pool.parallelFor(inner, grain: BroadcastWalk.grain) { lower, upper in
        body(lower &* steps[0], lower &* steps[1], lower &* steps[2], lower, upper &- lower)
      }
    } else if inner > 0 {
      pool.parallelFor(outer, grain: Swift.max(1, BroadcastWalk.grain / inner)) { lower, upper in
        runs(lower, upper) { run, a, b, c in body(a, b, c, run &* inner, inner) }
      }
    }
  }

  /// Elements below which a piece is not worth a thread.
  static let grain = 1 << 15
}

/// A function of two elements.
protocol BinaryFunction {
  associatedtype A: BitwiseCopyable
  associatedtype B: BitwiseCopyable
  associatedtype Output: BitwiseCopyable
  func of(_ a: A, _ b: B) -> Output
}

extension BinaryFunction {
  /// Fills `out` with the function of two operands. `out` may be one of them.
  func apply(_ a: RawOperand, _ b: RawOperand, _ out: Tensor, _ walk: BroadcastWalk, _ pool: ComputePool) {
    let x = a.elements(A.self)
    let y = b.elements(B.self)
    let z = out.writable(Output.self)
    let (xStep, yStep) = (walk.steps[0], walk.steps[1])
    walk.pieces(pool) { i, j, _, k, count in
      self.run(x + i, xStep, y + j, yStep, z + k, count)
    }
  }

  /// One run. Where the output is an operand the loop names one pointer only: a loop over two pointers to the same
  /// place is not vectorised.
  @inline(__always)
  private func run(
    _ x: UnsafePointer<A>, _ xStep: Int, _ y: UnsafePointer<B>, _ yStep: Int, _ z: UnsafeMutablePointer<Output>,
    _ count: Int
  ) {
    if xStep == 1 && yStep == 1 {
      if A.self == Float.self, Output.self == Float.self, isSamePlace(x, z) {
        let x = UnsafeMutableRawPointer(z).assumingMemoryBound(to: A.self)
        for i in 0..<count { z[i] = of(x[i], y[i]) }
      } else if B.self == Float.self, Output.self == Float.self, isSamePlace(y, z) {
        let y = UnsafeMutableRawPointer(z).assumingMemoryBound(to: B.self)
        for i in 0..<count { z[i] = of(x[i], y[i]) }
      } else {
        for i in 0..<count { z[i] = of(x[i], y[i]) }
      }
    } else if xStep == 1 {
      let b = y[0]
      if A.self == Float.self, Output.self == Float.self, isSamePlace(x, z) {
        let x = UnsafeMutableRawPointer(z).assumingMemoryBound(to: A.self)
        for i in 0..<count { z[i] = of(x[i], b) }
      } else {
        for i in 0..<count { z[i] = of(x[i], b) }
      }
    } else if yStep == 1 {
      let a = x[0]
      if B.self == Float.self, Output.self == Float.self, isSamePlace(y, z) {
        let y = UnsafeMutableRawPointer(z).assumingMemoryBound(to: B.self)
        for i in 0..<count { z[i] = of(a, y[i]) }
      } else {
        for i in 0..<count { z[i] = of(a, y[i]) }
      }
    } else {
      let value = of(x[0], y[0])
      for i in 0..<count { z[i] = value }
    }
  }
}

/// Where the second operand of an elementwise operator stands against the first: at the last axes (NumPy's rule), or,
/// with the `axis` of opsets before 7, from a given axis on.
struct OperandAlignment {
  let axis: Int?

  /// `b` with trailing extents of 1 that put it in place against an operand of rank `rank`.
  func aligned(_ b: Shape, rank: Int) throws -> Shape {
    guard let axis, b.rank > 0 else { return b }
    return Shape(b.dims + [Int](repeating: 1, count: try trailing(axis, b.rank, rank)))
  }

  /// The same for extents that may be symbols.
  func aligned(_ b: [Dim], rank: Int) throws -> [Dim] {
    guard let axis, !b.isEmpty else { return b }
    return b + [Dim](repeating: 1, count: try trailing(axis, b.count, rank))
  }

  private func trailing(_ axis: Int, _ own: Int, _ rank: Int) throws -> Int {
    let from = axis < 0 ? axis &+ rank : axis
    guard from >= 0, from <= rank, own <= rank - from else {
      throw GraphError(.invalidModel, "an operand of rank \(own) does not fit at axis \(axis) of one of rank \(rank)")
    }
    return rank - from - own
  }
}

/// The facts of elementwise operators.
enum ElementwiseFacts {
  /// The fact of a function of two operands of one type. `result`: the element type, where it is not the operands'.
  static func binary(
    _ inputs: [Fact?], alignment: OperandAlignment, result: DType? = nil, where accepts: (DType) -> Bool,
    expected: String
  ) throws -> Fact {
    let a = try Operand.fact(inputs, 0)
    let b = try Operand.fact(inputs, 1)
    try Operand.sameType(a.dtype, b.dtype)
    if let dtype = a.dtype ?? b.dtype, !accepts(dtype) { throw Operand.unsupported(dtype, expected) }
    var shape: [Dim]?
    if let x = a.shape, let y = b.shape {
      shape = try x.broadcast(with: alignment.aligned(y, rank: x.count))
    }
    return Fact(type: result.map { .tensor($0) } ?? a.type ?? b.type, shape: shape)
  }

  /// The elements of two short integer operands, paired; nil where they are not followed.
  static func pairedElements(_ inputs: [Fact?]) -> [(Dim, Dim)]? {
    guard inputs.count > 1, let a = inputs[0], let b = inputs[1], let x = a.elements, let y = b.elements,
      a.rank ?? 2 <= 1, b.rank ?? 2 <= 1
    else { return nil }
    if x.count == y.count { return Array(zip(x, y)) }
    if x.count == 1 { return y.map { (x[0], $0) } }
    if y.count == 1 { return x.map { ($0, y[0]) } }
    return nil
  }
}

/// True when an operator writes its output over its input.
@inline(__always) func isSamePlace(_ a: UnsafeRawPointer, _ b: UnsafeRawPointer) -> Bool { a == b }
