import TensorCore

/// How a window (a convolution's or a pool's) walks over the spatial axes of its input.
public struct Window: Sendable, Hashable {
  /// How the borders are padded.
  public enum Padding: Sendable, Hashable {
    /// Elements before the axes, then after them; empty: none.
    case explicit([Int])
    /// As many outputs as the stride allows; what is odd goes after (`upper`) or before.
    case same(upper: Bool)
  }

  /// Extents; empty: not said (a convolution takes them from its weights).
  public var extents: [Int]
  /// Empty: 1 everywhere.
  public var strides: [Int]
  /// Empty: 1 everywhere.
  public var dilations: [Int]
  public var padding: Padding
  /// Rounds the number of outputs up.
  public var roundsUp: Bool

  public init(
    extents: [Int] = [], strides: [Int] = [], dilations: [Int] = [], padding: Padding = .explicit([]),
    roundsUp: Bool = false
  ) {
    self.extents = extents
    self.strides = strides
    self.dilations = dilations
    self.padding = padding
    self.roundsUp = roundsUp
  }

  /// No attribute may pass this, so that no arithmetic on them overflows.
  private static let limit = 1 << 30

  /// The window with everything said, for `rank` spatial axes.
  ///
  /// - Throws: `GraphError` when attributes do not fit.
  func completed(rank: Int, extents given: [Int]? = nil) throws -> Window {
    var w = self
    if w.extents.isEmpty, let given { w.extents = given }
    if let given, given != w.extents {
      throw GraphError(.invalidModel, "kernel_shape \(w.extents) contradicts the weights' extents \(given)")
    }
    if w.strides.isEmpty { w.strides = [Int](repeating: 1, count: rank) }
    if w.dilations.isEmpty { w.dilations = [Int](repeating: 1, count: rank) }
    if case .explicit(let pads) = w.padding, pads.isEmpty {
      w.padding = .explicit([Int](repeating: 0, count: 2 * rank))
    }
    for (name, list) in [("kernel_shape", w.extents), ("strides", w.strides), ("dilations", w.dilations)] {
      guard list.count == rank, list.allSatisfy({ $0 >= 1 && $0 < Window.limit }) else {
        throw GraphError(.invalidModel, "\(name) \(list) must be \(rank) positive numbers")
      }
    }
    for (e, d) in zip(w.extents, w.dilations) where e.multipliedReportingOverflow(by: d).partialValue >= Window.limit {
      throw GraphError(.invalidModel, "a window of \(e) elements dilated by \(d) is too large")
    }
    if case .explicit(let pads) = w.padding {
      guard pads.count == 2 * rank, pads.allSatisfy({ $0 >= 0 && $0 < Window.limit }) else {
        throw GraphError(.invalidModel, "pads \(pads) must be \(2 * rank) numbers that are not negative")
      }
    }
    return w
  }

  /// Elements from the first to the last that a completed window covers along an axis.
  func reach(_ axis: Int) -> Int { dilations[axis] &* (extents[axis] &- 1) &+ 1 }

  /// The output extents of a completed window.
  func outputDims(_ input: [Dim]) -> [Dim] {
    input.enumerated().map { axis, dim in
      if let value = dim.value {
        return value < Window.limit ? output(axis, value).map { Dim($0.count) } ?? .unknown : .unknown
      }
      let s = strides[axis]
      switch padding {
      case .same: return s == 1 ? dim : .unknown
      case .explicit(let pads):
        if roundsUp && s > 1 { return .unknown }
        let span = dim + Dim(pads[axis] + pads[axis + input.count] - reach(axis))
        return span.floorDivided(by: s) + Dim(1)
      }
    }
  }

  /// Number of outputs and padding along one axis, or nil when the window is larger than the padded input.
  private func output(_ axis: Int, _ input: Int) -> (count: Int, before: Int, after: Int)? {
    let s = strides[axis]
    let reach = reach(axis)
    switch padding {
    case .same(let upper):
      let count = (input + s - 1) / s
      let total = Swift.max(0, (count - 1) * s + reach - input)
      let less = total / 2
      return (count, upper ? less : total - less, upper ? total - less : less)
    case .explicit(let pads):
      let before = pads[axis]
      let after = pads[axis + extents.count]
      let span = input + before + after - reach
      guard roundsUp else { return span >= 0 ? (span / s + 1, before, after) : nil }
      // The last window may reach beyond the input, but must begin inside it or the padding before it.
      guard span > -s else { return nil }
      var count = span >= 0 ? (span + s - 1) / s + 1 : 1
      if count > 1, (count - 1) * s >= input + before { count -= 1 }
      return (count, before, after)
    }
  }

  /// A completed window over an input of known extents.
  struct Layout: Sendable {
    var input: [Int]
    var output: [Int]
    var before: [Int]
    var after: [Int]
    var extents: [Int]
    var strides: [Int]
    var dilations: [Int]

    var inputCount: Int { input.reduce(1, &*) }
    var outputCount: Int { output.reduce(1, &*) }
    var taps: Int { extents.reduce(1, &*) }
    /// The extents of the padded input. A window that was rounded up may reach beyond the padding.
    var readExtents: [Int] {
      input.indices.map { axis in
        let padded = input[axis] + before[axis] + after[axis]
        let last = (output[axis] - 1) * strides[axis] + (extents[axis] - 1) * dilations[axis]
        return Swift.max(padded, last + 1)
      }
    }
  }

  /// Where a completed window goes over an input of these spatial extents.
  ///
  /// - Throws: `GraphError` when the window does not fit.
  func layout(_ input: [Int]) throws -> Layout {
    var layout = Layout(
      input: input, output: [], before: [], after: [], extents: extents, strides: strides, dilations: dilations)
    for (axis, extent) in input.enumerated() {
      guard extent < Window.limit, let o = output(axis, extent) else {
        throw GraphError(
          .invalidInput, "a window of \(reach(axis)) elements does not fit spatial axis \(axis) of extent \(extent)")
      }
      layout.output.append(o.count)
      layout.before.append(o.before)
      layout.after.append(o.after)
    }
    return layout
  }
}

/// Counts through the positions of a small number of axes, the last one fastest.
struct PositionCounter {
  private(set) var position: [Int]
  private let extents: [Int]

  init(_ extents: [Int]) {
    self.extents = extents
    position = [Int](repeating: 0, count: extents.count)
  }

  /// At the position that `index` advances lead to.
  init(_ extents: [Int], at index: Int) {
    self.init(extents)
    var rest = index
    for axis in extents.indices.reversed() where extents[axis] > 0 {
      (rest, position[axis]) = rest.quotientAndRemainder(dividingBy: extents[axis])
    }
  }

  mutating func advance() {
    for axis in stride(from: extents.count - 1, through: 0, by: -1) {
      position[axis] &+= 1
      if position[axis] < extents[axis] { return }
      position[axis] = 0
    }
  }
}
