public import TensorCore

/// Sums blocks `[n, c * block, blocks]` into images `[n, c, image...]`: the adjoint of cutting an image into the blocks
/// that a window covers (`Col2Im` of the ONNX standard).
///
/// Inputs: the blocks, the image's extents, and the block's. Flags are joined by "or", integers wrap around.
public struct Col2Im: Operator {
  /// How blocks lie in the image; its extents come as an input.
  public var window: Window

  public var name: String { "Col2Im" }
  public var attributes: [(name: String, value: String)] {
    [("strides", "\(window.strides)"), ("dilations", "\(window.dilations)"), ("padding", "\(window.padding)")]
  }

  public init(window: Window) { self.window = window }

  public func outputFacts(_ inputs: [Fact?]) throws -> [Fact] {
    let x = try Operand.fact(inputs, 0, "input")
    let image = try Operand.fact(inputs, 1, "image_shape")
    let block = try Operand.fact(inputs, 2, "block_shape")
    if let dtype = x.dtype, !Col2Im.takes(dtype) { throw Operand.unsupported(dtype, "numbers") }
    for fact in [image, block] {
      if let dtype = fact.dtype, dtype != .int64 { throw Operand.unsupported(dtype, "int64 extents") }
    }
    if let shape = x.shape, shape.count != 3 {
      throw GraphError(.invalidModel, "the blocks must have shape Nx(C*block)xL and have shape \(shape.text)")
    }
    let extents = block.constantIntegers
    if let extents {
      guard extents.allSatisfy({ $0 > 0 && $0 < 1 << 30 }) else {
        throw GraphError(.invalidModel, "block_shape \(extents) must be positive")
      }
      _ = try window.completed(rank: extents.count, extents: extents)
    }
    let spatial: [Dim]
    if let dims = image.constantIntegers?.map({ Dim($0) }) ?? image.elements {
      spatial = dims
    } else if let count = extents?.count ?? image.shape?.first?.value, count < 64 {
      spatial = [Dim](repeating: .unknown, count: Swift.max(count, 0))
    } else {
      return [Fact(type: x.type, shape: nil)]
    }
    if let extents, extents.count != spatial.count {
      throw GraphError(.invalidModel, "block_shape \(extents) does not fit an image of shape \(spatial.text)")
    }
    var channels = Dim.unknown
    if let extents, let rows = x.extent(1) {
      let size = extents.reduce(Dim(1)) { $0 * Dim($1) }
      channels = rows.divided(exactlyBy: size) ?? .unknown
      if rows.value != nil, size.value != nil, channels.value == nil {
        throw GraphError(.invalidModel, "\(rows) rows do not divide into blocks of shape \(extents)")
      }
    }
    return [Fact(type: x.type, shape: [x.extent(0) ?? .unknown, channels] + spatial)]
  }

  private static func takes(_ dtype: DType) -> Bool {
    dtype.isArithmetic || dtype == .bool || dtype == .complex64 || dtype == .complex128
  }

  public func evaluate(_ inputs: inout [Value?], _ context: EvaluationContext) throws -> [Value] {
    let x = try Operand.tensor(inputs, 0, "input")
    let image = try Operand.integers(inputs, 1, "image_shape")
    let block = try Operand.integers(inputs, 2, "block_shape")
    guard Col2Im.takes(x.dtype) else { throw Operand.unsupported(x.dtype, "numbers") }
    guard x.shape.rank == 3, !image.isEmpty, image.count == block.count, image.allSatisfy({ $0 >= 0 }) else {
      throw GraphError(
        .invalidInput, "blocks of shape \(x.shape), image_shape \(image) and block_shape \(block) do not fit together")
    }
    let layout = try window.completed(rank: image.count, extents: block).layout(image)
    guard let taps = Shape(block).checkedElementCount, taps > 0, x.shape[1] % taps == 0,
      let blocks = Shape(layout.output).checkedElementCount, blocks == x.shape[2]
    else {
      throw GraphError(
        .invalidInput,
        "\(x.shape[1])x\(x.shape[2]) elements do not divide into \(layout.output) blocks of shape \(block)")
    }
    let shape = Shape([x.shape[0], x.shape[1] / taps] + image)
    let out = try context.allocate(x.dtype, shape)
    switch x.dtype {
    case .bool:
      let (from, to) = (x.unsafeElements(of: Bool.self), out.unsafeMutableElements(of: Bool.self))
      for i in 0..<to.count { to[i] = false }
      Col2Im.visit(layout, planes: shape[0] &* shape[1]) { to[$1] = to[$1] || from[$0] }
    case .complex64: sum(Pair<Float>.self, x, out, layout) { Pair(re: $0.re + $1.re, im: $0.im + $1.im) }
    case .complex128: sum(Pair<Double>.self, x, out, layout) { Pair(re: $0.re + $1.re, im: $0.im + $1.im) }
    default:
      guard try x.dtype.withNumeric(Body(x: x, out: out, layout: layout)) != nil else {
        throw Operand.unsupported(x.dtype, "numbers")
      }
    }
    return [.tensor(out)]
  }

  /// A complex number as tensors hold it.
  private struct Pair<T: BinaryFloatingPoint & BitwiseCopyable>: BitwiseCopyable {
    var re: T
    var im: T
  }

  private func sum<T: BinaryFloatingPoint & BitwiseCopyable>(
    _ type: Pair<T>.Type, _ x: Tensor, _ out: Tensor, _ layout: Window.Layout, _ add: (Pair<T>, Pair<T>) -> Pair<T>
  ) {
    let (from, to) = (x.readable(type), out.writable(type))
    for i in 0..<out.count { to[i] = Pair(re: 0, im: 0) }
    Col2Im.visit(layout, planes: out.shape[0] &* out.shape[1]) { to[$1] = add(to[$1], from[$0]) }
  }

  /// Calls `body` for every element of the blocks that lies inside the image, with its offset and the image's.
  private static func visit(_ layout: Window.Layout, planes: Int, _ body: (Int, Int) -> Void) {
    let axes = layout.input.count
    let strides = Shape(layout.input).strides
    let plane = layout.inputCount
    let (taps, blocks) = (layout.taps, layout.outputCount)
    for p in 0..<planes {
      var tap = PositionCounter(layout.extents)
      for t in 0..<taps {
        var at = PositionCounter(layout.output)
        let row = (p &* taps &+ t) &* blocks
        for b in 0..<blocks {
          var offset = 0
          var isInside = true
          for axis in 0..<axes {
            let i =
              at.position[axis] &* layout.strides[axis] &- layout.before[axis]
              &+ tap.position[axis] &* layout.dilations[axis]
            if i < 0 || i >= layout.input[axis] { isInside = false }
            offset &+= i &* strides[axis]
          }
          if isInside { body(row &+ b, p &* plane &+ offset) }
          at.advance()
        }
        tap.advance()
      }
    }
  }

  private struct Body: NumericBody {
    let x: Tensor, out: Tensor
    let layout: Window.Layout

    func run<E: NumericElement>(_ type: E.Type) throws {
      let from = x.unsafeElements(of: E.self)
      let to = out.unsafeMutableElements(of: E.self)
      var sums = [E.Wide](repeating: .zero, count: to.count)
      Col2Im.visit(layout, planes: out.shape[0] &* out.shape[1]) { sums[$1] = .add(sums[$1], from[$0].wide) }
      for i in 0..<to.count { to[i] = E(wide: sums[i]) }
    }
  }
}
