import Kernels
public import TensorCore

#if canImport(Glibc)
import Glibc
#elseif canImport(Musl)
import Musl
#elseif canImport(Darwin)
import Darwin
#endif

/// The entries of an axis that an index tensor names, whose axes take the axis's place. ONNX `Gather`.
public struct Gather: DataMovement {
  public let axis: Int

  public init(axis: Int) { self.axis = axis }

  public var name: String { "Gather" }
  public var attributes: [(name: String, value: String)] { [("axis", "\(axis)")] }

  public func outputFacts(_ inputs: [Fact?]) throws -> [Fact] {
    let data = try inputs.required(0, "data")
    let indices = try inputs.required(1, "indices")
    guard let shape = data.shape else { return [Fact(type: data.type, shape: nil)] }
    let axis = try ShapeFacts.axis(axis, rank: shape.count)
    if let extent = shape[axis].value, let list = indices.constantIntegers,
      let bad = list.first(where: { $0 >= extent || $0 < -extent })
    {
      throw GraphError(.invalidModel, "index \(bad) lies outside an axis of extent \(extent)")
    }
    guard let places = indices.shape else { return [Fact(type: data.type, shape: nil)] }
    var elements: [Dim]?
    if shape.count == 1, places.count <= 1, let all = data.integerElements, let list = indices.constantIntegers {
      elements = list.map { all[$0 < 0 ? $0 + all.count : $0] }
    }
    return [data.reshaped(Array(shape[..<axis]) + places + Array(shape[(axis + 1)...]), elements: elements)]
  }

  public func move(_ inputs: inout [Value?], _ context: EvaluationContext) throws -> [Value] {
    let data = try Operand.tensor(inputs, 0, "data")
    let places = try Operand.tensor(inputs, 1, "indices")
    let axis = try Operand.axis(axis, rank: data.shape.rank)
    let extent = data.shape[axis]
    let indices = try Operand.indices(places, extent: extent, "indices")
    let shape = Shape(Array(data.shape.dims[..<axis]) + places.shape.dims + Array(data.shape.dims[(axis + 1)...]))
    let outer = data.shape.product(0..<axis)
    let inner = data.shape.product((axis + 1)..<data.shape.rank)
    if outer == 1, indices.count == 1 {
      return [.tensor(try data.viewed([extent, inner]).rows(indices[0]..<(indices[0] + 1)).viewed(shape))]
    }
    let out = try context.allocate(data.dtype, shape)
    if out.count == 0 { return [.tensor(out)] }
    if inner == 1 {
      Single(data: data, out: out, extent: extent, indices: indices, outer: outer, context: context)
        .run(width: data.dtype.byteWidth)
    } else {
      let row = inner * data.dtype.byteWidth
      let from = data.unsafeBytes.baseAddress!
      let to = out.unsafeMutableBytes.baseAddress!
      context.pool.parallelFor(outer * indices.count, grain: Swift.max(1, (1 << 17) / row)) { lower, upper in
        for position in lower..<upper {
          let (block, at) = position.quotientAndRemainder(dividingBy: indices.count)
          memcpy(to + position &* row, from + (block &* extent &+ indices[at]) &* row, row)
        }
      }
    }
    return [.tensor(out)]
  }

  private struct Single: WidthGeneric {
    let data: Tensor
    let out: Tensor
    let extent: Int
    let indices: [Int]
    let outer: Int
    let context: EvaluationContext

    func run<T: BitwiseCopyable>(_ type: T.Type) {
      let from = data.unsafeElements(of: type).baseAddress!
      let to = out.unsafeMutableElements(of: type).baseAddress!
      let count = indices.count
      context.pool.parallelFor(outer, grain: Swift.max(1, (1 << 15) / count)) { lower, upper in
        for block in lower..<upper {
          let from = from + block &* extent
          let to = to + block &* count
          for i in 0..<count { to[i] = from[indices[i]] }
        }
      }
    }
  }
}

/// The elements that index tuples name (or the boxes, where a tuple names fewer axes than there are). ONNX `GatherND`.
public struct GatherND: DataMovement {
  public let batchDims: Int

  public init(batchDims: Int = 0) { self.batchDims = batchDims }

  public var name: String { "GatherND" }
  public var attributes: [(name: String, value: String)] { [("batch_dims", "\(batchDims)")] }

  public func outputFacts(_ inputs: [Fact?]) throws -> [Fact] {
    let data = try inputs.required(0, "data")
    let indices = try inputs.required(1, "indices")
    guard let shape = data.shape, let places = indices.shape, let depth = places.last else {
      return [Fact(type: data.type, shape: nil)]
    }
    guard batchDims >= 0, batchDims < places.count, batchDims <= shape.count else {
      throw GraphError(.invalidModel, "batch_dims \(batchDims) for \(data) and \(indices)")
    }
    guard let depth = depth.value else { return [Fact(type: data.type, shape: nil)] }
    guard depth >= 1, batchDims + depth <= shape.count else {
      throw GraphError(.invalidModel, "\(indices) holds tuples of \(depth) for \(data)")
    }
    return [Fact(type: data.type, shape: Array(places.dropLast()) + Array(shape[(batchDims + depth)...]))]
  }

  public func move(_ inputs: inout [Value?], _ context: EvaluationContext) throws -> [Value] {
    let data = try Operand.tensor(inputs, 0, "data")
    let places = try Operand.tensor(inputs, 1, "indices")
    let tuples = try IndexTuples(places, into: data.shape, batchDims: batchDims)
    let shape = Shape(Array(places.shape.dims.dropLast()) + Array(data.shape.dims[(batchDims + tuples.depth)...]))
    let out = try context.allocate(data.dtype, shape)
    let row = tuples.box * data.dtype.byteWidth
    if out.count == 0 { return [.tensor(out)] }
    let from = data.unsafeBytes.baseAddress!
    let to = out.unsafeMutableBytes.baseAddress!
    context.pool.parallelFor(tuples.offsets.count, grain: Swift.max(1, (1 << 16) / row)) { lower, upper in
      for i in lower..<upper {
        memcpy(to + i &* row, from + tuples.offsets[i] &* data.dtype.byteWidth, row)
      }
    }
    return [.tensor(out)]
  }
}

/// Index tuples as `GatherND` and `ScatterND` take them: where each one's box begins.
struct IndexTuples {
  /// The length of a tuple.
  let depth: Int
  /// Elements of the box that one tuple names.
  let box: Int
  /// Where each tuple's box begins, in elements.
  let offsets: [Int]

  init(_ places: Tensor, into shape: Shape, batchDims: Int) throws {
    guard places.shape.rank > batchDims, batchDims >= 0, let depth = places.shape.dims.last, depth >= 1,
      batchDims + depth <= shape.rank, places.shape.dims[..<batchDims] == shape.dims[..<batchDims]
    else {
      throw GraphError(
        .invalidInput, "indices of shape \(places.shape) (batch_dims \(batchDims)) for data of shape \(shape)")
    }
    guard let flat = places.integers, places.dtype == .int64 || places.dtype == .int32 else {
      throw GraphError(.invalidInput, "indices must be int64, \(places.dtype) came")
    }
    self.depth = depth
    let strides = shape.strides
    box = shape.product((batchDims + depth)..<shape.rank)
    let batch = shape.product(batchDims..<shape.rank)
    let tuples = flat.count / depth
    let perBatch = Swift.max(1, places.shape.product(batchDims..<(places.shape.rank - 1)))
    offsets = try (0..<tuples).map { tuple in
      var offset = tuple / perBatch * batch
      for i in 0..<depth {
        let extent = shape[batchDims + i]
        let raw = flat[tuple * depth + i]
        let index = raw < 0 ? raw &+ extent : raw
        guard index >= 0, index < extent else {
          throw GraphError(.invalidInput, "indices hold \(raw) for an axis of extent \(extent)")
        }
        offset += index * strides[batchDims + i]
      }
      return offset
    }
  }
}

/// Elements picked along an axis, one index an element. ONNX `GatherElements`.
public struct GatherElements: DataMovement {
  public let axis: Int

  public init(axis: Int) { self.axis = axis }

  public var name: String { "GatherElements" }
  public var attributes: [(name: String, value: String)] { [("axis", "\(axis)")] }

  public func outputFacts(_ inputs: [Fact?]) throws -> [Fact] {
    let data = try inputs.required(0, "data")
    let indices = try inputs.required(1, "indices")
    if let rank = data.rank, let other = indices.rank, rank != other {
      throw GraphError(.invalidModel, "indices must have the rank of the data, \(rank): \(indices)")
    }
    return [Fact(type: data.type, shape: indices.shape)]
  }

  public func move(_ inputs: inout [Value?], _ context: EvaluationContext) throws -> [Value] {
    let data = try Operand.tensor(inputs, 0, "data")
    let places = try Operand.tensor(inputs, 1, "indices")
    let lines = try ElementLines(data.shape, places, axis: axis)
    let out = try context.allocate(data.dtype, places.shape)
    if out.count > 0 {
      Loop(data: data, out: out, lines: lines, context: context).run(width: data.dtype.byteWidth)
    }
    return [.tensor(out)]
  }

  private struct Loop: WidthGeneric {
    let data: Tensor
    let out: Tensor
    let lines: ElementLines
    let context: EvaluationContext

    func run<T: BitwiseCopyable>(_ type: T.Type) {
      let from = data.unsafeElements(of: type).baseAddress!
      let to = out.unsafeMutableElements(of: type).baseAddress!
      context.pool.parallelFor(lines.count, grain: Swift.max(1, (1 << 14) / lines.length)) { lower, upper in
        for line in lower..<upper {
          lines.forEach(in: line) { to[$0] = from[$1] }
        }
      }
    }
  }
}

/// How `GatherElements` and `ScatterElements` pair the elements of an index tensor with those of the data.
struct ElementLines {
  /// Lines along the last axis of the index tensor, and elements in each.
  let count: Int
  let length: Int
  private let indices: [Int]
  private let extents: [Int]
  private let strides: [Int]
  private let along: Int
  private let step: Int

  init(_ data: Shape, _ places: Tensor, axis: Int) throws {
    let axis = try Operand.axis(axis, rank: data.rank)
    guard places.shape.rank == data.rank,
      (0..<data.rank).allSatisfy({ $0 == axis || places.shape[$0] <= data[$0] })
    else {
      throw GraphError(
        .invalidInput, "indices of shape \(places.shape) do not fit data of shape \(data) along axis \(axis)")
    }
    indices = try Operand.indices(places, extent: data[axis], "indices")
    let last = data.rank - 1
    var strides = data.strides
    along = strides[axis]
    strides[axis] = 0
    step = strides[last]
    extents = Array(places.shape.dims.dropLast())
    self.strides = Array(strides.dropLast())
    length = places.shape[last]
    count = places.shape.product(0..<last)
  }

  /// Calls `body` with the position in the index tensor and that in the data, for every element of a line.
  @inline(__always)
  func forEach(in line: Int, _ body: (Int, Int) -> Void) {
    var base = 0
    var rest = line
    for i in extents.indices.reversed() {
      base &+= rest % extents[i] &* strides[i]
      rest /= extents[i]
    }
    let first = line &* length
    indices.withUnsafeBufferPointer { indices in
      for i in 0..<length {
        body(first &+ i, base &+ i &* step &+ indices[first &+ i] &* along)
      }
    }
  }
}
