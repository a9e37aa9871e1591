import Kernels
public import TensorCore

/// What `Pad` puts around a tensor.
public enum PadMode: String, Sendable {
  case constant, reflect, edge, wrap
}

/// A tensor with entries added (or, where a pad is negative, taken away) at the ends of its axes. Inputs: data, pads
/// (all begins, then all ends), value (optional), axes (optional). ONNX `Pad` as of opset 11.
public struct Pad: DataMovement {
  public let mode: PadMode

  public init(mode: PadMode) { self.mode = mode }

  public var name: String { "Pad" }
  public var attributes: [(name: String, value: String)] { [("mode", mode.rawValue)] }

  public func outputFacts(_ inputs: [Fact?]) throws -> [Fact] {
    let data = try inputs.required(0, "data")
    let pads = try inputs.required(1, "pads")
    guard var shape = data.shape else { return [Fact(type: data.type, shape: nil)] }
    let given = inputs.optional(3)
    guard let axes = given == nil ? Array(shape.indices) : given?.constantIntegers else {
      return [Fact(type: data.type, shape: ShapeFacts.unknown(shape.count))]
    }
    let list = try ShapeFacts.axes(axes, rank: shape.count)
    if let count = pads.listCount, count != 2 * list.count {
      throw GraphError(.invalidModel, "\(count) pads for \(list.count) axes, there must be two for each")
    }
    let amounts = pads.integerElements ?? ShapeFacts.unknown(2 * list.count)
    for (i, axis) in list.enumerated() { shape[axis] = shape[axis] + amounts[i] + amounts[list.count + i] }
    return [Fact(type: data.type, shape: shape)]
  }

  public func move(_ inputs: inout [Value?], _ context: EvaluationContext) throws -> [Value] {
    let data = try Operand.tensor(inputs, 0, "data")
    let pads = try Operand.integers(inputs, 1, "pads")
    let value = try Operand.optionalTensor(inputs, 2, "constant_value")
    let rank = data.shape.rank
    let axes = try Operand.optionalTensor(inputs, 3, "axes").map {
      try Operand.axes(Operand.integers($0, "axes"), rank: rank)
    }
    let list = axes ?? Array(0..<rank)
    guard pads.count == 2 * list.count else {
      throw GraphError(.invalidInput, "\(pads.count) pads for \(list.count) axes, there must be two for each")
    }
    if let value, value.dtype != data.dtype || value.count != 1 {
      throw GraphError(
        .invalidInput, "the value must be one \(data.dtype), a \(value.dtype) of shape \(value.shape) came")
    }
    var before = [Int](repeating: 0, count: rank)
    var after = before
    for (i, axis) in list.enumerated() {
      before[axis] = pads[i]
      after[axis] = pads[list.count + i]
    }
    if before.allSatisfy({ $0 == 0 }), after.allSatisfy({ $0 == 0 }) { return [.tensor(data)] }
    let frame = try PadFrame(data.shape, before, after)
    return [
      .tensor(
        mode == .constant
          ? try frame.constant(data, value, context) : try frame.mirrored(data, mode, context))
    ]
  }
}

/// A box cut out of a tensor and set into a larger one.
struct PadFrame {
  let shape: Shape
  /// Per axis: where the box begins in the source and in the target, and its extent.
  private let from: [Int]
  private let to: [Int]
  private let kept: [Int]

  /// Pads below 0 cut.
  init(_ source: Shape, _ before: [Int], _ after: [Int]) throws {
    var from: [Int] = []
    var to: [Int] = []
    var kept: [Int] = []
    var dims: [Int] = []
    for axis in 0..<source.rank {
      let limit = Int(Int32.max) << 8
      guard abs(before[axis].clamped(limit)) < limit, abs(after[axis].clamped(limit)) < limit else {
        throw GraphError(.limit, "a pad of \(before[axis]), \(after[axis])")
      }
      let length = source[axis] + Swift.min(before[axis], 0) + Swift.min(after[axis], 0)
      guard length >= 0 else {
        throw GraphError(
          .invalidInput, "pads \(before[axis]), \(after[axis]) take more than an axis of extent \(source[axis]) has")
      }
      from.append(Swift.max(0, -before[axis]))
      to.append(Swift.max(0, before[axis]))
      kept.append(length)
      dims.append(length + Swift.max(0, before[axis]) + Swift.max(0, after[axis]))
    }
    self.from = from
    self.to = to
    self.kept = kept
    shape = Shape(dims)
  }

  /// The box in a target filled with `value`, or zero.
  func constant(_ data: Tensor, _ value: Tensor?, _ context: EvaluationContext) throws -> Tensor {
    let out = try context.allocate(data.dtype, shape)
    if kept != shape.dims { out.fill(with: value) }
    let a = data.shape.strides
    let b = shape.strides
    StridedCopy(
      extents: kept, from: a, fromStart: zip(from, a).reduce(0) { $0 + $1.0 * $1.1 }, to: b,
      toStart: zip(to, b).reduce(0) { $0 + $1.0 * $1.1 }
    ).run(from: data, to: out, context.pool)
    return out
  }

  /// The target filled from the box by `mode`.
  func mirrored(_ data: Tensor, _ mode: PadMode, _ context: EvaluationContext) throws -> Tensor {
    let out = try context.allocate(data.dtype, shape)
    if out.count == 0 { return out }
    guard !kept.contains(0) else {
      throw GraphError(.invalidInput, "mode \"\(mode.rawValue)\" needs entries, an axis of \(data.shape) has none left")
    }
    let strides = data.shape.strides
    let places = shape.dims.indices.map { axis in
      (0..<shape[axis]).map { at in
        let inside = PadFrame.place(at - to[axis], kept[axis], mode)
        return (from[axis] + inside) * strides[axis]
      }
    }
    guard shape.rank > 0 else { return data }
    Loop(data: data, out: out, places: places, shape: shape, context: context).run(width: data.dtype.byteWidth)
    return out
  }

  private static func place(_ at: Int, _ length: Int, _ mode: PadMode) -> Int {
    if at >= 0, at < length { return at }
    switch mode {
    case .constant, .edge: return at < 0 ? 0 : length - 1
    case .wrap: return (at % length + length) % length
    case .reflect:
      if length == 1 { return 0 }
      let period = 2 * (length - 1)
      let phase = (at % period + period) % period
      return phase < length ? phase : period - phase
    }
  }

  private struct Loop: WidthGeneric {
    let data: Tensor
    let out: Tensor
    let places: [[Int]]
    let shape: Shape
    let context: EvaluationContext

    func run<T: BitwiseCopyable>(_ type: T.Type) {
      let from = data.unsafeElements(of: type).baseAddress!
      let to = out.unsafeMutableElements(of: type).baseAddress!
      let last = shape.rank - 1
      let count = shape[last]
      let inner = places[last]
      context.pool.parallelFor(shape.product(0..<last), grain: Swift.max(1, (1 << 14) / count)) { lower, upper in
        for line in lower..<upper {
          var base = 0
          var rest = line
          for axis in (0..<last).reversed() {
            base &+= places[axis][rest % shape[axis]]
            rest /= shape[axis]
          }
          let out = to + line &* count
          for i in 0..<count { out[i] = from[base &+ inner[i]] }
        }
      }
    }
  }
}

extension Int {
  fileprivate func clamped(_ limit: Int) -> Int { Swift.min(Swift.max(self, -limit), limit) }
}
