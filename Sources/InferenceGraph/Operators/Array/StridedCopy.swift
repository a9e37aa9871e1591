import Kernels
import TensorCore

#if canImport(Glibc)
import Glibc
#elseif canImport(Musl)
import Musl
#elseif canImport(Darwin)
import Darwin
#endif

/// A copy of an n-dimensional box of elements from one strided layout to another: the loop behind transposing, slicing,
/// joining, splitting, repeating and padding.
///
/// Strides and starts count elements. A source stride may be 0 (repeat) or negative (reverse). Axes that lie one after
/// the other in both layouts are merged, so that what is contiguous is copied in whole runs.
struct StridedCopy {
  private var extents: [Int] = []
  private var from: [Int] = []
  private var to: [Int] = []
  private let fromStart: Int
  private let toStart: Int
  private let isEmpty: Bool

  /// Plans the copy. The caller has checked that every element addressed lies in its tensor.
  init(extents: [Int], from: [Int], fromStart: Int = 0, to: [Int], toStart: Int = 0) {
    self.fromStart = fromStart
    self.toStart = toStart
    isEmpty = extents.contains(0)
    for axis in extents.indices where extents[axis] != 1 {
      if let last = self.extents.indices.last, self.from[last] == from[axis] &* extents[axis],
        self.to[last] == to[axis] &* extents[axis]
      {
        self.extents[last] *= extents[axis]
        self.from[last] = from[axis]
        self.to[last] = to[axis]
      } else {
        self.extents.append(extents[axis])
        self.from.append(from[axis])
        self.to.append(to[axis])
      }
    }
  }

  /// Plans the reading of a dense target of shape `extents`.
  init(dense extents: [Int], from: [Int], fromStart: Int = 0) {
    self.init(extents: extents, from: from, fromStart: fromStart, to: Shape(extents).strides)
  }

  /// A fresh tensor of `shape` filled from `source`, which must not hold strings.
  func filled(_ shape: Shape, from source: Tensor, _ context: EvaluationContext) throws -> Tensor {
    let out = try context.allocate(source.dtype, shape)
    run(from: source, to: out, context.pool)
    return out
  }

  /// Copies. Both tensors have elements of the same width.
  func run(from source: Tensor, to target: Tensor, _ pool: ComputePool) {
    if isEmpty { return }
    let width = source.dtype.byteWidth
    let source = source.unsafeBytes.baseAddress! + fromStart * width
    let target = target.unsafeMutableBytes.baseAddress! + toStart * width
    switch width {
    case 1: run(source.assumingMemoryBound(to: UInt8.self), target.assumingMemoryBound(to: UInt8.self), pool)
    case 2: run(source.assumingMemoryBound(to: UInt16.self), target.assumingMemoryBound(to: UInt16.self), pool)
    case 4: run(source.assumingMemoryBound(to: UInt32.self), target.assumingMemoryBound(to: UInt32.self), pool)
    case 8: run(source.assumingMemoryBound(to: UInt64.self), target.assumingMemoryBound(to: UInt64.self), pool)
    default: run(source.assumingMemoryBound(to: Word128.self), target.assumingMemoryBound(to: Word128.self), pool)
    }
  }

  /// Elements below which a range is not worth a thread of its own.
  private static let grain = 1 << 15

  private func run<T: BitwiseCopyable>(
    _ source: UnsafePointer<T>, _ target: UnsafeMutablePointer<T>, _ pool: ComputePool
  ) {
    guard let last = extents.indices.last else {
      target.pointee = source.pointee
      return
    }
    if to[last] == 1, from[last] != 1, let column = from[..<last].lastIndex(of: 1), extents[column] > 3 {
      return transpose(source, target, column, pool)
    }
    let count = extents[last]
    let step = from[last]
    let stride = to[last]
    let outer = Outer(extents: extents, from: from, to: to, without: [last])
    if outer.count == 1, step == 1, stride == 1 {
      pool.parallelFor(count, grain: Self.grain * 4) { lower, upper in
        memcpy(target + lower, source + lower, (upper - lower) * MemoryLayout<T>.stride)
      }
      return
    }
    pool.parallelFor(outer.count, grain: Swift.max(1, Self.grain / count)) { lower, upper in
      outer.forEach(lower, upper) { a, b in
        let source = source + a
        let target = target + b
        if step == 1 && stride == 1 {
          memcpy(target, source, count * MemoryLayout<T>.stride)
        } else if step == 0 && stride == 1 {
          target.update(repeating: source.pointee, count: count)
        } else {
          for i in 0..<count { target[i &* stride] = source[i &* step] }
        }
      }
    }
  }

  /// The target runs along the last axis, the source along `column`: both are crossed in square blocks.
  private func transpose<T: BitwiseCopyable>(
    _ source: UnsafePointer<T>, _ target: UnsafeMutablePointer<T>, _ column: Int, _ pool: ComputePool
  ) {
    let last = extents.count - 1
    let block = 16
    let rows = extents[column]
    let columns = extents[last]
    let step = from[last]
    let stride = to[column]
    let outer = Outer(extents: extents, from: from, to: to, without: [column, last])
    let bands = (rows + block - 1) / block
    pool.parallelFor(outer.count * bands, grain: Swift.max(1, Self.grain / (columns * block))) { lower, upper in
      var at = lower
      while at < upper {
        let band = at / bands
        let end = Swift.min(upper, (band + 1) * bands)
        outer.forEach(band, band + 1) { a, b in
          let from = source + a
          let to = target + b
          for r in (at - band * bands)..<(end - band * bands) {
            let top = r * block
            let bottom = Swift.min(rows, top + block)
            var left = 0
            while left < columns {
              let right = Swift.min(columns, left + block)
              for row in top..<bottom {
                let out = to + row &* stride
                let lane = from + row
                for c in left..<right { out[c] = lane[c &* step] }
              }
              left = right
            }
          }
        }
        at = end
      }
    }
  }

  /// The positions of the axes that an inner loop does not cover.
  private struct Outer {
    var extents: [Int] = []
    var from: [Int] = []
    var to: [Int] = []
    var count = 1

    init(extents: [Int], from: [Int], to: [Int], without inner: [Int]) {
      for axis in extents.indices where !inner.contains(axis) {
        self.extents.append(extents[axis])
        self.from.append(from[axis])
        self.to.append(to[axis])
        count *= extents[axis]
      }
    }

    /// Calls `body` with the source and target offsets of positions `lower..<upper`, in row-major order.
    @inline(__always)
    func forEach(_ lower: Int, _ upper: Int, _ body: (Int, Int) -> Void) {
      var index = [Int](repeating: 0, count: extents.count)
      var a = 0
      var b = 0
      var rest = lower
      for axis in extents.indices.reversed() {
        index[axis] = rest % extents[axis]
        rest /= extents[axis]
        a &+= index[axis] &* from[axis]
        b &+= index[axis] &* to[axis]
      }
      for _ in lower..<upper {
        body(a, b)
        var axis = extents.count - 1
        while axis >= 0 {
          index[axis] &+= 1
          a &+= from[axis]
          b &+= to[axis]
          if index[axis] < extents[axis] { break }
          a &-= from[axis] &* extents[axis]
          b &-= to[axis] &* extents[axis]
          index[axis] = 0
          axis -= 1
        }
      }
    }
  }
}

/// Sixteen bytes that need no more than a word's alignment.
struct Word128: BitwiseCopyable, Hashable {
  var low: UInt64
  var high: UInt64
}
