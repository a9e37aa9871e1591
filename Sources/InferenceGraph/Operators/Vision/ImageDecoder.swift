import ImageDecoding
public import TensorCore

/// Decodes an image file, given as its bytes `[count]`, to `[height, width, channels]` of 8 bits (`ImageDecoder` of the
/// ONNX standard).
///
/// Bytes that hold no image, or a damaged one, give an empty image `[0, 0, channels]`, as the standard says. A variant of
/// a format that is not decoded, and an image that is too large, are errors.
public struct ImageDecoder: Operator {
  public enum PixelFormat: String, Sendable, Hashable {
    case rgb = "RGB"
    case bgr = "BGR"
    case greyscale = "Grayscale"

    var channels: Int { self == .greyscale ? 1 : 3 }
  }

  public var pixelFormat: PixelFormat

  public var name: String { "ImageDecoder" }
  public var attributes: [(name: String, value: String)] { [("pixel_format", pixelFormat.rawValue)] }

  public init(_ pixelFormat: PixelFormat) { self.pixelFormat = pixelFormat }

  public func outputFacts(_ inputs: [Fact?]) throws -> [Fact] {
    let stream = try Operand.fact(inputs, 0, "encoded_stream")
    if let dtype = stream.dtype, dtype != .uint8 { throw Operand.unsupported(dtype, "uint8 bytes") }
    if let shape = stream.shape, shape.count != 1 {
      throw GraphError(.invalidModel, "encoded_stream must be a list of bytes and has shape \(shape.text)")
    }
    return [Fact(.uint8, [.unknown, .unknown, Dim(pixelFormat.channels)])]
  }

  public func evaluate(_ inputs: inout [Value?], _ context: EvaluationContext) throws -> [Value] {
    let stream = try Operand.tensor(inputs, 0, "encoded_stream")
    guard stream.shape.rank == 1, let bytes = stream.array(of: UInt8.self) else {
      throw GraphError(
        .invalidInput, "encoded_stream must be a list of bytes, a \(stream.dtype) of shape \(stream.shape) came")
    }
    var image: DecodedImage?
    do throws(ImageError) {
      image = try decode(bytes, ImageLimits(pixels: Swift.min(1 << 26, context.maxTensorBytes / 3)))
    } catch {
      switch error.code {
      case .damaged: image = nil
      case .unsupported: throw GraphError(.unsupported, "\(error) is not supported")
      case .limit: throw GraphError(.limit, error.message)
      }
    }
    let channels = pixelFormat.channels
    let out = try context.allocate(.uint8, [image?.height ?? 0, image?.width ?? 0, channels])
    guard let image else { return [.tensor(out)] }
    let to = out.unsafeMutableElements(of: UInt8.self)
    let from = pixelFormat == .greyscale ? image.grey : image.rgb
    for i in 0..<Swift.min(to.count, from.count) {
      to[i] = pixelFormat == .bgr ? from[i - i % 3 + 2 - i % 3] : from[i]
    }
    return [.tensor(out)]
  }

  private func decode(_ bytes: [UInt8], _ limits: ImageLimits) throws(ImageError) -> DecodedImage {
    do {
      return try ImageDecoding.decode(bytes, limits: limits)
    } catch let error as ImageError {
      throw error
    } catch {
      throw ImageError(.damaged, "\(error)")
    }
  }
}
