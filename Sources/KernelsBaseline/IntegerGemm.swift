import CIntegerDot
import KernelSlots

/// Computes the panels of a product that its `IntegerGemmTask` names.
///
/// Row panels are taken in groups that stay in the second-level cache; for one panel of B after the other, all row panels of
/// the group are multiplied with it. A tile runs through the whole inner extent, and its sums are finished while they are in
/// the first-level cache.
func kernelIntegerGemm(_ raw: UnsafeRawPointer) {
  let t = raw.assumingMemoryBound(to: IntegerGemmTask.self)
  let n = t.pointee.n
  let quads = t.pointee.quads
  let panels = RowPanels(t.pointee.m, tallest: integerTileRows)
  let perPanel = quads &* rowUnit &* integerTileRows
  let fitting = 65536 / (perPanel < 1 ? 1 : perPanel)
  let groupSize = fitting < 1 ? 1 : fitting
  let tile = t.pointee.scratch
  var group = t.pointee.rowPanelStart
  while group < t.pointee.rowPanelEnd {
    let groupEnd = group &+ groupSize < t.pointee.rowPanelEnd ? group &+ groupSize : t.pointee.rowPanelEnd
    var panel = t.pointee.columnPanelStart
    while panel < t.pointee.columnPanelEnd {
      let column = panel &* tileColumns
      let columns = n &- column < tileColumns ? n &- column : tileColumns
      var p = group
      while p < groupEnd {
        let row = panels.start(p)
        let rows = panels.start(p &+ 1) &- row
        computeIntegerTile(rows, quads, t.pointee.a + row &* quads &* rowUnit, t.pointee.b + column &* quads, tile)
        var r = 0
        while r < rows {
          finish(t, tile + r &* tileColumns, row &+ r, column, columns)
          if columns > width { finish(t, tile + r &* tileColumns + width, row &+ r, column &+ width, columns &- width) }
          r &+= 1
        }
        p &+= 1
      }
      panel &+= 1
    }
    group = groupEnd
  }
}

/// Corrects one vector of sums for the zero points and stores what becomes of its first `columns` lanes.
@inline(__always) private func finish(
  _ t: UnsafePointer<IntegerGemmTask>, _ sums: UnsafePointer<Int32>, _ row: Int, _ column: Int, _ columns: Int
) {
  var x = load(sums) &- VI(repeating: t.pointee.rowZero[row]) &* load(t.pointee.columnTerm + column)
  if let columnZero = t.pointee.columnZero, let rowSum = t.pointee.rowSum {
    x = x &- VI(repeating: rowSum[row]) &* load(columnZero + column)
  }
  if let bias = t.pointee.rowBias { x = x &+ VI(repeating: bias[row]) }
  let at = row &* t.pointee.cRowStride &+ column
  if t.pointee.output == 0 {
    let c = t.pointee.c.assumingMemoryBound(to: Int32.self) + at
    if columns >= width {
      store(x, c)
    } else {
      var i = 0
      while i < columns {
        c[i] = x[i]
        i &+= 1
      }
    }
    return
  }
  var y = toFloats(x)
  if let scale = t.pointee.rowScale { y *= V(repeating: scale[row]) }
  if let scale = t.pointee.columnScale { y *= load(scale + column) }
  if let bias = t.pointee.columnBias { y += load(bias + column) }
  if t.pointee.output == 1 {
    let c = t.pointee.c.assumingMemoryBound(to: Float.self) + at
    if columns >= width { store(y, c) } else { store(y, c, columns) }
    return
  }
  let low: Int32 = t.pointee.output == 2 ? 0 : -128
  let zero = t.pointee.outputZero
  let bytes = nearest(y, Float(low &- zero), Float(low &+ 255 &- zero)) &+ VI(repeating: zero)
  let c = t.pointee.c.assumingMemoryBound(to: UInt8.self) + at
  if columns >= width {
    storeBytes(bytes, c)
  } else {
    var i = 0
    while i < columns {
      c[i] = UInt8(truncatingIfNeeded: bytes[i])
      i &+= 1
    }
  }
}
