import KernelSlots

/// `keep` where `x > t`, all bits elsewhere, anded to `bits`.
@inline(__always)
private func narrowed(_ bits: VI, _ x: V, _ t: V, _ keep: VI) -> VI {
  #if KERNELS_AVX512
  return bits.replacing(with: bits & keep, where: x .> t)
  #else
  return bits & ~VI.zero.replacing(with: ~keep, where: x .> t)
  #endif
}

@inline(__always)
private func repeating(_ bits: UInt32) -> VI { VI(repeating: Int32(bitPattern: bits)) }

/// The leaves that are left of a tree of at most 32, for sixteen rows, into `out`.
@inline(__always)
private func narrowTree(
  _ rows: UnsafePointer<Float>, _ nodes: UnsafePointer<TreeTask.Node>, _ count: Int, _ out: UnsafeMutableRawPointer
) {
  let all = VI(repeating: -1)
  var node = nodes
  let end = nodes + count
  #if KERNELS_AVX512
  // Two chains: one would wait for each and's result.
  var a = all
  var b = all
  while node < end {
    a = narrowed(
      a, load(rows + Int(node.pointee.offset)), V(repeating: node.pointee.threshold), repeating(node.pointee.low))
    b = narrowed(
      b, load(rows + Int(node[1].offset)), V(repeating: node[1].threshold), repeating(node[1].low))
    node += 2
  }
  out.storeBytes(of: a & b, as: VI.self)
  #elseif KERNELS_AVX2
  var a = all
  var b = all
  while node < end {
    let x = rows + Int(node.pointee.offset)
    let t = V(repeating: node.pointee.threshold)
    let keep = repeating(node.pointee.low)
    a = narrowed(a, load(x), t, keep)
    b = narrowed(b, load(x + 8), t, keep)
    node += 1
  }
  out.storeBytes(of: a, as: VI.self)
  out.storeBytes(of: b, toByteOffset: 32, as: VI.self)
  #else
  var a = all
  var b = all
  var c = all
  var d = all
  while node < end {
    let x = rows + Int(node.pointee.offset)
    let t = V(repeating: node.pointee.threshold)
    let keep = repeating(node.pointee.low)
    a = narrowed(a, load(x), t, keep)
    b = narrowed(b, load(x + 4), t, keep)
    c = narrowed(c, load(x + 8), t, keep)
    d = narrowed(d, load(x + 12), t, keep)
    node += 1
  }
  out.storeBytes(of: a, as: VI.self)
  out.storeBytes(of: b, toByteOffset: 16, as: VI.self)
  out.storeBytes(of: c, toByteOffset: 32, as: VI.self)
  out.storeBytes(of: d, toByteOffset: 48, as: VI.self)
  #endif
}

#if KERNELS_AVX512
/// The same for 64 rows, whose values lie 64 apart.
@inline(__always)
private func narrowTree64(
  _ rows: UnsafePointer<Float>, _ nodes: UnsafePointer<TreeTask.Node>, _ count: Int, _ out: UnsafeMutableRawPointer
) {
  var a = VI(repeating: -1)
  var b = a
  var c = a
  var d = a
  var node = nodes
  let end = nodes + count
  while node < end {
    let x = rows + 4 &* Int(node.pointee.offset)
    let t = V(repeating: node.pointee.threshold)
    let keep = repeating(node.pointee.low)
    a = narrowed(a, load(x), t, keep)
    b = narrowed(b, load(x + 16), t, keep)
    c = narrowed(c, load(x + 32), t, keep)
    d = narrowed(d, load(x + 48), t, keep)
    node += 1
  }
  out.storeBytes(of: a, as: VI.self)
  out.storeBytes(of: b, toByteOffset: 64, as: VI.self)
  out.storeBytes(of: c, toByteOffset: 128, as: VI.self)
  out.storeBytes(of: d, toByteOffset: 192, as: VI.self)
}
#elseif KERNELS_AVX2
/// The same for 64 rows, whose values lie 64 apart.
@inline(__always)
private func narrowTree64(
  _ rows: UnsafePointer<Float>, _ nodes: UnsafePointer<TreeTask.Node>, _ count: Int, _ out: UnsafeMutableRawPointer
) {
  var a = VI(repeating: -1)
  var b = a
  var c = a
  var d = a
  var e = a
  var f = a
  var g = a
  var h = a
  var node = nodes
  let end = nodes + count
  while node < end {
    let x = rows + 4 &* Int(node.pointee.offset)
    let t = V(repeating: node.pointee.threshold)
    let keep = repeating(node.pointee.low)
    a = narrowed(a, load(x), t, keep)
    b = narrowed(b, load(x + 8), t, keep)
    c = narrowed(c, load(x + 16), t, keep)
    d = narrowed(d, load(x + 24), t, keep)
    e = narrowed(e, load(x + 32), t, keep)
    f = narrowed(f, load(x + 40), t, keep)
    g = narrowed(g, load(x + 48), t, keep)
    h = narrowed(h, load(x + 56), t, keep)
    node += 1
  }
  out.storeBytes(of: a, as: VI.self)
  out.storeBytes(of: b, toByteOffset: 32, as: VI.self)
  out.storeBytes(of: c, toByteOffset: 64, as: VI.self)
  out.storeBytes(of: d, toByteOffset: 96, as: VI.self)
  out.storeBytes(of: e, toByteOffset: 128, as: VI.self)
  out.storeBytes(of: f, toByteOffset: 160, as: VI.self)
  out.storeBytes(of: g, toByteOffset: 192, as: VI.self)
  out.storeBytes(of: h, toByteOffset: 224, as: VI.self)
}
#else
/// The same for 64 rows, whose values lie 64 apart.
@inline(__always)
private func narrowTree64(
  _ rows: UnsafePointer<Float>, _ nodes: UnsafePointer<TreeTask.Node>, _ count: Int, _ out: UnsafeMutableRawPointer
) {
  let end = nodes + count
  var lane = 0
  while lane < 64 {
    var a = VI(repeating: -1)
    var b = a
    var c = a
    var d = a
    var node = nodes
    while node < end {
      let x = rows + (4 &* Int(node.pointee.offset) &+ lane)
      let t = V(repeating: node.pointee.threshold)
      let keep = repeating(node.pointee.low)
      a = narrowed(a, load(x), t, keep)
      b = narrowed(b, load(x + 4), t, keep)
      c = narrowed(c, load(x + 8), t, keep)
      d = narrowed(d, load(x + 12), t, keep)
      node += 1
    }
    out.storeBytes(of: a, toByteOffset: 4 &* lane, as: VI.self)
    out.storeBytes(of: b, toByteOffset: 4 &* lane &+ 16, as: VI.self)
    out.storeBytes(of: c, toByteOffset: 4 &* lane &+ 32, as: VI.self)
    out.storeBytes(of: d, toByteOffset: 4 &* lane &+ 48, as: VI.self)
    lane &+= 16
  }
}
#endif

/// The leaves that are left of a tree of at most 64, for `lanes` rows whose values lie as far apart: the lower 32 of the
/// rows into `out`, the upper into `outHigh`.
@inline(__always)
private func wideTree(
  _ rows: UnsafePointer<Float>, _ nodes: UnsafePointer<TreeTask.Node>, _ count: Int, _ lanes: Int,
  _ out: UnsafeMutableRawPointer, _ outHigh: UnsafeMutableRawPointer
) {
  let end = nodes + count
  let scale = lanes / 16
  var lane = 0
  while lane < lanes {
    var low = VI(repeating: -1)
    var high = low
    var low2 = low
    var high2 = low
    var node = nodes
    while node < end {
      let x = rows + (scale &* Int(node.pointee.offset) &+ lane)
      let t = V(repeating: node.pointee.threshold)
      let keepLow = repeating(node.pointee.low)
      let keepHigh = repeating(node.pointee.high)
      low = narrowed(low, load(x), t, keepLow)
      high = narrowed(high, load(x), t, keepHigh)
      // With sixteen lanes in a register and sixteen rows in all there is no second half.
      if width < 16 || lanes > 16 {
        low2 = narrowed(low2, load(x + width), t, keepLow)
        high2 = narrowed(high2, load(x + width), t, keepHigh)
      }
      node += 1
    }
    out.storeBytes(of: low, toByteOffset: 4 &* lane, as: VI.self)
    outHigh.storeBytes(of: high, toByteOffset: 4 &* lane, as: VI.self)
    if width < 16 || lanes > 16 {
      out.storeBytes(of: low2, toByteOffset: 4 &* (lane &+ width), as: VI.self)
      outHigh.storeBytes(of: high2, toByteOffset: 4 &* (lane &+ width), as: VI.self)
    }
    lane &+= 2 &* width
  }
}

/// Finds each tree's leaf for 16 or 64 rows and writes its payload. The argument points to a `TreeTask`.
func kernelTreeLeaves(_ argument: UnsafeRawPointer) {
  let task = argument.assumingMemoryBound(to: TreeTask.self).pointee
  if task.lanes == 64 { walkTrees(task, 64) } else { walkTrees(task, 16) }
}

/// What is left of the leaves is written where the payloads go, and overwritten lane by lane; or, where payloads are
/// summed, always in the same place.
@inline(__always)
private func walkTrees(_ task: TreeTask, _ lanes: Int) {
  var out = task.out
  var i = 0
  while i < task.treeCount {
    let tree = task.trees[i]
    let nodes = task.nodes + Int(tree.firstNode)
    let payloads = task.payloads + Int(tree.firstLeaf)
    let low = UnsafeMutableRawPointer(out)
    if tree.isWide == 0 {
      if lanes == 64 {
        narrowTree64(task.rows, nodes, Int(tree.nodeCount), low)
      } else {
        narrowTree(task.rows, nodes, Int(tree.nodeCount), low)
      }
      if let sums = task.sums {
        takeNarrow(low, lanes, payloads, { sums[$0] += $1 })
      } else {
        takeNarrow(low, lanes, payloads, { out[$0] = $1 })
      }
    } else {
      let high = low + 4 &* lanes
      wideTree(task.rows, nodes, Int(tree.nodeCount), lanes, low, high)
      if let sums = task.sums {
        takeWide(low, high, lanes, payloads, { sums[$0] += $1 })
      } else {
        takeWide(low, high, lanes, payloads, { out[$0] = $1 })
      }
    }
    if task.sums == nil { out += lanes }
    i &+= 1
  }
}

@inline(__always)
private func takeNarrow(
  _ left: UnsafeMutableRawPointer, _ lanes: Int, _ payloads: UnsafePointer<Float>, _ body: (Int, Float) -> Void
) {
  var lane = 0
  while lane < lanes {
    let four = left.loadUnaligned(fromByteOffset: 4 &* lane, as: SIMD4<UInt32>.self)
    body(lane, payloads[four[0].trailingZeroBitCount])
    body(lane &+ 1, payloads[four[1].trailingZeroBitCount])
    body(lane &+ 2, payloads[four[2].trailingZeroBitCount])
    body(lane &+ 3, payloads[four[3].trailingZeroBitCount])
    lane &+= 4
  }
}

@inline(__always)
private func takeWide(
  _ low: UnsafeMutableRawPointer, _ high: UnsafeMutableRawPointer, _ lanes: Int, _ payloads: UnsafePointer<Float>,
  _ body: (Int, Float) -> Void
) {
  var lane = 0
  while lane < lanes {
    let left =
      UInt64(low.load(fromByteOffset: 4 &* lane, as: UInt32.self))
      | UInt64(high.load(fromByteOffset: 4 &* lane, as: UInt32.self)) &<< 32
    body(lane, payloads[left.trailingZeroBitCount])
    lane &+= 1
  }
}
