import InferenceGraph
import TensorCore

extension OperatorTable {
  /// Rows of a table of quantised numbers, of which every `block_size` along an axis share a scale and a zero point. The
  /// rows are taken first, so that the table itself is never written out.
  static let gatherBlockQuantized = contrib("GatherBlockQuantized") { n in
    let (data, indices, scales) = (try n.required(0), try n.required(1), try n.required(2))
    let rank = try n.rank(data, "data")
    func axis(_ name: String, _ value: Int) throws -> Int {
      let axis = try n.int(name, default: value)
      guard axis >= -rank, axis < rank else { throw GraphError(.invalidModel, "\(name) \(axis) is no axis of data") }
      return axis < 0 ? axis + rank : axis
    }
    let (rows, along) = (try axis("gather_axis", 0), try axis("quantize_axis", 1))
    guard rows == 0, along > 0 else {
      throw GraphError(.unsupported, "gather_axis \(rows) and quantize_axis \(along) are not supported: 0 and more are")
    }
    let size = try n.int("block_size", default: 128)
    guard size >= 16, size < 1 << 30 else { throw GraphError(.unsupported, "block_size \(size) is not supported") }
    var elements = try n.add(Gather(axis: 0), data, indices)
    var zeros = try n.optional(3).map { try n.add(Gather(axis: 0), $0, indices) }
    let factors = try n.add(Gather(axis: 0), scales, indices)
    if try n.elementType(data, "data") == .uint8 {
      let bits = try n.int("bits", default: 4)
      guard [2, 4, 8].contains(bits) else {
        throw GraphError(.unsupported, "\(bits) bits an element are not supported: 2, 4 and 8 are")
      }
      elements = try n.unpacked(elements, bits)
      if let packed = zeros {
        // What stands behind the last block is filling.
        let wide = try n.unpacked(packed, bits)
        zeros = try n.slice(wide, axis: -1, from: n.integers([0]), to: n.extents(factors, -1))
      } else {
        let middle = try n.cast(n.constant(Tensor(scalar: Int32(1 << (bits - 1)))), to: .uint8)
        zeros = try n.add(Expand(), middle, n.extents(factors))
      }
    }
    let depth = try n.rank(indices, "indices") + along - 1
    return [try n.add(DequantizeLinear(axis: depth, blockSize: size), elements, factors, zeros)]
  }
}

extension Lowering {
  /// The elements of a few bits each that bytes hold along the last axis, the low bits first.
  fileprivate func unpacked(_ x: ValueID, _ bits: Int) throws -> ValueID {
    guard bits < 8 else { return x }
    func byte(_ value: Int) throws -> ValueID { try cast(constant(Tensor(scalar: Int32(value))), to: .uint8) }
    let mask = try byte((1 << bits) - 1)
    let parts = try stride(from: 0, to: 8, by: bits).map { shift in
      try unsqueezed(add(Bitwise(.and), add(Bitwise(.shiftRight), x, byte(shift)), mask), [-1])
    }
    let wide = try add(Concat(axis: -1), parts)[0]
    let last = try product(extents(x, -1), integers([8 / bits]))
    return try reshaped(wide, list([extents(x, 0, -1), last]))
  }
}
