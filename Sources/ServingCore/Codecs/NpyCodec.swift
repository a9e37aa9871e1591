import TensorCore

/// `application/x-npy`: one NumPy array, for models with one required input; answers carry the first wanted output.
///
/// Versions 1.0 to 3.0, either byte order, either element order, floats, integers, booleans and strings. Object arrays are
/// never read. Values are cast as `NpyReader` says; NaN passes into float inputs, being what the client wrote.
public struct NpyCodec: Codec {
  public init() {}

  public let mediaTypes = ["application/x-npy"]
  public var summary: String { "A NumPy .npy array of the input's shape, never with objects." }
  public var canDecode: Bool { true }
  public var canEncode: Bool { true }
  public var encodesFirstOutputOnly: Bool { true }
  public var encodesRows: Bool { false }

  public func decode(
    _ body: UnsafeRawBufferPointer, for layout: InputLayout, limits: CodecLimits
  ) throws(ServingError) -> DecodedRequest {
    guard let single = layout.single else {
      throw ServingError(
        .badRequest,
        "The model has several inputs (\(layout.inputNames)); send application/x-npz with an array for each.",
        expected: "application/x-npz")
    }
    var values = [Value?](repeating: nil, count: layout.inputs.count)
    values[single] = .tensor(try NpyReader(body).tensor(for: layout.inputs[single]))
    return DecodedRequest(inputs: try layout.checked(values))
  }

  public func encode(_ answer: Answer, into sink: inout ByteSink) throws(ServingError) {
    try NpyWriter.write(answer.values[0], name: answer.names[0], into: &sink)
  }

  public func sample(for layout: InputLayout) -> [UInt8]? {
    guard let single = layout.single, let dtype = layout.inputs[single].dtype,
      let dims = SampleBody.dims(layout.inputs[single], free: 3), NpyCodec.hasCounterpart(dtype)
    else { return nil }
    var sink = ByteSink()
    do {
      try NpyWriter.write(.tensor(Tensor(zeros: dtype, Shape(dims))), name: "", into: &sink)
    } catch {
      return nil
    }
    return sink.finish()
  }

  private static func hasCounterpart(_ dtype: DType) -> Bool {
    switch dtype {
    case .complex64, .complex128, .float8E4M3FN, .float8E4M3FNUZ, .float8E5M2, .float8E5M2FNUZ, .float8E8M0,
      .float4E2M1:
      false
    default: true
    }
  }
}
