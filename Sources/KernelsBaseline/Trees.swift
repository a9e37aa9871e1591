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
  var a = all
  while node < end {
    a = narrowed(
      a, load(rows + Int(node.pointee.offset)), V(repeating: node.pointee.threshold), repeating(node.pointee.low))
    node += 1
  }
  out.storeBytes(of: a, as: VI.self)
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

/// The same for a tree of at most 64 leaves: the lower 32 of the rows into `out`, the upper into `outHigh`.
@inline(__always)
private func wideTree(
  _ rows: UnsafePointer<Float>, _ nodes: UnsafePointer<TreeTask.Node>, _ count: Int, _ out: UnsafeMutableRawPointer,
  _ outHigh: UnsafeMutableRawPointer
) {
  let end = nodes + count
  var lane = 0
  while lane < 16 {
    var low = VI(repeating: -1)
    var high = VI(repeating: -1)
    var node = nodes
    while node < end {
      let x = load(rows + Int(node.pointee.offset) + lane)
      let t = V(repeating: node.pointee.threshold)
      low = narrowed(low, x, t, repeating(node.pointee.low))
      high = narrowed(high, x, t, repeating(node.pointee.high))
      node += 1
    }
    out.storeBytes(of: low, toByteOffset: 4 &* lane, as: VI.self)
    outHigh.storeBytes(of: high, toByteOffset: 4 &* lane, as: VI.self)
    lane &+= width
  }
}

/// Finds each tree's leaf for sixteen rows and writes its payload. The argument points to a `TreeTask`.
///
/// What is left of the leaves is written where the payloads go, and overwritten lane by lane.
func kernelTreeLeaves(_ argument: UnsafeRawPointer) {
  let task = argument.assumingMemoryBound(to: TreeTask.self).pointee
  var out = task.out
  var i = 0
  while i < task.treeCount {
    let tree = task.trees[i]
    let nodes = task.nodes + Int(tree.firstNode)
    let payloads = task.payloads + Int(tree.firstLeaf)
    let low = UnsafeMutableRawPointer(out)
    let high = low + 64
    var lane = 0
    if tree.isWide == 0 {
      narrowTree(task.rows, nodes, Int(tree.nodeCount), low)
      while lane < 16 {
        let left = low.load(fromByteOffset: 4 &* lane, as: UInt32.self)
        out[lane] = payloads[left.trailingZeroBitCount]
        lane &+= 1
      }
    } else {
      wideTree(task.rows, nodes, Int(tree.nodeCount), low, high)
      while lane < 16 {
        let left =
          UInt64(low.load(fromByteOffset: 4 &* lane, as: UInt32.self))
          | UInt64(high.load(fromByteOffset: 4 &* lane, as: UInt32.self)) &<< 32
        out[lane] = payloads[left.trailingZeroBitCount]
        lane &+= 1
      }
    }
    out += 16
    i &+= 1
  }
}
