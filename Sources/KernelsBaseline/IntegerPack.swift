// Packing 8-bit integers: the operands of a product in the order in which the tile reads them.

import CIntegerDot
import KernelSlots

/// Four bytes as they lie in memory, the first in the lowest place.
@inline(__always) private func quad(_ p: UnsafePointer<UInt8>) -> UInt32 {
  UInt32(littleEndian: UnsafeRawPointer(p).loadUnaligned(as: UInt32.self))
}

/// The first `count` of four bytes that are `stride` apart, zeros in the other places.
@inline(__always) private func quad(_ p: UnsafePointer<UInt8>, _ stride: Int, _ count: Int, _ flip: UInt8) -> UInt32 {
  var bytes: UInt32 = 0
  var i = 0
  while i < count {
    bytes |= UInt32(truncatingIfNeeded: p[i &* stride] ^ flip) &<< UInt32(truncatingIfNeeded: 8 &* i)
    i &+= 1
  }
  return bytes
}

@inline(__always) private func storeRowQuad(_ bytes: UInt32, _ to: UnsafeMutablePointer<Int32>) {
  #if KERNELS_VNNI
  to[0] = Int32(bitPattern: bytes)
  #else
  to[0] = Int32(bitPattern: bytes & 0x00FF_00FF)
  to[1] = Int32(bitPattern: (bytes &>> 8) & 0x00FF_00FF)
  #endif
}

func kernelPackIntegerRows(
  _ a: UnsafePointer<UInt8>, _ rs: Int, _ cs: Int, _ m: Int, _ k: Int, _ flip: UInt8,
  _ out: UnsafeMutablePointer<Int32>
) {
  let quads = (k &+ 3) / 4
  let mask = UInt32(flip) &* 0x0101_0101
  let panels = RowPanels(m, tallest: integerTileRows)
  var panel = 0
  while panel < panels.count {
    let start = panels.start(panel)
    let rows = panels.start(panel &+ 1) &- start
    var r = 0
    while r < rows {
      let from = a + (start &+ r) &* rs
      var to = out + (start &* quads &+ r) &* rowUnit
      var i = 0
      if cs == 1 {
        while i &+ 4 <= k {
          storeRowQuad(quad(from + i) ^ mask, to)
          to += rows &* rowUnit
          i &+= 4
        }
      }
      while i < k {
        storeRowQuad(quad(from + i &* cs, cs, k &- i < 4 ? k &- i : 4, flip), to)
        to += rows &* rowUnit
        i &+= 4
      }
      r &+= 1
    }
    panel &+= 1
  }
}

/// One vector of columns: a byte of each of four rows.
@inline(__always) private func interleaved(
  _ p: UnsafePointer<UInt8>, _ q: UnsafePointer<UInt8>, _ r: UnsafePointer<UInt8>, _ s: UnsafePointer<UInt8>
) -> VI {
  #if KERNELS_AVX512
  interleave_x16(p, q, r, s)
  #elseif KERNELS_AVX2
  interleave_x8(p, q, r, s)
  #else
  interleave_x4(p, q, r, s)
  #endif
}

func kernelPackIntegerColumns(
  _ b: UnsafePointer<UInt8>, _ rs: Int, _ cs: Int, _ k: Int, _ n: Int, _ flip: UInt8,
  _ out: UnsafeMutablePointer<Int32>
) {
  let mask = VI(repeating: Int32(bitPattern: UInt32(flip) &* 0x0101_0101))
  var to = out
  var column = 0
  while column < n {
    let columns = n &- column < tileColumns ? n &- column : tileColumns
    var i = 0
    while i < k {
      let deep = k &- i < 4 ? k &- i : 4
      let from = b + i &* rs + column &* cs
      if cs == 1, columns == tileColumns, deep == 4 {
        let (p, q, r, s) = (from, from + rs, from + 2 &* rs, from + 3 &* rs)
        store(interleaved(p, q, r, s) ^ mask, to)
        store(interleaved(p + width, q + width, r + width, s + width) ^ mask, to + width)
      } else {
        var j = 0
        while j < columns {
          let at = from + j &* cs
          to[j] = Int32(bitPattern: quad(at, rs, deep, flip))
          j &+= 1
        }
        while j < tileColumns {
          to[j] = 0
          j &+= 1
        }
      }
      to += tileColumns
      i &+= 4
    }
    column &+= tileColumns
  }
}

func kernelGatherIntegerWindows(
  _ source: UnsafePointer<UInt8>, _ end: UnsafePointer<UInt8>, _ rowOffsets: UnsafePointer<Int>, _ rows: Int,
  _ segments: UnsafePointer<Int>, _ segmentCount: Int, _ step: Int, _ flip: UInt8,
  _ scratch: UnsafeMutablePointer<UInt8>, _ panel: UnsafeMutablePointer<Int32>
) {
  let mask = VI(repeating: Int32(bitPattern: UInt32(flip) &* 0x0101_0101))
  // One run of neighbouring bytes that fills the panel is read where it lies.
  let direct = segmentCount == 1 && step == 1 && segments[0] == 0 && segments[2] == tileColumns
  var i = 0
  var to = panel
  while i < rows {
    let deep = rows &- i < 4 ? rows &- i : 4
    if direct, deep == 4 {
      let base = source + segments[1]
      let p = base + rowOffsets[i]
      let q = base + rowOffsets[i &+ 1]
      let r = base + rowOffsets[i &+ 2]
      let s = base + rowOffsets[i &+ 3]
      store(interleaved(p, q, r, s) ^ mask, to)
      store(interleaved(p + width, q + width, r + width, s + width) ^ mask, to + width)
    } else {
      var d = 0
      while d < 4 {
        let line = scratch + d &* tileColumns
        if d < deep {
          var s = 0
          var filled = 0
          while s < segmentCount {
            let at = line + segments[3 &* s]
            let from = source + rowOffsets[i &+ d] + segments[3 &* s &+ 1]
            let length = segments[3 &* s &+ 2]
            var j = 0
            while j < length {
              at[j] = from[j &* step] ^ flip
              j &+= 1
            }
            filled = segments[3 &* s] &+ length
            s &+= 1
          }
          while filled < tileColumns {
            line[filled] = 0
            filled &+= 1
          }
        } else {
          var j = 0
          while j < tileColumns {
            line[j] = 0
            j &+= 1
          }
        }
        d &+= 1
      }
      let (p, q) = (UnsafePointer(scratch), UnsafePointer(scratch + tileColumns))
      let (r, s) = (q + tileColumns, q + 2 &* tileColumns)
      store(interleaved(p, q, r, s), to)
      store(interleaved(p + width, q + width, r + width, s + width), to + width)
    }
    to += tileColumns
    i &+= 4
  }
}

func kernelIntegerColumnSums(_ panel: UnsafePointer<Int32>, _ quads: Int, _ sums: UnsafeMutablePointer<Int32>) {
  var p = VI.zero
  var q = VI.zero
  var from = panel
  var i = 0
  while i < quads {
    p = addBytes(p, columnQuads(from))
    q = addBytes(q, columnQuads(from + width))
    from += tileColumns
    i &+= 1
  }
  store(p, sums)
  store(q, sums + width)
}
