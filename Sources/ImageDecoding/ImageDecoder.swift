/// Why an image could not be decoded.
public struct ImageError: Error, Sendable, CustomStringConvertible {
  /// The kinds.
  public enum Code: String, Sendable, Hashable {
    /// The bytes contradict the format, or end too early.
    case damaged
    /// A format, or a variant of one, that is not decoded here.
    case unsupported
    /// The image is larger than `ImageLimits` allow.
    case limit
  }

  public let code: Code
  public let message: String

  public init(_ code: Code, _ message: String) {
    self.code = code
    self.message = message
  }

  public var description: String { message }
}

/// What an image may ask for.
public struct ImageLimits: Sendable {
  /// The most pixels of an image.
  public var pixels: Int

  public init(pixels: Int = 1 << 26) { self.pixels = pixels }

  /// Checks extents that a header says.
  ///
  /// - Throws: `ImageError`, `damaged` for an image without pixels and `limit` for one with too many.
  func check(_ width: Int, _ height: Int) throws {
    guard width > 0, height > 0 else { throw ImageError(.damaged, "an image of \(width)x\(height) pixels") }
    let (count, overflow) = width.multipliedReportingOverflow(by: height)
    guard !overflow, count <= pixels, width <= 1 << 28, height <= 1 << 28 else {
      throw ImageError(.limit, "an image of \(width)x\(height) pixels; at most \(pixels) are decoded")
    }
  }
}

/// Pixels of 8 bits a channel, rows from the top, channels together: `[height, width, channels]`.
public struct DecodedImage: Sendable, Equatable {
  public let width: Int
  public let height: Int
  /// 1 (grey) or 3 (red, green, blue).
  public let channels: Int
  /// `height * width * channels`
  public let samples: [UInt8]

  /// - Throws: `ImageError.Code.damaged` when the samples are not as many as the extents say.
  init(width: Int, height: Int, channels: Int, samples: [UInt8]) throws {
    guard channels == 1 || channels == 3, samples.count == width * height * channels else {
      throw ImageError(.damaged, "\(samples.count) samples for \(width)x\(height) pixels of \(channels) channels")
    }
    self.width = width
    self.height = height
    self.channels = channels
    self.samples = samples
  }

  /// Red, green and blue of every pixel.
  public var rgb: [UInt8] {
    if channels == 3 { return samples }
    var out: [UInt8] = []
    out.reserveCapacity(samples.count * 3)
    for v in samples { for _ in 0..<3 { out.append(v) } }
    return out
  }

  /// The luma of every pixel: ITU-R BT.601's weights in 16-bit fixed point, rounded, as Pillow has them.
  public var grey: [UInt8] {
    if channels == 1 { return samples }
    return (0..<(samples.count / 3)).map { i in
      let (r, g, b) = (Int(samples[3 * i]), Int(samples[3 * i + 1]), Int(samples[3 * i + 2]))
      return UInt8(truncatingIfNeeded: (r * 19595 + g * 38470 + b * 7471 + 0x8000) >> 16)
    }
  }
}

/// One format of images.
public struct ImageFormat: Sendable {
  /// Such as `PNG`.
  public let name: String
  /// True when bytes begin as this format does.
  let matches: @Sendable (ImageBytes) -> Bool
  /// Decodes the (first) image.
  let decode: @Sendable (ImageBytes, ImageLimits) throws -> DecodedImage

  init(
    _ name: String, matches: @escaping @Sendable (ImageBytes) -> Bool,
    decode: @escaping @Sendable (ImageBytes, ImageLimits) throws -> DecodedImage
  ) {
    self.name = name
    self.matches = matches
    self.decode = decode
  }
}

/// Decodes images of the formats of `ImageFormatTable`.
public enum ImageDecoding {
  /// The format that the bytes begin as, or nil.
  public static func format(of bytes: [UInt8]) -> ImageFormat? {
    let view = ImageBytes(bytes)
    return ImageFormatTable.formats.first { $0.matches(view) }
  }

  /// Decodes an image of any format that is known.
  ///
  /// - Throws: `ImageError`, whatever the bytes say.
  public static func decode(_ bytes: [UInt8], limits: ImageLimits = ImageLimits()) throws -> DecodedImage {
    guard let format = format(of: bytes) else { throw ImageError(.damaged, "the bytes begin as no known image format") }
    return try format.decode(ImageBytes(bytes), limits)
  }
}
