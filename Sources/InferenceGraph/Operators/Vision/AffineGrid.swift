public import TensorCore

/// The grids `[n, output..., axes]` of places, last axis first, that affine matrices `[n, axes, axes + 1]` map the
/// elements of an image `[n, c, output...]` to. Places run from -1 to 1 (`AffineGrid` of the ONNX standard).
///
/// Inputs: the matrices (theta), and the shape of the image as a list of integers.
public struct AffineGrid: Operator {
  /// True: -1 and 1 are the centres of the outermost elements; else their outer borders.
  public var alignsCorners: Bool

  public var name: String { "AffineGrid" }
  public var attributes: [(name: String, value: String)] { [("align_corners", "\(alignsCorners)")] }

  public init(alignsCorners: Bool) { self.alignsCorners = alignsCorners }

  public func outputFacts(_ inputs: [Fact?]) throws -> [Fact] {
    let theta = try Operand.fact(inputs, 0, "theta")
    let size = try Operand.fact(inputs, 1, "size")
    if let dtype = theta.dtype, !dtype.isReal { throw Operand.unsupported(dtype, "floating-point numbers") }
    if let dtype = size.dtype, dtype != .int64 { throw Operand.unsupported(dtype, "int64 extents") }
    if let shape = theta.shape {
      guard shape.count == 3, AffineGrid.fits(shape) else {
        throw GraphError(.invalidModel, "theta must have shape Nx2x3 or Nx3x4 and has shape \(shape.text)")
      }
    }
    let dims = size.constantIntegers?.map { Dim($0) } ?? size.elements
    guard let dims else {
      guard let axes = theta.extent(1)?.value else { return [Fact(type: theta.type, shape: nil)] }
      let unknown = [Dim](repeating: .unknown, count: axes)
      return [Fact(type: theta.type, shape: [theta.extent(0) ?? .unknown] + unknown + [Dim(axes)])]
    }
    guard dims.count == 4 || dims.count == 5, dims.allSatisfy({ ($0.value ?? 0) >= 0 }) else {
      throw GraphError(.invalidModel, "size must be (N, C, H, W) or (N, C, D, H, W) and is \(dims.text)")
    }
    let axes = dims.count - 2
    if let shape = theta.shape {
      guard !shape[1].isProvablyDifferent(from: Dim(axes)), !shape[0].isProvablyDifferent(from: dims[0]) else {
        throw GraphError(.invalidModel, "theta of shape \(shape.text) does not fit an image of shape \(dims.text)")
      }
    }
    return [Fact(type: theta.type, shape: [dims[0]] + dims[2...] + [Dim(axes)])]
  }

  private static func fits(_ shape: [Dim]) -> Bool {
    for axes in [2, 3] where !shape[1].isProvablyDifferent(from: Dim(axes)) {
      if !shape[2].isProvablyDifferent(from: Dim(axes + 1)) { return true }
    }
    return false
  }

  public func evaluate(_ inputs: inout [Value?], _ context: EvaluationContext) throws -> [Value] {
    let theta = try Operand.tensor(inputs, 0, "theta")
    let size = try Operand.integers(inputs, 1, "size")
    guard theta.dtype.isReal else { throw Operand.unsupported(theta.dtype, "floating-point numbers") }
    let axes = size.count - 2
    guard axes == 2 || axes == 3, size.allSatisfy({ $0 >= 0 }), theta.shape.dims == [size[0], axes, axes + 1] else {
      throw GraphError(.invalidInput, "theta of shape \(theta.shape) does not fit an image of shape \(size)")
    }
    let spatial = Array(size[2...])
    let shape = Shape([size[0]] + spatial + [axes])
    let matrices = try Numbers.read(theta)
    var out = [Double](repeating: 0, count: try Numbers.count(shape))
    guard !out.isEmpty else { return [try Numbers.write(out, theta.dtype, shape, context)] }
    let places = spatial.map(places)
    let points = out.count / (size[0] * axes)
    for n in 0..<size[0] {
      var at = PositionCounter(spatial)
      for p in 0..<points {
        for row in 0..<axes {
          let m = (n * axes + row) * (axes + 1)
          // A matrix has a column for each axis, the last axis first, then one for the translation.
          var sum = 0.0
          for column in 0..<axes {
            let axis = axes - 1 - column
            sum += matrices[m + column] * places[axis][at.position[axis]]
          }
          out[(n * points + p) * axes + row] = sum + matrices[m + axes]
        }
        at.advance()
      }
    }
    return [try Numbers.write(out, theta.dtype, shape, context)]
  }

  /// The places of the elements along an axis; one element lies in the middle.
  private func places(_ extent: Int) -> [Double] {
    guard extent > 1 else { return [Double](repeating: 0, count: extent) }
    let step = 2 / Double(alignsCorners ? extent - 1 : extent)
    let start = alignsCorners ? -1 : step / 2 - 1
    return (0..<extent).map { start + Double($0) * step }
  }
}
