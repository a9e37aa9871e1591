import InferenceGraph
import TensorCore

extension OperatorTable {
  /// An LSTM with quantised weights. X and the hidden state, which ONNX Runtime quantises while it runs, stay as they are:
  /// its answers differ by what that rounds away.
  static let dynamicQuantizeLSTM = contrib("DynamicQuantizeLSTM") { n in
    /// `[directions, inputs, 4 * hidden]` as the standard's `[directions, 4 * hidden, inputs]`; scales and zero points are
    /// one a direction, or one a column of a direction.
    func weights(_ index: Int, _ scale: ValueID, _ zero: ValueID) throws -> ValueID {
      func spread(_ x: ValueID, _ what: String) throws -> ValueID {
        try n.unsqueezed(n.cast(x, to: .float32), n.rank(x, what) == 1 ? [1, 2] : [1])
      }
      let numbers = try n.cast(n.required(index), to: .float32)
      let centred = try n.difference(numbers, spread(zero, "the zero points"))
      return try n.transposed(n.product(centred, spread(scale, "the scales")), [0, 2, 1])
    }
    let w = try weights(1, n.required(8), n.required(9))
    let r = try weights(2, n.required(10), n.required(11))
    return try n.asStandard("LSTM", version: 14, inputs: [n.required(0), w, r] + (3..<8).map(n.optional))
  }
}
