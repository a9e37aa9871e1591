public import TensorCore

/// Boxes cut out of images and resized to one size, corners on corners; what lies outside an image has one value.
///
/// Inputs: X `[n, c, h, w]`; boxes `[boxes, 4]` as `y1, x1, y2, x2` in parts of `h - 1` and `w - 1`; the image of each box
/// `[boxes]`; the size, two integers. Output `[boxes, c, height, width]`.
public struct CropAndResize: Operator {
  /// The nearest element, else a weighted mean of four.
  public let takesNearest: Bool
  public let outside: Float

  public var name: String { "CropAndResize" }
  public var attributes: [(name: String, value: String)] {
    [("mode", takesNearest ? "nearest" : "bilinear"), ("outside", "\(outside)")]
  }

  public init(takesNearest: Bool, outside: Float) {
    self.takesNearest = takesNearest
    self.outside = outside
  }

  public func outputFacts(_ inputs: [Fact?]) throws -> [Fact] {
    let x = try Operand.fact(inputs, 0, "X")
    let boxes = try Operand.fact(inputs, 1, "rois")
    let images = try Operand.fact(inputs, 2, "batch_indices")
    let size = try Operand.fact(inputs, 3, "crop_size")
    if let dtype = x.dtype, !dtype.isReal { throw Operand.unsupported(dtype, "floating-point numbers") }
    for (fact, rank, what) in [(x, 4, "X"), (boxes, 2, "rois"), (images, 1, "batch_indices"), (size, 1, "crop_size")] {
      if let shape = fact.shape, shape.count != rank {
        throw GraphError(.invalidModel, "\(what) must have rank \(rank) and has shape \(shape.text)")
      }
    }
    let extents = size.integerElements ?? [.unknown, .unknown]
    guard extents.count == 2 else { throw GraphError(.invalidModel, "crop_size must be two integers") }
    let count = boxes.extent(0) ?? images.extent(0) ?? .unknown
    return [Fact(type: x.type, shape: [count, x.extent(1) ?? .unknown] + extents)]
  }

  public func evaluate(_ inputs: inout [Value?], _ context: EvaluationContext) throws -> [Value] {
    let x = try Operand.tensor(inputs, 0, "X")
    let boxes = try Operand.tensor(inputs, 1, "rois")
    let images = try Operand.integers(inputs, 2, "batch_indices")
    let size = try Operand.integers(inputs, 3, "crop_size")
    guard x.shape.rank == 4, boxes.shape == [images.count, 4], size.count == 2, size.allSatisfy({ $0 > 0 }) else {
      throw GraphError(
        .invalidInput,
        "X of shape \(x.shape), rois of \(boxes.shape), \(images.count) images and size \(size) do not fit"
      )
    }
    let dims = x.shape.dims
    guard images.allSatisfy({ $0 >= 0 && $0 < dims[0] }), dims[2] > 0, dims[3] > 0 else {
      throw GraphError(.invalidInput, "batch_indices name an image outside 0..<\(dims[0]), or X has no elements")
    }
    let shape: Shape = [images.count, dims[1], size[0], size[1]]
    let count = try Numbers.count(shape)
    guard count <= context.maxTensorBytes / 8 else {
      throw GraphError(.limit, "an output of shape \(shape) is too large")
    }
    let values = try Numbers.read(x)
    let corners = try Numbers.read(boxes)
    var out = [Double](repeating: Double(outside), count: count)
    let (height, width) = (size[0], size[1])
    values.withUnsafeBufferPointer { values in
      out.withUnsafeMutableBufferPointer { out in
        for (box, image) in images.enumerated() {
          func walk(_ axis: Int) -> [Place] {
            let (from, to) = (corners[box * 4 + axis], corners[box * 4 + 2 + axis])
            return boxes.dtype == .float64
              ? places(from, to, dims[2 + axis], size[axis])
              : places(Float(from), Float(to), dims[2 + axis], size[axis])
          }
          let (rows, columns) = (walk(0), walk(1))
          for channel in 0..<dims[1] {
            let plane = (image &* dims[1] &+ channel) &* dims[2] &* dims[3]
            let target = (box &* dims[1] &+ channel) &* height &* width
            for row in rows {
              let low = plane &+ row.low &* dims[3]
              let high = plane &+ row.high &* dims[3]
              let line = target &+ row.at &* width
              for column in columns {
                let rest = 1 - column.part
                let top = values[low &+ column.low] * rest + values[low &+ column.high] * column.part
                let bottom = values[high &+ column.low] * rest + values[high &+ column.high] * column.part
                out[line &+ column.at] = top * (1 - row.part) + bottom * row.part
              }
            }
          }
        }
      }
    }
    return [try Numbers.write(out, x.dtype, shape, context)]
  }

  /// One place along an axis of the result: the elements around it and the second one's weight.
  private struct Place {
    let at: Int
    let low: Int
    let high: Int
    let part: Double
  }

  /// Those of `count` places along an axis of `extent` that are not outside. In the boxes' own precision, which decides what
  /// is nearest.
  private func places<T: BinaryFloatingPoint>(_ from: T, _ to: T, _ extent: Int, _ count: Int) -> [Place] {
    let last = T(extent - 1)
    let step = count > 1 ? (to - from) * last / T(count - 1) : 0
    let first = count > 1 ? from * last : (from + to) / 2 * last
    return (0..<count).compactMap { i in
      let at = first + T(i) * step
      guard at >= 0, at <= last else { return nil }
      // Of a long axis, `last` may be rounded up.
      func index(_ place: T) -> Int { Swift.min(Int(place), extent - 1) }
      if takesNearest {
        let nearest = index(at.rounded(.toNearestOrAwayFromZero))
        return Place(at: i, low: nearest, high: nearest, part: 0)
      }
      let low = at.rounded(.down)
      return Place(at: i, low: index(low), high: index(at.rounded(.up)), part: Double(at - low))
    }
  }
}
