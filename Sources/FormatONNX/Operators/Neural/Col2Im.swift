import InferenceGraph

extension OperatorTable {
  static let col2Im = ONNXOperator("Col2Im", versions: [18]) { n in
    let window = Window(
      strides: try n.ints("strides") ?? [], dilations: try n.ints("dilations") ?? [],
      padding: .explicit(try n.ints("pads") ?? []))
    return try [n.add(Col2Im(window: window), n.required(0), n.required(1), n.required(2))]
  }
}
