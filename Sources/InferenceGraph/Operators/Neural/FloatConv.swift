import Kernels
import TensorCore

/// The weights of a convolution, packed for the kernels in use.
final class ConvWeights: Sendable {
  /// `[m, c/group, kernel...]`.
  let shape: Shape
  /// One packed matrix `[m/group, c/group * taps]` a group; nil where each group has one input channel.
  let packed: PackedRows?
  /// The weights themselves where each group has one input channel.
  let plain: Tensor?

  init(_ w: Tensor, group: Int, _ constants: Constants) {
    shape = w.shape
    let m = w.shape[0] / group
    let k = w.shape.product(1..<w.shape.rank)
    if w.shape[1] == 1 && group > 1 {
      plain = w.settled(in: constants, as: "weights")
      packed = nil
    } else {
      plain = nil
      packed = PackedRows(groups: group, m: m, k: k, in: constants, as: "weights") { w.withElements($0, $1) }
    }
  }
}

/// Float32 convolution as a product: weights times the matrix whose columns are the windows, which is made one panel of
/// columns at a time and never whole.
struct FloatConv {
  let conv: Conv
  let weights: ConvWeights
  let layout: Window.Layout

  /// One group of input channels, padded where the window asks for it.
  private struct Source {
    let base: UnsafePointer<Float>
    let end: UnsafePointer<Float>
  }

  func run(
    _ x: Tensor, _ bias: Tensor?, _ residual: Tensor?, into out: Tensor, _ context: EvaluationContext
  ) throws {
    guard out.count > 0, let to = out.unsafeMutableElements(of: Float.self).baseAddress else { return }
    try layout.checkPanel(channels: weights.shape[1])
    let channels = weights.shape[1]
    let group = conv.group
    let batch = x.shape[0]
    let input = x.unsafeElements(of: Float.self)
    let biases = bias?.unsafeElements(of: Float.self).baseAddress
    let added = residual?.unsafeElements(of: Float.self).baseAddress
    let needed = layout.readExtents
    let pads = needed != layout.input
    let plane = needed.reduce(1, &*)
    let work = ConvWork(layout: layout, source: needed, channels: channels)
    guard let first = input.baseAddress ?? UnsafePointer(bitPattern: 64) else { return }
    let total = batch &* group &* channels
    func convolve(_ from: UnsafePointer<Float>, _ count: Int) {
      let end = from + count
      if let packed = weights.packed {
        product(packed, from, end, plane, biases, added, to, work, batch, context)
      } else if let w = weights.plain?.unsafeElements(of: Float.self).baseAddress {
        depthwise(from, end, plane, w, biases, added, to, work, batch, context)
      }
    }
    if !pads {
      convolve(first, input.count)
      return
    }
    let (count, overflow) = total.multipliedReportingOverflow(by: plane)
    let isPadded: Void? =
      overflow || count > MemoryBudget.bytes / 16
      ? nil
      : Scratch.withPossible(floats: count) { copy in
        context.pool.parallelFor(total, grain: Swift.max(1, 16384 / Swift.max(1, plane))) { lower, upper in
          for c in lower..<upper {
            layout.pad(first + c &* layout.inputCount, copy + c &* plane, needed, 0)
          }
        }
        convolve(copy, count)
      }
    if isPadded == nil { throw GraphError(.limit, "an input padded to \(needed) is too large") }
  }

  private func product(
    _ packed: PackedRows, _ from: UnsafePointer<Float>, _ end: UnsafePointer<Float>, _ plane: Int,
    _ biases: UnsafePointer<Float>?, _ added: UnsafePointer<Float>?, _ to: UnsafeMutablePointer<Float>,
    _ work: ConvWork, _ batch: Int, _ context: EvaluationContext
  ) {
    let table = KernelTable.current
    let columns = table.gemmColumns
    let k = packed.k
    let m = packed.m
    let pixels = layout.outputCount
    let panels = (pixels &+ columns &- 1) / columns
    // As many panels at once as stay in the second-level cache beside the weights.
    let chunk = Swift.max(1, Swift.min(panels, 65536 / Swift.max(1, k &* columns)))
    let chunks = (panels &+ chunk &- 1) / chunk
    let cost = Swift.max(1, m &* k &* columns &* chunk)
    context.interruptibleFor(batch &* conv.group &* chunks, grain: Swift.max(1, 200_000 / cost)) { lower, upper in
      Scratch.with(floats: chunk &* k &* columns &+ 2 &* columns) { windows in
        for item in lower..<upper {
          let (image, part) = item.quotientAndRemainder(dividingBy: chunks)
          let g = image % conv.group
          let source = from + image &* work.channels &* plane
          let start = part &* chunk
          let stop = Swift.min(panels, start &+ chunk)
          for panel in start..<stop {
            work.withSegments(panel &* columns, Swift.min(pixels, (panel &+ 1) &* columns)) { segments, count in
              table.gatherWindows(
                source, end, work.rowOffsets, k, segments, count, work.step, windows + (panel &- start) &* k &* columns)
            }
          }
          let first = start &* columns
          let n = Swift.min(pixels, stop &* columns) &- first
          var epilogue = MatrixMultiply.Epilogue(
            activation: conv.activation.kind, p: conv.activation.p, q: conv.activation.q)
          let offset = image &* m &* pixels &+ first
          epilogue.rowBias = biases.map { $0 + g &* m }
          epilogue.residual = added.map { $0 + offset }
          epilogue.residualRowStride = pixels
          MatrixMultiply.multiply(
            m: m, n: n, k: k, .packed(packed.elements(g)), .packed(windows), into: to + offset,
            cRowStride: pixels, epilogue)
        }
      }
    }
  }

  private func depthwise(
    _ from: UnsafePointer<Float>, _ end: UnsafePointer<Float>, _ plane: Int, _ w: UnsafePointer<Float>,
    _ biases: UnsafePointer<Float>?, _ added: UnsafePointer<Float>?, _ to: UnsafeMutablePointer<Float>,
    _ work: ConvWork, _ batch: Int, _ context: EvaluationContext
  ) {
    let table = KernelTable.current
    let total = weights.shape[0]
    let perGroup = total / conv.group
    let taps = layout.taps
    let pixels = layout.outputCount
    let row = layout.output[layout.output.count - 1]
    let rows = pixels / Swift.max(1, row)
    // Short rows are computed in one run, the padding between them, too, which is then left out.
    let line = layout.readExtents[layout.output.count - 1]
    let isOneRun =
      work.step == 1 && layout.output.count == 2 && layout.strides[0] == 1 && rows > 1 && row < 2 &* table.gemmColumns
      && line <= 2 &* row
    let run = isOneRun ? (rows &- 1) &* line &+ row : 0
    // Planes of many long windows are computed in parts.
    let isLong = pixels > (1 << 24) / Swift.max(1, taps)
    let most = isLong ? Swift.max(1, (1 << 22) / Swift.max(1, taps)) : Swift.max(1, row)
    let grain = Swift.max(1, 100_000 / Swift.max(1, pixels &* taps))
    context.interruptibleFor(batch &* total, grain: grain) { lower, upper in
      Scratch.with(floats: run) { together in
        for item in lower..<upper {
          let (image, m) = item.quotientAndRemainder(dividingBy: total)
          let source = from + (image &* conv.group &+ m / perGroup) &* plane
          let target = to + item &* pixels
          let bias = biases.map { $0[m] } ?? 0
          if isOneRun {
            table.depthwise(source, end, work.rowOffsets, w + m &* taps, taps, 1, bias, together, run)
            for r in 0..<rows { (target + r &* row).update(from: together + r &* line, count: row) }
          } else {
            for r in 0..<rows {
              for start in stride(from: 0, to: row, by: most) {
                if isLong, context.isLate { return }
                table.depthwise(
                  source + work.rowStarts[r] + start &* work.step, end, work.rowOffsets, w + m &* taps, taps, work.step,
                  bias, target + r &* row + start, Swift.min(most, row &- start))
              }
            }
          }
          if let added { table.add(target, added + item &* pixels, target, pixels) }
          if conv.activation != .none { conv.activation.apply(target, pixels, table) }
        }
      }
    }
  }
}

extension Window.Layout {
  /// Throws where one panel of windows, of which each thread makes one, would take more than a 64th of the memory.
  func checkPanel(channels: Int) throws {
    let (rows, overflow) = Swift.max(1, channels).multipliedReportingOverflow(by: taps)
    guard !overflow, rows <= MemoryBudget.bytes / 256 / KernelTable.current.gemmColumns else {
      throw GraphError(.limit, "windows of \(channels) channels and \(taps) elements each are too large")
    }
  }

  /// Copies one channel into the middle of elements that are `fill`, which are `padded` in extent.
  func pad<T: BitwiseCopyable>(
    _ from: UnsafePointer<T>, _ to: UnsafeMutablePointer<T>, _ padded: [Int], _ fill: T
  ) {
    let rank = padded.count
    let row = input[rank - 1]
    to.update(repeating: fill, count: padded.reduce(1, &*))
    let strides = Shape(padded).strides
    let outer = Array(input.dropLast())
    var at = PositionCounter(outer)
    for r in 0..<outer.reduce(1, &*) {
      var offset = before[rank - 1]
      for axis in 0..<(rank - 1) { offset &+= (at.position[axis] &+ before[axis]) &* strides[axis] }
      (to + offset).update(from: from + r &* row, count: row)
      at.advance()
    }
  }
}

/// The offsets by which windows are read from (padded) input channels.
final class ConvWork {
  let channels: Int
  /// By row of the matrix of windows (channel, then tap): where its elements begin.
  let rowOffsets: UnsafeMutablePointer<Int>
  /// By row of outputs: where its first window begins.
  let rowStarts: [Int]
  /// Distance of the windows of one row.
  let step: Int
  private let row: Int

  init(layout: Window.Layout, source: [Int], channels: Int) {
    self.channels = channels
    let strides = Shape(source).strides
    let plane = source.reduce(1, &*)
    let taps = layout.taps
    let rank = source.count
    rowOffsets = .allocate(capacity: Swift.max(1, channels &* taps))
    var tap = PositionCounter(layout.extents)
    for t in 0..<taps {
      var offset = 0
      for axis in 0..<rank { offset &+= tap.position[axis] &* layout.dilations[axis] &* strides[axis] }
      for c in 0..<channels { rowOffsets[c &* taps &+ t] = c &* plane &+ offset }
      tap.advance()
    }
    step = layout.strides[rank - 1]
    row = layout.output[rank - 1]
    let outer = Array(layout.output.dropLast())
    var at = PositionCounter(outer)
    var starts: [Int] = []
    for _ in 0..<outer.reduce(1, &*) {
      var offset = 0
      for axis in 0..<(rank - 1) { offset &+= at.position[axis] &* layout.strides[axis] &* strides[axis] }
      starts.append(offset)
      at.advance()
    }
    rowStarts = starts
  }

  deinit { rowOffsets.deallocate() }

  /// Calls `body` with the runs of windows that outputs `lower..<upper` consist of: (column, offset, length) each.
  func withSegments(_ lower: Int, _ upper: Int, _ body: (UnsafePointer<Int>, Int) -> Void) {
    withUnsafeTemporaryAllocation(of: Int.self, capacity: 3 &* (upper &- lower)) { list in
      guard let base = list.baseAddress else { return }
      var count = 0
      var pixel = lower
      while pixel < upper {
        let (r, column) = pixel.quotientAndRemainder(dividingBy: row)
        let length = Swift.min(row &- column, upper &- pixel)
        base[3 &* count] = pixel &- lower
        base[3 &* count &+ 1] = rowStarts[r] &+ column &* step
        base[3 &* count &+ 2] = length
        count &+= 1
        pixel &+= length
      }
      body(base, count)
    }
  }
}
