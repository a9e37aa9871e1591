extension ImageFormat {
  /// WebP (RFC 9649), lossy and lossless, still images. Alpha is left out.
  static let webP = ImageFormat(
    "WebP", matches: { $0.hasPrefix(Array("RIFF".utf8)) && $0.hasPrefix(Array("WEBP".utf8), at: 8) },
    decode: { try WebPDecoder.image($0, $1) })
}

private enum WebPDecoder {
  /// Finds the image's chunk.
  static func image(_ bytes: ImageBytes, _ limits: ImageLimits) throws -> DecodedImage {
    let end = try bytes.little32(4) + 8
    _ = try bytes.slice(0, end)
    var at = 12
    while at < end {
      let (name, length) = (try bytes.slice(at, 4), try bytes.little32(at + 4))
      guard at + 8 + length <= end else { throw ImageBytes.end }
      switch String(decoding: name, as: UTF8.self) {
      case "VP8 ":
        var frame = try VP8Frame(ImageBytes(Array(bytes.slice(at + 8, length))), limits)
        try frame.decode()
        return try frame.image()
      case "VP8L":
        return try VP8LDecoder(Array(bytes.slice(at + 8, length))).image(limits)
      case "ANMF": throw ImageError(.unsupported, "an animated WebP")
      default: break
      }
      at += 8 + length + length % 2
    }
    throw ImageError(.damaged, "a WebP without an image")
  }
}
