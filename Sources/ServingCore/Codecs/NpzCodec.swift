import TensorCore

/// `application/x-npz`: a zip of NumPy arrays, one an input.
///
/// Members are named after the inputs, or `arr_0`, `arr_1`, … in the order of the required inputs, as `numpy.savez` writes
/// positional arguments. Stored and deflated members are read.
public struct NpzCodec: Codec {
  public init() {}

  public let mediaTypes = ["application/x-npz"]
  public var summary: String { "A NumPy .npz archive with an array for each input, named after it or arr_0, arr_1, …" }
  public var canDecode: Bool { true }
  public var canEncode: Bool { false }
  public var encodesFirstOutputOnly: Bool { true }
  public var encodesRows: Bool { false }

  public func decode(
    _ body: UnsafeRawBufferPointer, for layout: InputLayout, limits: CodecLimits
  ) throws(ServingError) -> DecodedRequest {
    let archive = try ZipArchive(body, limits: limits)
    var values = [Value?](repeating: nil, count: layout.inputs.count)
    for member in archive.members {
      guard let i = NpzCodec.input(member.name, layout) else {
        throw ServingError(
          .unknownField, "The archive has member \"\(member.name.prefix(40))\", which is no input of the model.",
          field: String(member.name.prefix(40)), expected: layout.inputNames + ", or arr_0, arr_1, …",
          got: String(member.name.prefix(40)))
      }
      if values[i] != nil {
        throw ServingError(
          .malformedBody, "The archive gives input \(layout.inputs[i].name) twice.", field: layout.inputs[i].name)
      }
      values[i] = try archive.withContent(of: member) { content throws(ServingError) in
        .tensor(try NpyReader(content).tensor(for: layout.inputs[i]))
      }
    }
    return DecodedRequest(inputs: try layout.checked(values))
  }

  public func encode(_ answer: Answer, into sink: inout ByteSink) throws(ServingError) {
    throw ServingError(.notAcceptable, "application/x-npz is not an answer format.")
  }

  private static func input(_ member: String, _ layout: InputLayout) -> Int? {
    let name = member.hasSuffix(".npy") ? String(member.dropLast(4)) : member
    if let i = layout.position(ofInput: name) { return i }
    guard name.hasPrefix("arr_"), let position = Int(name.dropFirst(4)), layout.required.indices.contains(position)
    else {
      return nil
    }
    return layout.required[position]
  }
}
