import KernelSlots

/// Computes the panels of a product that its `GemmTask` names.
///
/// Blocks of `k` outermost; in each, rows of A are packed into a block that stays in the second-level cache; for one
/// panel of B after the other, all row panels of that block are multiplied with it.
func kernelGemm(_ raw: UnsafeRawPointer) {
  let t = raw.assumingMemoryBound(to: GemmTask.self)
  let m = t.pointee.m
  let n = t.pointee.n
  let k = t.pointee.k
  let panels = RowPanels(m, tallest: tileRows)
  let packed = t.pointee.aIsPacked
  let direct = t.pointee.bRowStride
  let packedA = t.pointee.scratch
  let edgeB = packedA + (GemmTask.mBlock &+ 16) &* GemmTask.kBlock
  let edgeC = edgeB + GemmTask.kBlock &* GemmTask.maxColumns
  let finishes = needsFinish(t)
  let groupSize = packed ? panels.count : GemmTask.mBlock / tileRows
  var k0 = 0
  repeat {
    let kc = k &- k0 < GemmTask.kBlock ? k &- k0 : GemmTask.kBlock
    let more = k0 > 0 || t.pointee.accumulate
    let last = k0 &+ kc == k
    var group = t.pointee.rowPanelStart
    while group < t.pointee.rowPanelEnd {
      let groupEnd = group &+ groupSize < t.pointee.rowPanelEnd ? group &+ groupSize : t.pointee.rowPanelEnd
      let groupRow = panels.start(group)
      // A single row is its own packed form.
      let plainRow = m == 1 && t.pointee.aColumnStride == 1
      if !packed && !plainRow {
        var p = group
        while p < groupEnd {
          let start = panels.start(p)
          packRows(
            t.pointee.a + start &* t.pointee.aRowStride + k0 &* t.pointee.aColumnStride, t.pointee.aRowStride,
            t.pointee.aColumnStride, panels.start(p &+ 1) &- start, kc, packedA + (start &- groupRow) &* kc)
          p &+= 1
        }
      }
      var column = t.pointee.columnPanelStart
      while column < t.pointee.columnPanelEnd {
        let j = column &* tileColumns
        let columns = n &- j < tileColumns ? n &- j : tileColumns
        var b = t.pointee.b
        var bStride = tileColumns
        if direct == 0 {
          b += j &* k &+ k0 &* tileColumns
        } else if columns == tileColumns {
          b += k0 &* direct &+ j
          bStride = direct
        } else {
          packColumns(b + k0 &* direct + j, direct, 1, kc, columns, edgeB)
          b = UnsafePointer(edgeB)
        }
        var p = group
        while p < groupEnd {
          let start = panels.start(p)
          let rows = panels.start(p &+ 1) &- start
          let a =
            packed
            ? t.pointee.a + start &* k + k0 &* rows
            : plainRow ? t.pointee.a + k0 : UnsafePointer(packedA + (start &- groupRow) &* kc)
          let c = t.pointee.c + start &* t.pointee.cRowStride + j
          if columns == tileColumns {
            computeTile(rows, kc, a, b, bStride, c, t.pointee.cRowStride, more)
            if last && finishes { finishTile(t, c, t.pointee.cRowStride, start, j, rows, columns) }
          } else {
            if more { copyTile(c, t.pointee.cRowStride, edgeC, tileColumns, rows, columns) }
            computeTile(rows, kc, a, b, bStride, edgeC, tileColumns, more)
            if last && finishes { finishTile(t, edgeC, tileColumns, start, j, rows, columns) }
            copyTile(edgeC, tileColumns, c, t.pointee.cRowStride, rows, columns)
          }
          p &+= 1
        }
        column &+= 1
      }
      if last && t.pointee.activation >= 2 && t.pointee.activation <= 6 {
        activateRows(t, groupRow, panels.start(groupEnd))
      }
      group = groupEnd
    }
    k0 &+= kc
  } while k0 < k
}

@inline(__always) private func needsFinish(_ t: UnsafePointer<GemmTask>) -> Bool {
  t.pointee.alpha != 1 || t.pointee.columnBias != nil || t.pointee.rowBias != nil || t.pointee.residual != nil
    || t.pointee.activation != 0
}

@inline(__always) private func copyTile(
  _ from: UnsafePointer<Float>, _ lds: Int, _ to: UnsafeMutablePointer<Float>, _ ldd: Int, _ rows: Int, _ columns: Int
) {
  var r = 0
  while r < rows {
    var j = 0
    while j < columns {
      to[r &* ldd &+ j] = from[r &* lds &+ j]
      j &+= 1
    }
    r &+= 1
  }
}

/// Scale, biases, residual and cheap activations on a tile that has just been computed and still is in the first-level
/// cache.
private func finishTile(
  _ t: UnsafePointer<GemmTask>, _ tile: UnsafeMutablePointer<Float>, _ stride: Int, _ row: Int, _ column: Int,
  _ rows: Int, _ columns: Int
) {
  let alpha = V(repeating: t.pointee.alpha)
  let columnBias = t.pointee.columnBias
  let rowBias = t.pointee.rowBias
  let residual = t.pointee.residual
  let residualStride = t.pointee.residualRowStride
  let kind = t.pointee.activation
  let p = t.pointee.p
  let q = t.pointee.q
  var j = 0
  while j < columns {
    let rest = columns &- j
    let full = rest >= width
    var bias = V.zero
    if let columnBias { bias = full ? load(columnBias + column + j) : load(columnBias + column + j, rest) }
    var at = tile + j
    var r = 0
    while r < rows {
      var v = fma(load(at), alpha, bias)
      if let rowBias { v += V(repeating: rowBias[row &+ r]) }
      if let residual {
        let from = residual + (row &+ r) &* residualStride + column + j
        v += full ? load(from) : load(from, rest)
      }
      if kind == 1 {
        v = vrelu(v)
      } else if kind == 7 {
        v = atMost(atLeast(v, p), q)
      } else if kind == 8 {
        v = v.replacing(with: v * V(repeating: p), where: v .< V.zero)
      }
      store(v, at)
      at += stride
      r &+= 1
    }
    j &+= width
  }
}

/// Activations that take many instructions: over whole rows of what a call has computed, so that the constants stay in
/// registers.
private func activateRows(_ t: UnsafePointer<GemmTask>, _ firstRow: Int, _ lastRow: Int) {
  let kind = t.pointee.activation
  let start = t.pointee.columnPanelStart &* tileColumns
  let end = t.pointee.columnPanelEnd &* tileColumns
  let count = (end < t.pointee.n ? end : t.pointee.n) &- start
  var r = firstRow
  while r < lastRow {
    let row = t.pointee.c + r &* t.pointee.cRowStride + start
    switch kind {
    case 2: kernelGelu(row, row, count)
    case 3: kernelGeluTanh(row, row, count)
    case 4: kernelSigmoid(row, row, count)
    case 5: kernelTanh(row, row, count)
    case 6: kernelSilu(row, row, count)
    default: break
    }
    r &+= 1
  }
}
