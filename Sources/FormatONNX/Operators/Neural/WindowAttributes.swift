import InferenceGraph

extension Lowering {
  /// The window that `kernel_shape`, `strides`, `pads`, `dilations`, `auto_pad` and `ceil_mode` describe.
  func window() throws -> Window {
    let pads = try ints("pads") ?? []
    let padding: Window.Padding
    let mode = try string("auto_pad", default: "NOTSET")
    switch mode {
    case "NOTSET", "": padding = .explicit(pads)
    case "VALID": padding = .explicit([])
    case "SAME_UPPER": padding = .same(upper: true)
    case "SAME_LOWER": padding = .same(upper: false)
    default: throw GraphError(.invalidModel, "auto_pad \"\(mode)\" is none of NOTSET, SAME_UPPER, SAME_LOWER, VALID")
    }
    return Window(
      extents: try ints("kernel_shape") ?? [], strides: try ints("strides") ?? [],
      dilations: try ints("dilations") ?? [], padding: padding, roundsUp: try int("ceil_mode", default: 0) != 0)
  }
}
