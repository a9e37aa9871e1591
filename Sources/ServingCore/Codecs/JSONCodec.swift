import TensorCore

/// `application/json`: the request forms of `JSONEnvelope`, the answers `{"predictions": [...]}` and `{"outputs": {...}}`.
///
/// An answer has one entry a row: the value itself when one output is wanted or exists, else an object keyed by output
/// name. A row keeps its shape: an output of shape `[N]` gives scalars, one of `[N, 1]` lists of one. Outputs whose first
/// extents differ give one entry of whole values.
public struct JSONCodec: Codec {
  public init() {}

  public let mediaTypes = ["application/json"]
  public var summary: String {
    "{\"instances\": [row, ...]}, {\"inputs\": tensor or {name: tensor}}, {\"features\": ...}, a bare array of rows, named inputs, or MLflow's dataframe_split and dataframe_records."
  }
  public var canDecode: Bool { true }
  public var canEncode: Bool { true }
  public var encodesFirstOutputOnly: Bool { false }
  public var encodesRows: Bool { true }

  public func decode(
    _ body: UnsafeRawBufferPointer, for layout: InputLayout, limits: CodecLimits
  ) throws(ServingError) -> DecodedRequest {
    try JSONEnvelope.decode(body, layout, limits)
  }

  public func encode(_ answer: Answer, into sink: inout ByteSink) throws(ServingError) {
    if answer.isNamed {
      sink.append("{\"outputs\":{")
      for i in answer.values.indices {
        if i > 0 { sink.append(UInt8(ascii: ",")) }
        sink.append(jsonString: answer.names[i])
        sink.append(UInt8(ascii: ":"))
        JSONWriter.write(answer.values[i], nil, into: &sink)
      }
      return sink.append("}}")
    }
    sink.append("{\"predictions\":[")
    let hasRows = answer.hasRows
    for row in 0..<answer.entryCount {
      if row > 0 { sink.append(UInt8(ascii: ",")) }
      JSONWriter.writeEntry(answer, hasRows ? row : nil, into: &sink)
    }
    sink.append("]}")
  }

  public func sample(for layout: InputLayout) -> [UInt8]? {
    var sink = ByteSink()
    sink.append("{\"instances\": [")
    if SampleBody.appendRow(layout, into: &sink) {
      sink.append("]}")
      return sink.finish()
    }
    return namedSample(layout)
  }

  private func namedSample(_ layout: InputLayout) -> [UInt8]? {
    var sink = ByteSink()
    sink.append("{\"inputs\": {")
    for (position, i) in layout.required.enumerated() {
      guard let dtype = layout.inputs[i].dtype, let dims = SampleBody.dims(layout.inputs[i], free: 3) else {
        return nil
      }
      if position > 0 { sink.append(", ") }
      sink.append(jsonString: layout.inputs[i].name)
      sink.append(": ")
      SampleBody.appendTensor(dims, 0, SampleBody.jsonValue(dtype), into: &sink)
    }
    sink.append("}}")
    return sink.finish()
  }
}
