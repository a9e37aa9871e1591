// Packing: the operands of a product in the order in which the tile reads them.

import KernelSlots

/// Packs `rows` rows and `k` columns as `[k][rows]`.
func packRows(
  _ a: UnsafePointer<Float>, _ rs: Int, _ cs: Int, _ rows: Int, _ k: Int, _ out: UnsafeMutablePointer<Float>
) {
  if cs == 1 {
    kernelTranspose(a, rs, out, rows, rows, k)
    return
  }
  var i = 0
  while i < k {
    let from = a + i &* cs
    let to = out + i &* rows
    var r = 0
    while r < rows {
      to[r] = from[r &* rs]
      r &+= 1
    }
    i &+= 1
  }
}

func kernelPackA(
  _ a: UnsafePointer<Float>, _ rs: Int, _ cs: Int, _ m: Int, _ k: Int, _ out: UnsafeMutablePointer<Float>
) {
  let panels = RowPanels(m, tallest: tileRows)
  var p = 0
  while p < panels.count {
    let start = panels.start(p)
    let rows = panels.start(p &+ 1) &- start
    packRows(a + start &* rs, rs, cs, rows, k, out + start &* k)
    p &+= 1
  }
}

/// Packs `k` rows and `columns` columns as `[k][tileColumns]`, zeros beyond the last column.
func packColumns(
  _ b: UnsafePointer<Float>, _ rs: Int, _ cs: Int, _ k: Int, _ columns: Int, _ out: UnsafeMutablePointer<Float>
) {
  if columns < tileColumns {
    var i = 0
    while i < k &* tileColumns {
      store(V.zero, out + i)
      i &+= width
    }
  }
  if rs == 1 {
    kernelTranspose(b, cs, out, tileColumns, columns, k)
    return
  }
  var i = 0
  while i < k {
    let from = b + i &* rs
    let to = out + i &* tileColumns
    if cs == 1 && columns == tileColumns {
      store(load(from), to)
      store(load(from + width), to + width)
    } else {
      var j = 0
      while j < columns {
        to[j] = from[j &* cs]
        j &+= 1
      }
    }
    i &+= 1
  }
}

func kernelPackB(
  _ b: UnsafePointer<Float>, _ rs: Int, _ cs: Int, _ k: Int, _ n: Int, _ out: UnsafeMutablePointer<Float>
) {
  var j = 0
  while j < n {
    let columns = n &- j < tileColumns ? n &- j : tileColumns
    packColumns(b + j &* cs, rs, cs, k, columns, out + j &* k)
    j &+= tileColumns
  }
}
