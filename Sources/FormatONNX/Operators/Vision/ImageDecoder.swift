import InferenceGraph

extension OperatorTable {
  static let imageDecoder = ONNXOperator("ImageDecoder", versions: [20]) { n in
    let format = try n.string("pixel_format", default: "RGB")
    guard let pixelFormat = ImageDecoder.PixelFormat(rawValue: format) else {
      throw GraphError(.invalidModel, "pixel_format \"\(format)\" is none of RGB, BGR, Grayscale")
    }
    return try [n.add(ImageDecoder(pixelFormat), n.required(0))]
  }
}
