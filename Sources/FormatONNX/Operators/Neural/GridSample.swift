import InferenceGraph

extension OperatorTable {
  static let gridSample = ONNXOperator("GridSample", versions: [16, 20, 22]) { n in
    let mode: GridSample.Mode
    switch try n.string("mode", default: "linear") {
    case "nearest": mode = .nearest
    case "linear", "bilinear": mode = .linear
    case "cubic", "bicubic": mode = .cubic
    case let other: throw GraphError(.invalidModel, "mode \"\(other)\" is none of nearest, linear, cubic")
    }
    let padding = try n.string("padding_mode", default: "zeros")
    guard let outside = GridSample.Outside(rawValue: padding) else {
      throw GraphError(.invalidModel, "padding_mode \"\(padding)\" is none of zeros, border, reflection")
    }
    let op = GridSample(mode, outside: outside, alignsCorners: try n.int("align_corners", default: 0) != 0)
    return try [n.add(op, n.required(0), n.required(1))]
  }
}
