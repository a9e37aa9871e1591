import ImageDecoding

extension FuzzTarget {
  /// An image of any format.
  static let image = FuzzTarget("image") { bytes in
    guard let image = try? ImageDecoding.decode(Array(bytes), limits: ImageLimits(pixels: 1 << 20)) else { return }
    guard image.rgb.count == 3 * image.grey.count else { fatalError("an image has pixels without a luma") }
  }
}
