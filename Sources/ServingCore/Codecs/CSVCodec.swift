import TensorCore

/// `text/csv`: one row a line, no header, comma, RFC 4180 quoting.
///
/// A first line that holds every column name of the model is a header: columns are then matched by name, as MLflow sends
/// them. Numbers may have blanks around them; a byte order mark, an empty field, `NaN` and other delimiters are refused.
/// Answers carry the first wanted output, a line a row, columns separated by commas, no header.
public struct CSVCodec: Codec {
  public init() {}

  public let mediaTypes = ["text/csv"]
  public var summary: String {
    "One row a line, columns separated by commas in the model's order, no header (or a header with the model's column names)."
  }
  public var canDecode: Bool { true }
  public var canEncode: Bool { true }
  public var encodesFirstOutputOnly: Bool { true }
  public var encodesRows: Bool { true }

  public func decode(
    _ body: UnsafeRawBufferPointer, for layout: InputLayout, limits: CodecLimits
  ) throws(ServingError) -> DecodedRequest {
    guard let base = body.baseAddress, !body.isEmpty else { throw .emptyBody }
    if body.starts(with: [0xEF, 0xBB, 0xBF]) { throw .byteOrderMark }
    var reader = try CSVReader(base.assumingMemoryBound(to: UInt8.self), body.count, layout)
    return DecodedRequest(inputs: try reader.read())
  }

  public func encode(_ answer: Answer, into sink: inout ByteSink) throws(ServingError) {
    CSVWriter.write(answer.values[0], into: &sink)
  }

  public func sample(for layout: InputLayout) -> [UInt8]? {
    guard let width = layout.width else { return nil }
    var sink = ByteSink()
    for i in 0..<width {
      if i > 0 { sink.append(UInt8(ascii: ",")) }
      sink.append(utf8: SampleBody.csvValue(layout.column(i).dtype))
    }
    sink.append(UInt8(ascii: "\n"))
    return sink.finish()
  }
}
