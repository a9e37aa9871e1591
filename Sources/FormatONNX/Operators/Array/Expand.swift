import InferenceGraph
import TensorCore

extension OperatorTable {
  static let expand = ONNXOperator("Expand", versions: [8, 13]) { n in
    [try n.add(Expand(), n.required(0), n.required(1))]
  }

  static let tile = ONNXOperator("Tile", versions: [1, 6, 13]) { n in
    if n.version < 6 {
      // One axis at a time: how often, and which, are inputs.
      guard let times = n.constantIntegers(1)?.first, let axis = n.constantIntegers(2)?.first,
        let rank = n.fact(try n.required(0)).rank, axis >= 0, axis < rank
      else {
        throw GraphError(.unsupported, "Tile of opset 1 needs constant tiles and axis and an input of known rank")
      }
      var repeats = [Int](repeating: 1, count: rank)
      repeats[axis] = times
      return [try n.add(Tile(), n.required(0), n.integers(repeats))]
    }
    return [try n.add(Tile(), n.required(0), n.required(1))]
  }
}
