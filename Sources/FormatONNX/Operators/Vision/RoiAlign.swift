import InferenceGraph

extension OperatorTable {
  static let roiAlign = ONNXOperator("RoiAlign", versions: [10, 16, 22]) { n in
    let text = try n.string("mode", default: "avg")
    guard let mode = RoiAlign.Mode(rawValue: text) else {
      throw GraphError(.invalidModel, "mode \"\(text)\" is none of avg, max")
    }
    // Version 10 does not shift coordinates.
    let coordinates =
      n.version < 16
      ? "output_half_pixel" : try n.string("coordinate_transformation_mode", default: "half_pixel")
    guard coordinates == "half_pixel" || coordinates == "output_half_pixel" else {
      throw GraphError(
        .invalidModel,
        "coordinate_transformation_mode \"\(coordinates)\" is none of half_pixel, output_half_pixel")
    }
    let op = RoiAlign(
      mode, height: try n.int("output_height", default: 1), width: try n.int("output_width", default: 1),
      samplingRatio: try n.int("sampling_ratio", default: 0), scale: try n.float("spatial_scale", default: 1),
      isHalfPixel: coordinates == "half_pixel")
    return try [n.add(op, n.required(0), n.required(1), n.required(2))]
  }

  static let maxRoiPool = ONNXOperator("MaxRoiPool", versions: [1, 22]) { n in
    guard let shape = try n.ints("pooled_shape"), shape.count == 2 else {
      throw GraphError(.invalidModel, "attribute \"pooled_shape\" must be a height and a width")
    }
    let op = MaxRoiPool(height: shape[0], width: shape[1], scale: try n.float("spatial_scale", default: 1))
    return try [n.add(op, n.required(0), n.required(1))]
  }
}
