import Kernels
public import TensorCore

/// The greatest elements of the bins of regions of feature maps (Girshick, Fast R-CNN, 2015; `MaxRoiPool` of the ONNX
/// standard).
///
/// Inputs: X `[n, c, h, w]` and regions `[r, 5]` (image, x1, y1, x2, y2, both ends inside). The output is
/// `[r, c, height, width]`; a bin that lies outside the map is zero.
public struct MaxRoiPool: Operator {
  public var height: Int
  public var width: Int
  /// By which the regions' coordinates are multiplied.
  public var scale: Float

  public var name: String { "MaxRoiPool" }
  public var attributes: [(name: String, value: String)] { [("output", "\(height)x\(width)"), ("scale", "\(scale)")] }

  public init(height: Int, width: Int, scale: Float) {
    self.height = height
    self.width = width
    self.scale = scale
  }

  public func outputFacts(_ inputs: [Fact?]) throws -> [Fact] {
    let x = try Operand.fact(inputs, 0, "X")
    let rois = try Operand.fact(inputs, 1, "rois")
    if let dtype = x.dtype, !dtype.isReal { throw Operand.unsupported(dtype, "floating-point numbers") }
    try Operand.sameType(x.dtype, rois.dtype)
    guard height > 0, width > 0, height < 1 << 20, width < 1 << 20, scale.isFinite, scale > 0 else {
      throw GraphError(.invalidModel, "pooled_shape [\(height), \(width)] and spatial_scale \(scale) must be positive")
    }
    if let shape = x.shape, shape.count != 4 {
      throw GraphError(.invalidModel, "X must have shape NxCxHxW and has shape \(shape.text)")
    }
    if let shape = rois.shape, shape.count != 2 || shape[1].isProvablyDifferent(from: 5) {
      throw GraphError(.invalidModel, "rois must have shape Rx5 and has shape \(shape.text)")
    }
    return [
      Fact(type: x.type, shape: [rois.extent(0) ?? .unknown, x.extent(1) ?? .unknown, Dim(height), Dim(width)])
    ]
  }

  public func evaluate(_ inputs: inout [Value?], _ context: EvaluationContext) throws -> [Value] {
    let x = try Operand.tensor(inputs, 0, "X")
    let rois = try Operand.tensor(inputs, 1, "rois")
    guard x.shape.rank == 4, rois.shape.rank == 2, rois.shape[1] == 5 else {
      throw GraphError(.invalidInput, "X of shape \(x.shape) and rois of shape \(rois.shape) do not fit together")
    }
    let out = try context.allocate(x.dtype, [rois.shape[0], x.shape[1], height, width])
    guard out.count > 0 else { return [.tensor(out)] }
    let regions = try Numbers.read(rois)
    let isDouble = x.dtype == .float64
    let plans = try (0..<rois.shape[0]).map { r in
      let region = regions[(r * 5)..<(r * 5 + 5)]
      guard region.allSatisfy({ $0.isFinite && Swift.abs($0) < 1e9 }) else {
        throw GraphError(.invalidInput, "region \(r) holds a number that is not finite or too large")
      }
      let image = region[r * 5]
      guard image >= 0, image < Double(x.shape[0]), image == image.rounded() else {
        throw GraphError(.invalidInput, "region \(r) lies in image \(image) of \(x.shape[0])")
      }
      // Half-way cases depend on the precision of the product.
      let places = try region.dropFirst().map { value in
        let product = value * Double(scale)
        let place = (isDouble ? product : Double(Float(product))).rounded(.toNearestOrAwayFromZero)
        guard Swift.abs(place) < 1e12 else { throw GraphError(.invalidInput, "region \(r) is too large") }
        return Int(place)
      }
      return Plan(
        image: Int(image), rows: MaxRoiPool.bins(places[1], places[3], height, x.shape[2], isDouble),
        columns: MaxRoiPool.bins(places[0], places[2], width, x.shape[3], isDouble))
    }
    let body = Body(x: x, out: out, plans: plans, context: context)
    guard try x.dtype.withReal(body) != nil else { throw Operand.unsupported(x.dtype, "floating-point numbers") }
    return [.tensor(out)]
  }

  private struct Plan {
    var image: Int
    var rows: [Range<Int>]
    var columns: [Range<Int>]
  }

  /// The elements of an axis that each bin covers.
  private static func bins(_ start: Int, _ end: Int, _ count: Int, _ extent: Int, _ isDouble: Bool) -> [Range<Int>] {
    func rounded(_ x: Double) -> Double { isDouble ? x : Double(Float(x)) }
    let size = rounded(Double(Swift.max(end - start + 1, 1)) / Double(count))
    return (0..<count).map { bin in
      let first = Int(rounded(Double(bin) * size).rounded(.down)) + start
      let last = Int(rounded(Double(bin + 1) * size).rounded(.up)) + start
      let lower = Swift.min(Swift.max(first, 0), extent)
      return lower..<Swift.max(lower, Swift.min(last, extent))
    }
  }

  private struct Body: RealBody {
    let x: Tensor, out: Tensor
    let plans: [Plan]
    let context: EvaluationContext

    func run<E: RealElement>(_ type: E.Type) throws {
      let from = x.unsafeElements(of: E.self)
      let to = out.unsafeMutableElements(of: E.self)
      let (channels, height, width) = (x.shape[1], x.shape[2], x.shape[3])
      let plans = plans
      context.interruptibleFor(plans.count &* channels, grain: 1) { lower, upper in
        for plane in lower..<upper {
          let (r, c) = plane.quotientAndRemainder(dividingBy: channels)
          let plan = plans[r]
          let base = (plan.image &* channels &+ c) &* height &* width
          var o = plane &* plan.rows.count &* plan.columns.count
          for rows in plan.rows {
            for columns in plan.columns {
              var best: E.Wide?
              for y in rows {
                for x in columns {
                  let value = from[base &+ y &* width &+ x].wide
                  if let b = best, !(value > b) { continue }
                  best = value
                }
              }
              to[o] = E(wide: best ?? .zero)
              o &+= 1
            }
          }
        }
      }
    }
  }
}
