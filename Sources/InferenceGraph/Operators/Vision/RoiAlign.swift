import Kernels
public import TensorCore

/// Pools regions of feature maps, read between elements (He et al., Mask R-CNN, 2017; `RoiAlign` of the ONNX standard).
///
/// Inputs: X `[n, c, h, w]`, regions `[r, 4]` (x1, y1, x2, y2), and which image each region lies in `[r]`. The output is
/// `[r, c, height, width]`. Samples outside the map count as zeros.
public struct RoiAlign: Operator {
  /// What the samples of a bin become: their mean, or the greatest of their weighted corners.
  public enum Mode: String, Sendable, Hashable { case average = "avg", max }

  public var mode: Mode
  public var height: Int
  public var width: Int
  /// Samples along each axis of a bin; 0: about one for each element that the bin covers.
  public var samplingRatio: Int
  /// By which the regions' coordinates are multiplied.
  public var scale: Float
  /// True: coordinates are shifted by half an element; else they are not, and regions are at least one element large.
  public var isHalfPixel: Bool

  public var name: String { "RoiAlign" }
  public var attributes: [(name: String, value: String)] {
    [
      ("mode", mode.rawValue), ("output", "\(height)x\(width)"), ("scale", "\(scale)"),
      ("half_pixel", "\(isHalfPixel)"),
    ]
  }

  public init(_ mode: Mode, height: Int, width: Int, samplingRatio: Int, scale: Float, isHalfPixel: Bool) {
    self.mode = mode
    self.height = height
    self.width = width
    self.samplingRatio = samplingRatio
    self.scale = scale
    self.isHalfPixel = isHalfPixel
  }

  /// The most samples along one axis of a region.
  static let maxSamples = 1 << 22

  public func outputFacts(_ inputs: [Fact?]) throws -> [Fact] {
    let x = try Operand.fact(inputs, 0, "X")
    let rois = try Operand.fact(inputs, 1, "rois")
    let images = try Operand.fact(inputs, 2, "batch_indices")
    if let dtype = x.dtype, !dtype.isReal { throw Operand.unsupported(dtype, "floating-point numbers") }
    try Operand.sameType(x.dtype, rois.dtype)
    if let dtype = images.dtype, dtype != .int64 { throw Operand.unsupported(dtype, "int64 batch_indices") }
    guard height > 0, width > 0, height < 1 << 20, width < 1 << 20, samplingRatio >= 0, samplingRatio < 1 << 20,
      scale.isFinite
    else {
      throw GraphError(
        .invalidModel,
        "output_height \(height), output_width \(width), sampling_ratio \(samplingRatio), spatial_scale \(scale)")
    }
    if let shape = x.shape, shape.count != 4 {
      throw GraphError(.invalidModel, "X must have shape NxCxHxW and has shape \(shape.text)")
    }
    if let shape = rois.shape, shape.count != 2 || shape[1].isProvablyDifferent(from: 4) {
      throw GraphError(.invalidModel, "rois must have shape Rx4 and has shape \(shape.text)")
    }
    if let shape = images.shape, shape.count != 1 || rois.extent(0)?.isProvablyDifferent(from: shape[0]) == true {
      throw GraphError(.invalidModel, "batch_indices must be one integer for each region; the shape is \(shape.text)")
    }
    let count = rois.extent(0) ?? images.extent(0) ?? .unknown
    return [Fact(type: x.type, shape: [count, x.extent(1) ?? .unknown, Dim(height), Dim(width)])]
  }

  public func evaluate(_ inputs: inout [Value?], _ context: EvaluationContext) throws -> [Value] {
    let x = try Operand.tensor(inputs, 0, "X")
    let rois = try Operand.tensor(inputs, 1, "rois")
    let images = try Operand.tensor(inputs, 2, "batch_indices")
    guard x.shape.rank == 4, rois.shape.rank == 2, rois.shape[1] == 4, images.shape.dims == [rois.shape[0]] else {
      throw GraphError(
        .invalidInput,
        "X of shape \(x.shape), rois of \(rois.shape) and batch_indices of \(images.shape) do not fit together")
    }
    let batch = try Operand.indices(images, extent: x.shape[0], "batch_indices")
    let regions = try Numbers.read(rois)
    guard regions.allSatisfy(\.isFinite) else {
      throw GraphError(.invalidInput, "rois holds a number that is not finite")
    }
    let out = try context.allocate(x.dtype, [rois.shape[0], x.shape[1], height, width])
    guard out.count > 0 else { return [.tensor(out)] }
    guard x.shape[2] > 0, x.shape[3] > 0 else { throw GraphError(.invalidInput, "X of shape \(x.shape) is empty") }
    let plans = try (0..<rois.shape[0]).map { r in
      let region = regions[(r * 4)..<(r * 4 + 4)].map { $0 * Double(scale) - (isHalfPixel ? 0.5 : 0) }
      return Plan(
        y: try axis(region[1], region[3], height, x.shape[2]),
        x: try axis(region[0], region[2], width, x.shape[3]))
    }
    let body = Body(op: self, x: x, out: out, batch: batch, plans: plans, context: context)
    guard try x.dtype.withReal(body) != nil else { throw Operand.unsupported(x.dtype, "floating-point numbers") }
    return [.tensor(out)]
  }

  /// A place between two elements of an axis.
  private struct Sample {
    var low: Int
    var high: Int
    /// How much of `high`.
    var weight: Double
  }

  /// A region along one axis of the map.
  private struct Axis {
    var start: Double
    /// The extent of a bin.
    var size: Double
    var bins: Int
    /// Samples of a bin.
    var count: Int
    /// The extent of the map.
    var extent: Int

    /// The samples of every bin that lie inside the map.
    func samples() -> [[Sample]] {
      let last = Double(extent - 1)
      return (0..<bins).map { bin in
        (0..<count).compactMap { i in
          let place = start + Double(bin) * size + (Double(i) + 0.5) * size / Double(count)
          guard place >= -1, place <= Double(extent) else { return nil }
          let inside = Swift.min(Swift.max(place, 0), last)
          let low = Int(inside)
          return Sample(low: low, high: Swift.min(low + 1, extent - 1), weight: inside - Double(low))
        }
      }
    }
  }

  private struct Plan {
    var y: Axis
    var x: Axis
  }

  private func axis(_ start: Double, _ end: Double, _ bins: Int, _ extent: Int) throws -> Axis {
    let span = isHalfPixel ? end - start : Swift.max(end - start, 1)
    let size = span / Double(bins)
    let adaptive = Swift.max(0, size.rounded(.up))
    guard adaptive <= Double(RoiAlign.maxSamples) else {
      throw GraphError(.limit, "a region of \(span) elements is too large")
    }
    let count = samplingRatio > 0 ? samplingRatio : Int(adaptive)
    guard count <= RoiAlign.maxSamples / bins else {
      throw GraphError(.limit, "\(count) samples in each of \(bins) bins are too many")
    }
    return Axis(start: start, size: size, bins: bins, count: count, extent: extent)
  }

  private struct Body: RealBody {
    let op: RoiAlign
    let x: Tensor, out: Tensor
    let batch: [Int]
    let plans: [Plan]
    let context: EvaluationContext

    func run<E: RealElement>(_ type: E.Type) throws {
      let from = x.unsafeElements(of: E.self)
      let to = out.unsafeMutableElements(of: E.self)
      let (channels, rows, columns) = (x.shape[1], x.shape[2], x.shape[3])
      let (op, batch, plans) = (op, batch, plans)
      let bins = op.height &* op.width
      context.interruptibleFor(batch.count &* channels, grain: 1) { lower, upper in
        var current = -1
        var vertical: [[Sample]] = []
        var horizontal: [[Sample]] = []
        for plane in lower..<upper {
          let (r, c) = plane.quotientAndRemainder(dividingBy: channels)
          if r != current {
            current = r
            vertical = plans[r].y.samples()
            horizontal = plans[r].x.samples()
          }
          let base = (batch[r] &* channels &+ c) &* rows &* columns
          let count = plans[r].y.count &* plans[r].x.count
          for bin in 0..<bins {
            let ys = vertical[bin / op.width]
            let xs = horizontal[bin % op.width]
            // A sample outside the map is a zero, for the greatest as well.
            var result = op.mode == .max && ys.count &* xs.count == count && count > 0 ? -Double.infinity : 0
            for y in ys {
              let (above, below) = (base &+ y.low &* columns, base &+ y.high &* columns)
              for x in xs {
                let a = (1 - y.weight) * (1 - x.weight) * from[above &+ x.low].wide.double
                let b = (1 - y.weight) * x.weight * from[above &+ x.high].wide.double
                let c = y.weight * (1 - x.weight) * from[below &+ x.low].wide.double
                let d = y.weight * x.weight * from[below &+ x.high].wide.double
                if op.mode == .average {
                  result += a + b + c + d
                } else {
                  result = Swift.max(result, Swift.max(Swift.max(a, b), Swift.max(c, d)))
                }
              }
            }
            if op.mode == .average { result /= Double(Swift.max(count, 1)) }
            to[plane &* bins &+ bin] = E(wide: E.Wide(double: result))
          }
        }
      }
    }
  }
}
