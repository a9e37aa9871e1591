import Kernels
public import TensorCore

/// Pooling over the spatial axes of `[n, c, spatial...]`.
public struct Pool: Operator {
  /// What a window is reduced to.
  public enum Kind: Sendable, Hashable {
    /// The greatest element and, as a second output, where it lies in X: row-major, or with the first spatial axis
    /// fastest.
    case max(columnMajorIndices: Bool)
    /// The mean of the elements inside the input, or of those inside the padded input.
    case average(countsPadding: Bool)
    /// The p-norm.
    case norm(p: Float)
  }

  public var kind: Kind
  /// nil: one window over everything.
  public var window: Window?
  /// Asks for the second output of `max`.
  public var wantsIndices: Bool

  public var name: String {
    let what =
      switch kind {
      case .max: "MaxPool"
      case .average: "AveragePool"
      case .norm: "LpPool"
      }
    return (window == nil ? "Global" : "") + what
  }
  public var attributes: [(name: String, value: String)] {
    guard let window else { return [] }
    return [("kernel", "\(window.extents)"), ("strides", "\(window.strides)"), ("padding", "\(window.padding)")]
  }

  public init(_ kind: Kind, window: Window?, wantsIndices: Bool = false) {
    self.kind = kind
    self.window = window
    self.wantsIndices = wantsIndices
  }

  public func outputFacts(_ inputs: [Fact?]) throws -> [Fact] {
    let x = try Operand.fact(inputs, 0, "X")
    if let dtype = x.dtype, !takes(dtype) { throw Operand.unsupported(dtype, "numbers that \(name) takes") }
    var shape: [Dim]?
    if let dims = x.shape {
      guard dims.count >= 2 else {
        throw GraphError(.invalidModel, "X must have batch and channel axes and has shape \(dims.text)")
      }
      let spatial = Array(dims.dropFirst(2))
      if let window {
        shape = Array(dims.prefix(2)) + (try window.completed(rank: spatial.count)).outputDims(spatial)
      } else {
        shape = Array(dims.prefix(2)) + spatial.map { _ in Dim(1) }
      }
    }
    let y = Fact(type: x.type, shape: shape)
    return wantsIndices ? [y, Fact(.int64, shape)] : [y]
  }

  private func takes(_ dtype: DType) -> Bool {
    if case .max = kind { return dtype.isReal || dtype == .int8 || dtype == .uint8 }
    return dtype.isReal
  }

  public func evaluate(_ inputs: inout [Value?], _ context: EvaluationContext) throws -> [Value] {
    let x = try Operand.tensor(inputs, 0, "X")
    guard takes(x.dtype) else { throw Operand.unsupported(x.dtype, "numbers that \(name) takes") }
    guard x.shape.rank >= 2 else {
      throw GraphError(.invalidInput, "X must have batch and channel axes and has shape \(x.shape)")
    }
    if Widened.applies(to: x.dtype) { return try Widened(base: self, dtype: x.dtype).evaluate(&inputs, context) }
    let spatial = Array(x.shape.dims[2...])
    let whole = Window(extents: spatial.map { Swift.max($0, 1) })
    let layout = try (window ?? whole).completed(rank: spatial.count).layout(spatial)
    let shape = Shape(Array(x.shape.dims[..<2]) + layout.output)
    let most = Swift.max(1 << 20, 8 * layout.inputCount)
    guard let taps = Shape(layout.extents).checkedElementCount, taps <= most else {
      throw GraphError(.limit, "a window of extents \(layout.extents) is too large for an input of \(spatial)")
    }
    let y = try context.allocate(x.dtype, shape)
    if window == nil, !wantsIndices, x.dtype == .float32, reduceWhole(x, y, context.pool) { return [.tensor(y)] }
    let indices = wantsIndices ? try context.allocate(.int64, shape) : nil
    let body = PoolBody(kind: kind, x: x, y: y, indices: indices, layout: layout, context: context)
    guard try x.dtype.withNumeric(body) != nil else { throw Operand.unsupported(x.dtype, "numbers") }
    return [.tensor(y)] + (indices.map { [.tensor($0)] } ?? [])
  }

  /// Global pooling of float32 by the reduction kernels.
  private func reduceWhole(_ x: Tensor, _ y: Tensor, _ pool: ComputePool) -> Bool {
    let table = KernelTable.current
    let planes = y.count
    let n = planes == 0 ? 0 : x.count / planes
    let to = y.unsafeMutableElements(of: Float.self)
    guard let from = x.unsafeElements(of: Float.self).baseAddress, n > 0 else { return false }
    let reduce: KernelTable.Reduction
    let scale: Float
    switch kind {
    case .max: (reduce, scale) = (table.max, 1)
    case .average: (reduce, scale) = (table.sum, 1 / Float(n))
    case .norm: return false
    }
    pool.parallelFor(planes, grain: Swift.max(1, 65536 / n)) { lower, upper in
      for i in lower..<upper { to[i] = reduce(from + i &* n, n) * scale }
    }
    return true
  }
}

/// Pooling by rows: for a row of outputs the input rows that its windows cover are listed once.
private struct PoolBody: NumericBody {
  let kind: Pool.Kind
  let x: Tensor, y: Tensor
  let indices: Tensor?
  let layout: Window.Layout
  let context: EvaluationContext

  func run<E: NumericElement>(_ type: E.Type) throws {
    guard y.count > 0 else { return }
    let from = x.unsafeElements(of: E.self)
    let to = y.unsafeMutableElements(of: E.self)
    let places = indices?.unsafeMutableElements(of: Int64.self)
    // Without spatial axes every window is one element.
    guard let last = layout.input.indices.last else {
      for i in 0..<to.count { to[i] = from[i] }
      return
    }
    let plane = layout.inputCount
    let outputs = layout.outputCount
    let row = layout.output[last]
    let strides = Shape(layout.input).strides
    let vectors = vectorised(from, to)
    // What rows of outputs cover is listed once for all planes where that takes little memory.
    let (listed, overflow) = layout.taps.multipliedReportingOverflow(by: outputs / row)
    let listsAll = !overflow && listed <= 1 << 20
    let inside = vectors == nil || !listsAll ? 0..<0 : columnsInside(last)
    var lines: [Line] = []
    var at = PositionCounter(Array(layout.output.dropLast()))
    for _ in 0..<(listsAll ? outputs / row : 0) {
      var line = Line()
      list(at.position, strides, listsTaps: !inside.isEmpty, into: &line)
      lines.append(line)
      at.advance()
    }
    // Rows of long windows are divided.
    let rowCount = outputs / row
    let most = Swift.min(row, Swift.max(1, (1 << 22) / Swift.max(1, layout.taps)))
    let parts = (row &+ most &- 1) / most
    let grain = Swift.max(1, 16384 / Swift.max(1, most &* layout.taps))
    context.interruptibleFor(to.count / row &* parts, grain: grain) {
      var own = Line()
      var at = PositionCounter(Array(layout.output.dropLast()), at: $0 / parts % rowCount)
      for item in $0..<$1 {
        let (index, part) = item.quotientAndRemainder(dividingBy: parts)
        let (p, r) = index.quotientAndRemainder(dividingBy: rowCount)
        if !listsAll {
          if item == $0 || part == 0 { list(at.position, strides, listsTaps: false, into: &own) }
          if part == parts &- 1 { at.advance() }
        }
        let columns = part &* most..<Swift.min(row, (part &+ 1) &* most)
        let line = listsAll ? lines[r] : own
        let (rows, offsets, counted) = (line.rows, line.taps, line.counted)
        let whole = rows.isEmpty ? 0..<0 : inside.clamped(to: columns)
        if let vectors, !whole.isEmpty {
          let first = p &* plane &+ whole.lowerBound &* layout.strides[last] &- layout.before[last]
          let target = vectors.to + (p &* outputs &+ r &* row &+ whole.lowerBound)
          KernelTable.current.poolWindows(
            vectors.from + first, vectors.from + from.count, offsets, offsets.count, layout.strides[last],
            vectors.takesGreatest, target, whole.count)
          if case .average(let countsPadding) = kind {
            let count = Float(countsPadding ? counted &* layout.extents[last] : offsets.count)
            KernelTable.current.divideScalar(target, count, target, whole.count)
          }
        }
        for column in columns where !whole.contains(column) {
          let start = column &* layout.strides[last] &- layout.before[last]
          let d = layout.dilations[last]
          // Taps before the first whose place is inside, and those up to the last.
          let low = start >= 0 ? 0 : (d &- 1 &- start) / d
          let room = layout.input[last] &- start
          let high = room <= 0 ? 0 : Swift.min(layout.extents[last], (room &+ d &- 1) / d)
          let padded = room &+ layout.after[last]
          let wide = padded <= 0 ? 0 : Swift.min(layout.extents[last], (padded &+ d &- 1) / d)
          let o = p &* outputs &+ r &* row &+ column
          var place = -1
          to[o] = reduce(
            from, rows, p &* plane &+ start, low, high, d, counted &* wide, place: &place)
          if let places { places[o] = Int64(self.index(place, p, plane, strides)) }
        }
      }
    }
  }

  private struct Vectors: @unchecked Sendable {
    /// Invariant that makes it `Sendable`: read by all, and written by each thread in rows of its own.
    let from: UnsafePointer<Float>
    let to: UnsafeMutablePointer<Float>
    let takesGreatest: Bool
  }

  /// Where the elements lie, if the kernels take them.
  private func vectorised<E: NumericElement>(
    _ from: UnsafeBufferPointer<E>, _ to: UnsafeMutableBufferPointer<E>
  ) -> Vectors? {
    guard E.self == Float.self, indices == nil, let x = from.baseAddress, let y = to.baseAddress else { return nil }
    let takesGreatest: Bool
    switch kind {
    case .max: takesGreatest = true
    case .average: takesGreatest = false
    case .norm: return nil
    }
    return Vectors(
      from: UnsafeRawPointer(x).assumingMemoryBound(to: Float.self),
      to: UnsafeMutableRawPointer(y).assumingMemoryBound(to: Float.self), takesGreatest: takesGreatest)
  }

  /// The outputs of a row whose windows lie inside a row of the input.
  private func columnsInside(_ last: Int) -> Range<Int> {
    let (step, before) = (layout.strides[last], layout.before[last])
    let first = (before + step - 1) / step
    let reach = (layout.extents[last] - 1) * layout.dilations[last]
    let end = layout.input[last] - reach + before
    let past = end <= 0 ? 0 : Swift.min(layout.output[last], (end + step - 1) / step)
    return first < past ? first..<past : 0..<0
  }

  /// What a row of outputs covers of the input.
  private struct Line {
    /// Where the input rows begin.
    var rows: [Int] = []
    /// Where each of their taps is.
    var taps: [Int] = []
    /// How many rows lie in the padded input.
    var counted = 0
  }

  /// Lists what the row at `position` covers.
  private func list(_ position: [Int], _ strides: [Int], listsTaps: Bool, into line: inout Line) {
    line.rows.removeAll(keepingCapacity: true)
    line.taps.removeAll(keepingCapacity: true)
    line.counted = 0
    let axes = position.count
    var tap = PositionCounter(Array(layout.extents.dropLast()))
    for _ in 0..<layout.extents.dropLast().reduce(1, &*) {
      var offset = 0
      var inside = true
      var insidePadding = true
      for axis in 0..<axes {
        let i =
          position[axis] &* layout.strides[axis] &- layout.before[axis] &+ tap.position[axis] &* layout.dilations[axis]
        if i < 0 || i >= layout.input[axis] { inside = false }
        if i >= layout.input[axis] &+ layout.after[axis] { insidePadding = false }
        offset &+= i &* strides[axis]
      }
      if inside {
        line.rows.append(offset)
        if listsTaps, let last = layout.extents.indices.last {
          for t in 0..<layout.extents[last] { line.taps.append(offset &+ t &* layout.dilations[last]) }
        }
      }
      if insidePadding { line.counted += 1 }
      tap.advance()
    }
  }

  @inline(__always)
  private func reduce<E: NumericElement>(
    _ from: UnsafeBufferPointer<E>, _ rows: [Int], _ start: Int, _ low: Int, _ high: Int, _ d: Int, _ padded: Int,
    place: inout Int
  ) -> E {
    switch kind {
    case .max:
      var best = E.Wide.lowest
      for row in rows {
        var t = low
        while t < high {
          let i = row &+ start &+ t &* d
          let v = from[i].wide
          if v > best || place < 0 || v.isNaNValue {
            best = v
            place = i
          }
          t &+= 1
        }
      }
      return E(wide: best)
    case .average(let countsPadding):
      var sum = E.Wide.zero
      for row in rows {
        var t = low
        while t < high {
          sum = .add(sum, from[row &+ start &+ t &* d].wide)
          t &+= 1
        }
      }
      let count = countsPadding ? padded : rows.count &* Swift.max(0, high &- low)
      return E(wide: .divide(sum, E.Wide(double: Double(count))))
    case .norm(let p):
      let power = E.Wide(double: Double(p))
      var sum = E.Wide.zero
      for row in rows {
        var t = low
        while t < high {
          let v = from[row &+ start &+ t &* d].wide.magnitudeValue
          sum = .add(sum, p == 2 ? .multiply(v, v) : .power(v, power))
          t &+= 1
        }
      }
      return E(wide: .power(sum, E.Wide(double: 1 / Double(p))))
    }
  }

  /// The index that ONNX gives an element of X.
  private func index(_ place: Int, _ p: Int, _ plane: Int, _ strides: [Int]) -> Int {
    guard case .max(let columnMajor) = kind, columnMajor, place >= 0 else { return place }
    var rest = place &- p &* plane
    var out = 0
    var stride = 1
    for axis in strides.indices {
      out &+= rest / strides[axis] &* stride
      rest %= strides[axis]
      stride &*= layout.input[axis]
    }
    return p &* plane &+ out
  }
}
