import TensorCore

/// Which axis of each output counts the rows of a request.
///
/// It is the first one for nearly every output. A recurrent network's state is an exception: `[directions, batch, hidden]`
/// has the free extent of the input's first axis, by name, on another axis.
struct BatchAxes: Sendable {
  /// By position of the output.
  private let axes: [Int]

  init(_ signature: ModelSignature) {
    let batch = signature.inputs.lazy.compactMap { $0.dimNames[0] }.first
    axes = signature.outputs.map { output in
      guard let batch, output.dimNames[0] != batch, let dims = output.dims, dims.count > 1,
        dims[0] != nil || output.dimNames[0] != nil
      else { return 0 }
      return dims.indices.first { output.dimNames[$0] == batch } ?? 0
    }
  }

  /// The values of the outputs at `positions` with their rows on the first axis.
  func rowsFirst(_ values: [Value], _ positions: [Int]) -> [Value] {
    zip(values, positions).map { value, position in
      guard axes[position] > 0, case .tensor(let tensor) = value else { return value }
      return .tensor(tensor.movingAxisToFront(axes[position]))
    }
  }
}

extension Tensor {
  /// The elements with `axis` as the outermost axis, the others in order. The tensor itself where it has no such axis.
  func movingAxisToFront(_ axis: Int) -> Tensor {
    guard axis > 0, axis < shape.rank else { return self }
    let (outer, extent, inner) = (shape.product(0..<axis), shape[axis], shape.product((axis + 1)..<shape.rank))
    var dims = shape.dims
    dims.insert(dims.remove(at: axis), at: 0)
    if dtype == .string {
      let from = strings
      var to: [String] = []
      to.reserveCapacity(from.count)
      for i in 0..<extent {
        for o in 0..<outer { to += from[((o * extent + i) * inner)..<((o * extent + i + 1) * inner)] }
      }
      let out = Tensor(uninitialized: .string, Shape(dims))
      out.unsafeSetStrings(to)
      return out
    }
    let out = Tensor(uninitialized: dtype, Shape(dims))
    let bytes = inner * dtype.byteWidth
    withExtendedLifetime(self) {
      let (from, to) = (unsafeBytes, out.unsafeMutableBytes)
      guard bytes > 0, let source = from.baseAddress, let target = to.baseAddress else { return }
      for i in 0..<extent {
        for o in 0..<outer {
          (target + (i * outer + o) * bytes).copyMemory(from: source + (o * extent + i) * bytes, byteCount: bytes)
        }
      }
    }
    return out
  }
}
