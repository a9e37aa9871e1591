public import TensorCore

/// Resampling along some axes, each by itself: nearest, linear or cubic.
///
/// Inputs: X, then scales or sizes (integers) for `axes`, then for `cropAndResize` the region of interest
/// `[starts..., ends...]`.
public struct Resize: Operator {
  public enum Mode: Sendable, Hashable { case nearest, linear, cubic }
  /// How an output position becomes an input position.
  public enum Coordinates: String, Sendable, Hashable {
    case halfPixel = "half_pixel"
    case halfPixelSymmetric = "half_pixel_symmetric"
    case pytorchHalfPixel = "pytorch_half_pixel"
    case alignCorners = "align_corners"
    case asymmetric = "asymmetric"
    case cropAndResize = "tf_crop_and_resize"
    /// Half pixels for nearest neighbours, as version 10 of the standard left it to implementations.
    case tfHalfPixel = "tf_half_pixel_for_nn"
  }
  public enum Nearest: String, Sendable, Hashable {
    case roundPreferFloor = "round_prefer_floor"
    case roundPreferCeil = "round_prefer_ceil"
    case floor, ceil
    /// Up where the output is smaller, else down: what version 10 left to implementations, as they settled it.
    case simple
  }
  /// What one given size means for the others.
  public enum AspectRatio: String, Sendable, Hashable {
    case stretch
    case notLarger = "not_larger"
    case notSmaller = "not_smaller"
  }

  public var mode: Mode
  public var coordinates = Coordinates.halfPixel
  public var nearest = Nearest.roundPreferFloor
  public var aspectRatio = AspectRatio.stretch
  public var cubicA: Float = -0.75
  public var extrapolation: Float = 0
  public var excludesOutside = false
  public var antialiases = false
  /// The length of the resized axis in coordinates is the output's, a whole number, as the standard's text, PyTorch and ONNX
  /// Runtime have it; not the input's times the scale, as the standard's reference has it.
  public var usesWholeLengths = true
  /// nil: all.
  public var axes: [Int]?

  public var name: String { "Resize" }
  public var attributes: [(name: String, value: String)] {
    [("mode", "\(mode)"), ("coordinates", coordinates.rawValue), ("antialias", "\(antialiases)")]
  }

  public init(_ mode: Mode) { self.mode = mode }

  public func outputFacts(_ inputs: [Fact?]) throws -> [Fact] {
    let x = try Operand.fact(inputs, 0, "X")
    guard let shape = x.shape else { return [Fact(type: x.type, shape: nil)] }
    let axes = try resolved(shape.count)
    var out = shape
    for axis in axes { out[axis] = .unknown }
    if let known = shape.known {
      // A list without elements stands for one that is not given.
      let scales = try Operand.optionalFact(inputs, 1, "scales")?.tensor.flatMap { $0.count == 0 ? nil : $0 }
      let sizes = try Operand.optionalFact(inputs, 2, "sizes")?.constantIntegers.flatMap { $0.isEmpty ? nil : $0 }
      if scales != nil || sizes != nil {
        out = try plan(known, scales.map { try Numbers.read($0) }, sizes).map { Dim($0.output) }
      }
    } else if let scales = try Operand.optionalFact(inputs, 1, "scales")?.tensor.map({ try Numbers.read($0) }),
      scales.count == axes.count
    {
      for (axis, scale) in zip(axes, scales) {
        if scale == 1 {
          out[axis] = shape[axis]
        } else if scale == scale.rounded(), scale >= 1, scale < 1_048_576 {
          out[axis] = shape[axis] * Dim(Int(scale))
        } else if let extent = shape[axis].value, scale > 0, scale < 1_048_576, extent < 1 << 30 {
          out[axis] = Dim(Int(Float(extent) * Float(scale)))
        }
      }
    }
    return [Fact(type: x.type, shape: out)]
  }

  private func resolved(_ rank: Int) throws -> [Int] {
    let shape = Shape([Int](repeating: 1, count: rank))
    let axes = try (self.axes ?? Array(0..<rank)).map { try shape.checkedAxis($0) }
    guard Set(axes).count == axes.count else { throw GraphError(.invalidModel, "axes \(axes) name one axis twice") }
    return axes
  }

  /// What happens to one axis.
  private struct Plan {
    var input: Int
    var output: Int
    var scale: Double
  }

  private func plan(_ shape: Shape, _ scales: [Double]?, _ sizes: [Int]?) throws -> [Plan] {
    let axes = try resolved(shape.rank)
    var plans = shape.dims.map { Plan(input: $0, output: $0, scale: 1) }
    if let sizes, !sizes.isEmpty {
      guard sizes.count == axes.count, sizes.allSatisfy({ $0 >= 0 && $0 < 1 << 30 }) else {
        throw GraphError(.invalidInput, "sizes \(sizes) do not fit \(axes.count) axes")
      }
      var ratios = zip(axes, sizes).map { Double($1) / Double(Swift.max(1, shape[$0])) }
      if aspectRatio != .stretch, let one = aspectRatio == .notLarger ? ratios.min() : ratios.max() {
        ratios = ratios.map { _ in one }
      }
      for (i, axis) in axes.enumerated() {
        plans[axis].scale = ratios[i]
        let kept = (ratios[i] * Double(shape[axis]) + 0.5).rounded(.down)
        guard kept < 1e9 else { throw GraphError(.limit, "sizes \(sizes) make axis \(axis) too large") }
        plans[axis].output = aspectRatio == .stretch ? sizes[i] : Int(kept)
      }
    } else if let scales, !scales.isEmpty {
      guard scales.count == axes.count, scales.allSatisfy({ $0 > 0 && $0 < 1e6 }) else {
        throw GraphError(.invalidInput, "scales \(scales) must be \(axes.count) positive numbers")
      }
      for (i, axis) in axes.enumerated() {
        // In float32, as every framework reckons that writes such scales: three times 5/3 are five.
        let output = (Float(shape[axis]) * Float(scales[i])).rounded(.down)
        guard output < 1e9 else { throw GraphError(.limit, "scale \(scales[i]) makes axis \(axis) too large") }
        plans[axis].scale = scales[i]
        plans[axis].output = Int(output)
      }
    } else {
      throw GraphError(.invalidInput, "either scales or sizes must be given")
    }
    return plans
  }

  public func evaluate(_ inputs: inout [Value?], _ context: EvaluationContext) throws -> [Value] {
    let x = try Operand.tensor(inputs, 0, "X")
    let scales = try Operand.optional(inputs, 1, "scales").map { try Numbers.read($0) }
    let sizes = try Operand.optional(inputs, 2, "sizes").flatMap { $0.integers }
    let roi = try Operand.optional(inputs, 3, "roi").map { try Numbers.read($0) } ?? []
    let plans = try plan(x.shape, scales, sizes)
    let axes = try resolved(x.shape.rank)
    let shape = Shape(plans.map(\.output))
    _ = try Numbers.count(shape)
    if coordinates == .cropAndResize, roi.count != 2 * axes.count {
      throw GraphError(.invalidInput, "roi must hold \(2 * axes.count) numbers and holds \(roi.count)")
    }
    if shape.elementCount == 0 { return [.tensor(try context.allocate(x.dtype, shape))] }
    if mode == .nearest, coordinates != .cropAndResize, x.dtype.isReal || x.dtype.isInteger, x.count > 0,
      let copy = try nearestCopy(x, plans, Set(axes), shape, context)
    {
      return [.tensor(copy)]
    }
    var values = try Numbers.read(x)
    var dims = x.shape.dims
    guard !values.isEmpty else {
      throw GraphError(.invalidInput, "an empty tensor cannot be resized to \(shape)")
    }
    for (i, axis) in axes.enumerated() {
      let region = coordinates == .cropAndResize ? (roi[i], roi[i + axes.count]) : (0, 1)
      let p = plans[axis]
      if p.scale == 1 && p.output == p.input && region == (0, 1) { continue }
      values = try resample(values, dims, axis, p, region, limit: context.maxTensorBytes / 8)
      dims[axis] = p.output
    }
    if antialiases, x.dtype.isInteger { for i in values.indices { values[i] = (values[i] + 0.5).rounded(.down) } }
    return [try Numbers.write(values, x.dtype, shape, context)]
  }

  /// Which input elements make an output element, and how much of each; no elements: the extrapolation value.
  private typealias Taps = [(index: Int, weight: Double)]

  private func taps(_ o: Int, _ p: Plan, _ region: (Double, Double)) -> Taps {
    // Which element is nearest is decided in float32, as frameworks do.
    if mode == .nearest, usesWholeLengths, coordinates != .cropAndResize {
      return weights(Double(place(Float(o), p, (0, 1))), p)
    }
    let x = place(Double(o), p, region)
    if coordinates == .cropAndResize, !(x >= 0 && x <= Double(p.input - 1)) { return [] }
    return weights(x, p)
  }

  /// Where place `y` of an axis of the result is in the input.
  private func place<T: BinaryFloatingPoint>(_ y: T, _ p: Plan, _ region: (Double, Double)) -> T {
    let (scale, input) = (T(p.scale), T(p.input))
    let last = T(p.input - 1)
    let outputWidth = usesWholeLengths ? T(p.output) : scale * input
    switch coordinates {
    case .alignCorners: return outputWidth == 1 ? 0 : y * last / (outputWidth - 1)
    case .asymmetric: return y / scale
    case .halfPixel: return (y + 0.5) / scale - 0.5
    case .tfHalfPixel: return (y + 0.5) / scale
    case .pytorchHalfPixel:
      // The standard's text has 0 for a length of 1, its reference -0.5.
      return outputWidth == 1 ? (usesWholeLengths ? 0 : -0.5) : (y + 0.5) / scale - 0.5
    case .halfPixelSymmetric:
      return input / 2 * (1 - T(p.output) / (scale * input)) + (y + 0.5) / scale - 0.5
    case .cropAndResize:
      let span = T(region.1 - region.0) * last
      return (outputWidth == 1 ? span / 2 : y * span / (outputWidth - 1)) + T(region.0) * last
    }
  }

  private func weights(_ x: Double, _ p: Plan) -> Taps {
    guard x.isFinite, Swift.abs(x) < 1e9 else { return [] }
    // The left neighbour counts as the one before an integer position, at a distance of 1.
    let isInteger = x == x.rounded(.down)
    let left = isInteger ? Int(x) - 1 : Int(x.rounded(.down))
    let ratio = isInteger ? 1 : x - Double(left)
    var taps: Taps
    let scale = Swift.min(p.scale, 1)
    switch mode {
    case .nearest:
      let right: Bool
      switch nearest {
      case .roundPreferFloor: right = ratio > 0.5
      case .roundPreferCeil: right = ratio >= 0.5
      case .floor: right = ratio == 1
      case .ceil: right = true
      case .simple: right = p.scale < 1 || ratio == 1
      }
      taps = [(left + (right ? 1 : 0), 1)]
    case .linear where !antialiases: taps = [(left, 1 - ratio), (left + 1, ratio)]
    case .linear:
      taps = spread(left, ratio, scale, 1) { Swift.max(0, 1 - Swift.abs($0)) }
    case .cubic where !antialiases:
      taps = (-1...2).map { (left + $0, cubic(Double($0) - ratio)) }
    case .cubic:
      taps = spread(left, ratio, scale, 2, cubic)
    }
    if excludesOutside {
      taps = taps.filter { $0.index >= 0 && $0.index < p.input }
      let total = taps.reduce(0) { $0 + $1.weight }
      taps = taps.map { ($0.index, $0.weight / total) }
    }
    return taps.map { (Swift.min(Swift.max($0.index, 0), p.input - 1), $0.weight) }
  }

  /// The taps of a filter that is stretched when the output is smaller.
  private func spread(
    _ left: Int, _ ratio: Double, _ scale: Double, _ reach: Double, _ filter: (Double) -> Double
  ) -> Taps {
    let start = Int((-reach / scale).rounded(.down)) + 1
    var taps: Taps = []
    for i in start..<(2 - start) { taps.append((left + i, filter(scale * (Double(i) - ratio)))) }
    let total = taps.reduce(0) { $0 + $1.weight }
    return taps.map { ($0.index, $0.weight / total) }
  }

  private func cubic(_ distance: Double) -> Double {
    let a = Double(cubicA)
    let d = Swift.abs(distance)
    if d <= 1 { return ((a + 2) * d - (a + 3)) * d * d + 1 }
    return d < 2 ? ((a * d - 5 * a) * d + 8 * a) * d - 4 * a : 0
  }

  private func resample(
    _ values: [Double], _ dims: [Int], _ axis: Int, _ plan: Plan, _ region: (Double, Double), limit: Int
  ) throws -> [Double] {
    var shape = Shape(dims)
    let inner = shape.product((axis + 1)..<dims.count)
    let outer = shape.product(0..<axis)
    let input = dims[axis]
    let output = plan.output
    shape[axis] = output
    guard let count = shape.checkedElementCount, count <= limit else {
      throw GraphError(.limit, "shape \(shape) on the way to the result is too large")
    }
    var out = [Double](repeating: 0, count: count)
    guard values.count == outer * input * inner, !out.isEmpty else { return out }
    // All taps in one list; those of output o from starts[o] on.
    var flat: Taps = []
    var starts = [0]
    for o in 0..<output {
      flat += taps(o, plan, region)
      starts.append(flat.count)
    }
    let outside = Double(extrapolation)
    values.withUnsafeBufferPointer { values in
      out.withUnsafeMutableBufferPointer { out in
        flat.withUnsafeBufferPointer { flat in
          guard let from = values.baseAddress, let to = out.baseAddress else { return }
          for block in 0..<outer {
            let source = from + block &* input &* inner
            for o in 0..<output {
              let target = to + (block &* output &+ o) &* inner
              let list = starts[o]..<starts[o &+ 1]
              if list.isEmpty { target.update(repeating: outside, count: inner) }
              if inner == 1 {
                for t in list { target[0] += source[flat[t].index] * flat[t].weight }
              } else {
                for t in list {
                  let (line, weight) = (source + flat[t].index &* inner, flat[t].weight)
                  for i in 0..<inner { target[i] += line[i] * weight }
                }
              }
            }
          }
        }
      }
    }
    return out
  }

  /// The elements that are nearest, copied; nil where one is made of none.
  private func nearestCopy(
    _ x: Tensor, _ plans: [Plan], _ axes: Set<Int>, _ shape: Shape, _ context: EvaluationContext
  ) throws -> Tensor? {
    var sources: [[Int]] = []
    for (axis, plan) in plans.enumerated() {
      guard axes.contains(axis), plan.scale != 1 || plan.output != plan.input else {
        sources.append(Array(0..<plan.output))
        continue
      }
      var places: [Int] = []
      places.reserveCapacity(plan.output)
      for o in 0..<plan.output {
        let list = taps(o, plan, (0, 1))
        guard list.count == 1, list[0].weight == 1 else { return nil }
        places.append(list[0].index)
      }
      sources.append(places)
    }
    guard let last = sources.last else { return nil }
    let out = try context.allocate(x.dtype, shape)
    let width = x.dtype.byteWidth
    guard let from = x.unsafeBytes.baseAddress, let to = out.unsafeMutableBytes.baseAddress else { return nil }
    let strides = x.shape.strides
    var at = PositionCounter(Array(shape.dims.dropLast()))
    last.withUnsafeBufferPointer { last in
      func copyRows<T: BitwiseCopyable>(_ type: T.Type) {
        for row in 0..<(out.count / last.count) {
          var offset = 0
          for axis in 0..<at.position.count { offset &+= sources[axis][at.position[axis]] &* strides[axis] }
          let source = from.assumingMemoryBound(to: T.self) + offset
          let target = to.assumingMemoryBound(to: T.self) + row &* last.count
          for i in 0..<last.count { target[i] = source[last[i]] }
          at.advance()
        }
      }
      switch width {
      case 1: copyRows(UInt8.self)
      case 2: copyRows(UInt16.self)
      case 4: copyRows(UInt32.self)
      default: copyRows(UInt64.self)
      }
    }
    withExtendedLifetime((x, out)) {}
    return out
  }
}
