import Kernels
import TensorCore

/// The 8-bit weights of a convolution, packed for the kernels in use.
final class IntegerConvWeights: Sendable {
  /// `[m, c/group, kernel...]`.
  let shape: Shape
  /// One packed matrix `[m/group, c/group * taps]` a group.
  let tensor: Tensor
  /// The sum of each row as it is packed.
  let sums: Tensor
  /// What was added to each byte: 128 where the weights are signed.
  let moved: Int32
  let each: Int

  /// - Throws: `GraphError` when the weights are no 8-bit integers or do not divide into groups.
  init(_ w: Tensor, group: Int, _ constants: Constants) throws {
    guard IntegerMatMul.takes(w.dtype) else { throw Operand.unsupported(w.dtype, "8-bit integers") }
    guard w.shape.rank >= 3, group >= 1, group <= Swift.max(1, w.shape[0]), w.shape[0] % group == 0,
      w.count > 0 || w.shape[0] <= 1 << 20
    else {
      throw GraphError(.invalidModel, "weights of shape \(w.shape) do not fit \(group) groups")
    }
    shape = w.shape
    let isSigned = w.dtype == .int8
    moved = isSigned ? 128 : 0
    let flip: UInt8 = isSigned ? 0x80 : 0
    let kernels = KernelTable.current.integer
    let m = w.shape[0] / group
    let k = w.shape.product(1..<w.shape.rank)
    let each = m * ((k + 3) / 4) * kernels.rowUnit
    self.each = each
    tensor = constants.tensor("weights", .int32, [group * each]) {
      let out = Tensor(lasting: .int32, [group * each])
      let to = out.writable(Int32.self)
      w.withTransientBytes { bytes in
        let from = bytes.assumingMemoryBound(to: UInt8.self)
        for g in 0..<group { kernels.packRows(from + g * m * k, k, 1, m, k, flip, to + g * each) }
      }
      return out
    }
    sums = constants.tensor("sums", .int32, [w.shape[0]]) {
      let out = Tensor(lasting: .int32, [w.shape[0]])
      let to = out.writable(Int32.self)
      w.withTransientBytes { bytes in
        let from = bytes.assumingMemoryBound(to: UInt8.self)
        for row in 0..<w.shape[0] {
          var sum: Int32 = 0
          for i in row * k..<(row + 1) * k { sum &+= Int32(from[i] ^ flip) }
          to[row] = sum
        }
      }
      return out
    }
  }

  func addHeld(to memory: inout HeldMemory) {
    memory.add(tensor)
    memory.add(sums)
  }
}

/// A convolution of 8-bit integers less their zero points as a product: weights times the matrix whose columns are the
/// windows, which is made one panel of columns at a time and never whole.
struct IntegerConv {
  let group: Int
  let weights: IntegerConvWeights
  let layout: Window.Layout
  let xZero: Int32
  /// One for all output channels, or one each.
  let wZeros: [Int32]
  /// Added to the sums: none, or one an output channel.
  var bias: [Int32] = []
  /// `int32`, or 8-bit integers: then `scales` (one an output channel) and `outputZero` make them of the sums.
  var output = IntegerGemmTask.Output.int32
  var scales: [Float] = []
  var outputZero: Int32 = 0

  /// - Throws: `GraphError` when the padded input is too large.
  func run(_ x: Tensor, into out: Tensor, _ context: EvaluationContext) throws {
    guard out.count > 0 else { return }
    let channels = weights.shape[1]
    try layout.checkPanel(channels: channels)
    let batch = x.shape[0]
    let needed = layout.readExtents
    let plane = needed.reduce(1, &*)
    let work = ConvWork(layout: layout, source: needed, channels: channels)
    let total = batch &* group &* channels
    let input = x.readableBytes
    let isSigned = x.dtype == .int8
    if needed == layout.input {
      product(input, input + x.count, isSigned, plane, work, batch, out, context)
      return
    }
    let (count, overflow) = total.multipliedReportingOverflow(by: plane)
    let fill = UInt8(truncatingIfNeeded: xZero)
    let isTooLarge = overflow || count > MemoryBudget.bytes / 4
    let isPadded: Void? =
      isTooLarge
      ? nil
      : Scratch.withPossible(floats: (count &+ 3) / 4) { floats in
        let copy = UnsafeMutableRawPointer(floats).assumingMemoryBound(to: UInt8.self)
        context.pool.parallelFor(total, grain: Swift.max(1, 65536 / Swift.max(1, plane))) { lower, upper in
          for c in lower..<upper { layout.pad(input + c &* layout.inputCount, copy + c &* plane, needed, fill) }
        }
        product(copy, copy + count, isSigned, plane, work, batch, out, context)
      }
    withExtendedLifetime(x) {}
    if isPadded == nil { throw GraphError(.limit, "an input padded to \(needed) is too large") }
  }

  private func product(
    _ from: UnsafePointer<UInt8>, _ end: UnsafePointer<UInt8>, _ isSigned: Bool, _ plane: Int, _ work: ConvWork,
    _ batch: Int, _ out: Tensor, _ context: EvaluationContext
  ) {
    let table = KernelTable.current
    let kernels = table.integer
    let columns = table.gemmColumns
    let m = weights.shape[0] / group
    let k = weights.shape.product(1..<weights.shape.rank)
    let quads = (k &+ 3) / 4
    let pixels = layout.outputCount
    let panels = (pixels &+ columns &- 1) / columns
    // As many panels at once as stay in the second-level cache beside the weights.
    let chunk = Swift.max(1, Swift.min(panels, 65536 / Swift.max(1, quads &* columns)))
    let chunks = (panels &+ chunk &- 1) / chunk
    let cost = Swift.max(1, m &* k &* columns &* chunk)
    let rowPanels = 0..<RowPanels(m, tallest: kernels.rows).count
    let flip: UInt8 = isSigned ? 0 : 0x80
    let zero = xZero &- (isSigned ? 0 : 128)
    let moved = Int32(truncatingIfNeeded: k) &* zero
    let size = output.byteWidth
    let rowSums = weights.sums.readable(Int32.self)
    let packed = weights.tensor.readable(Int32.self)
    let c = out.unsafeMutableBytes.baseAddress ?? UnsafeMutableRawPointer(out.writable(UInt8.self))
    // By output channel: the weights' zero point.
    let rowZeros = (0..<weights.shape[0]).map { (wZeros.count == 1 ? wZeros[0] : wZeros[$0]) &+ weights.moved }
    rowZeros.withUnsafeBufferPointer { rowZeros in
      bias.withUnsafeBufferPointer { bias in
        scales.withUnsafeBufferPointer { scales in
          guard let rowZero = rowZeros.baseAddress else { return }
          let (bias, scales) = (bias.isEmpty ? nil : bias.baseAddress, scales.isEmpty ? nil : scales.baseAddress)
          context.interruptibleFor(batch &* group &* chunks, grain: Swift.max(1, 800_000 / cost)) { lower, upper in
            // The windows of a chunk; by column its term and its zero point; the sums of a tile; four rows of bytes.
            let width = chunk &* columns
            Scratch.with(floats: width &* quads &+ 2 &* width &+ IntegerGemmTask.scratchCount &+ columns) { floats in
              let windows = UnsafeMutableRawPointer(floats).assumingMemoryBound(to: Int32.self)
              let terms = windows + width &* quads
              let zeros = terms + width
              let tile = zeros + width
              let bytes = UnsafeMutableRawPointer(tile + IntegerGemmTask.scratchCount).assumingMemoryBound(
                to: UInt8.self)
              for j in 0..<width { zeros[j] = zero }
              for item in lower..<upper {
                let (image, part) = item.quotientAndRemainder(dividingBy: chunks)
                let g = image % group
                let source = from + image &* work.channels &* plane
                let start = part &* chunk
                let stop = Swift.min(panels, start &+ chunk)
                for panel in start..<stop {
                  let at = (panel &- start) &* columns
                  work.withSegments(panel &* columns, Swift.min(pixels, (panel &+ 1) &* columns)) { segments, count in
                    kernels.gatherWindows(
                      source, end, work.rowOffsets, k, segments, count, work.step, flip, bytes, windows + at &* quads)
                  }
                  kernels.columnSums(windows + at &* quads, quads, terms + at)
                }
                for j in 0..<(stop &- start) &* columns { terms[j] &-= moved }
                let first = start &* columns
                let n = Swift.min(pixels, stop &* columns) &- first
                var task = IntegerGemmTask(
                  m: m, n: n, quads: quads, a: packed + g &* weights.each, b: windows,
                  c: c + (image &* m &* pixels &+ first) &* size, cRowStride: pixels, output: output,
                  rowZero: rowZero + g &* m, columnTerm: terms, scratch: tile, columnPanels: 0..<(stop &- start),
                  rowPanels: rowPanels)
                task.columnZero = UnsafePointer(zeros)
                task.rowSum = rowSums + g &* m
                task.rowBias = bias.map { $0 + g &* m }
                task.rowScale = scales.map { $0 + g &* m }
                task.outputZero = outputZero
                withUnsafePointer(to: &task) { kernels.gemm(UnsafeRawPointer($0)) }
              }
            }
          }
        }
      }
    }
    withExtendedLifetime((weights, out)) {}
  }
}
