import TensorCore

/// `application/jsonlines`: one row a line, in any of the forms that a row of `instances` has; answers one entry a line.
///
/// The line break after the last row is optional; a blank line between rows is refused.
public struct JSONLinesCodec: Codec {
  public init() {}

  public let mediaTypes = [
    "application/jsonlines", "application/x-jsonlines", "application/jsonl", "application/x-ndjson",
  ]
  public var summary: String {
    "One row a line: an array of values, {\"features\": [...]}, or an object keyed by column or input name."
  }
  public var canDecode: Bool { true }
  public var canEncode: Bool { true }
  public var encodesFirstOutputOnly: Bool { false }
  public var encodesRows: Bool { true }

  public func decode(
    _ body: UnsafeRawBufferPointer, for layout: InputLayout, limits: CodecLimits
  ) throws(ServingError) -> DecodedRequest {
    guard let start = body.baseAddress, !body.isEmpty else { throw .emptyBody }
    if body.starts(with: [0xEF, 0xBB, 0xBF]) { throw .byteOrderMark }
    let bytes = start.assumingMemoryBound(to: UInt8.self)
    var end = body.count
    while end > 0, bytes[end - 1] <= 0x20 { end -= 1 }
    if end == 0 { throw .emptyBody }
    var rows = try JSONRows(
      layout, JSONReader(bytes, 0..<end, maximumDepth: limits.depth), path: JSONPath(base: "line", isLines: true))
    var at = 0
    while at < end {
      var stop = at
      while stop < end, bytes[stop] != 0x0A { stop += 1 }
      rows.reader = JSONReader(bytes, at..<stop, maximumDepth: limits.depth)
      rows.reader.skipBlanks()
      if rows.reader.next == nil {
        throw ServingError(
          .malformedBody, "Line \(rows.rows + 1) is blank; every line is one JSON value.",
          field: "line \(rows.rows + 1)",
          expected: "a JSON value", got: "a blank line")
      }
      try rows.readRow()
      try rows.reader.finish()
      at = stop + 1
    }
    return DecodedRequest(inputs: try rows.finish())
  }

  public func encode(_ answer: Answer, into sink: inout ByteSink) throws(ServingError) {
    let hasRows = answer.hasRows
    for row in 0..<answer.entryCount {
      JSONWriter.writeEntry(answer, hasRows ? row : nil, into: &sink)
      sink.append(0x0A)
    }
  }

  public func sample(for layout: InputLayout) -> [UInt8]? {
    var sink = ByteSink()
    guard SampleBody.appendRow(layout, into: &sink) else { return nil }
    sink.append(0x0A)
    return sink.finish()
  }
}
