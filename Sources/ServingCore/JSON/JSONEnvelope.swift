/// The forms of a whole JSON request body.
///
/// | Body | Read as |
/// |---|---|
/// | `{"instances": [row, ...]}`, `[row, ...]` | rows |
/// | `{"features": [[...], ...]}`, `{"features": [...]}` | rows; one row |
/// | `{"inputs": tensor}` | the sole input |
/// | `{"inputs": {name: tensor}}` | named inputs; the answer is `{"outputs": ...}` |
/// | `{name: tensor, ...}` | named inputs |
/// | `{"dataframe_split": {"columns", "data", "index"?}}` | rows, columns by name where the model has names |
/// | `{"dataframe_records": [{column: value}]}` | rows, likewise |
///
/// A row is an array of values, `{"features": [...]}`, `{"data": {"features": {"values": [...]}}}`, an object keyed by
/// column name, or an object keyed by input name. A flat list of numbers is not taken for a row: `[5.1, 3.5]` could be one
/// row of two columns or two rows of one, so it is refused unless the model's rows are one value. TensorFlow Serving's
/// `signature_name` is passed over; any other key is an error.
struct JSONEnvelope {
  var rows: JSONRows
  private var isNamed = false

  static let keys = ["instances", "inputs", "features", "dataframe_split", "dataframe_records"]

  static func decode(
    _ body: UnsafeRawBufferPointer, _ layout: InputLayout, _ limits: CodecLimits
  ) throws(ServingError) -> DecodedRequest {
    guard let base = body.baseAddress, !body.isEmpty else { throw .emptyBody }
    if body.starts(with: [0xEF, 0xBB, 0xBF]) { throw .byteOrderMark }
    var reader = JSONReader(
      base.assumingMemoryBound(to: UInt8.self), 0..<body.count, maximumDepth: limits.depth)
    reader.skipBlanks()
    if reader.next == nil { throw .emptyBody }
    var envelope = JSONEnvelope(rows: try JSONRows(layout, reader, path: JSONPath(base: "")))
    try envelope.read()
    try envelope.rows.reader.finish()
    return DecodedRequest(inputs: try envelope.rows.finish(), isNamed: envelope.isNamed)
  }

  private init(rows: JSONRows) { self.rows = rows }

  private var layout: InputLayout { rows.layout }

  private mutating func read() throws(ServingError) {
    switch rows.reader.next {
    case UInt8(ascii: "["): try rows.readRows()
    case UInt8(ascii: "{"): try readObject()
    default:
      let position = rows.reader.position(rows.reader.at)
      try rows.reader.skipValue()
      throw ServingError(
        .malformedBody, "The body must be a JSON object or array, at \(position).", field: position,
        expected: "an object or an array")
    }
  }

  private mutating func readObject() throws(ServingError) {
    try rows.reader.open()
    var seen: [String] = []
    var envelope: String?
    if rows.reader.next == UInt8(ascii: "}") {
      rows.reader.close()
    } else {
      repeat {
        let start = rows.reader.at
        let name = try rows.reader.key().text(rows.reader)
        if seen.contains(name) { throw rows.reader.duplicate(name, at: start) }
        seen.append(name)
        if name == "signature_name", layout.position(ofInput: name) == nil {
          _ = try rows.reader.stringToken(orThrow: "signature_name must be a string")
          continue
        }
        let isInput =
          layout.position(ofInput: name) != nil && (layout.inputs.count > 1 || !JSONEnvelope.keys.contains(name))
        if !isInput, !JSONEnvelope.keys.contains(name), name != "data" { throw unknown(name, start) }
        let form = isInput ? "an input by name" : name
        if let envelope, envelope != form {
          throw ServingError(
            .badRequest, "The body has both \(quoted(envelope)) and \(quoted(form)); send one of them.", field: name)
        }
        envelope = form
        if isInput, let i = layout.position(ofInput: name) {
          rows.enter(name)
          try rows.readTensor(i)
        } else {
          try readForm(name, start)
        }
      } while try rows.reader.another(UInt8(ascii: "}"))
    }
    if envelope == nil {
      throw ServingError(
        .missingField, "The body has none of the keys that carry input.", expected: accepted, got: "no input")
    }
  }

  private func quoted(_ form: String) -> String { form.contains(" ") ? form : "\"\(form)\"" }

  private var accepted: String {
    (JSONEnvelope.keys.map { "\"\($0)\"" } + layout.inputs.prefix(20).map { "\"\($0.name)\"" }).joined(separator: ", ")
  }

  private mutating func readForm(_ name: String, _ start: Int) throws(ServingError) {
    rows.enter(name)
    switch name {
    case "instances": try rows.readRows()
    case "inputs": try readInputs()
    case "features": try readFeatures()
    case "data": try rows.readDataRow()
    case "dataframe_records": try rows.readRows(JSONRows.Columns(isDataframe: true))
    case "dataframe_split": try readSplit()
    default: throw unknown(name, start)
    }
  }

  private func unknown(_ name: String, _ start: Int) -> ServingError {
    ServingError(
      .unknownField,
      "The body has key \"\(name.prefix(40))\" at \(rows.reader.position(start)), which is not understood.",
      field: String(name.prefix(40)), expected: accepted, got: String(name.prefix(40)))
  }

  private mutating func readInputs() throws(ServingError) {
    guard rows.reader.next == UInt8(ascii: "{") else {
      guard let single = layout.single else {
        throw ServingError(
          .shapeMismatch, "The model has several inputs; send {\"inputs\": {name: tensor}} with \(layout.inputNames).",
          field: "inputs", expected: layout.inputNames)
      }
      return try rows.readTensor(single)
    }
    isNamed = true
    try rows.reader.open()
    if rows.reader.next == UInt8(ascii: "}") { return rows.reader.close() }
    var seen: Set<String> = []
    repeat {
      let start = rows.reader.at
      let name = try rows.reader.key().text(rows.reader)
      if !seen.insert(name).inserted { throw rows.reader.duplicate(name, at: start) }
      guard let i = layout.position(ofInput: name) else {
        throw ServingError(
          .unknownField, "The model has no input \"\(name.prefix(40))\"; its inputs are \(layout.inputNames).",
          field: "inputs.\(name.prefix(40))", expected: layout.inputNames, got: String(name.prefix(40)))
      }
      rows.enter("inputs.\(name)")
      try rows.readTensor(i)
    } while try rows.reader.another(UInt8(ascii: "}"))
  }

  /// Rows when the first element is an array or object, else one row.
  private mutating func readFeatures() throws(ServingError) {
    var ahead = rows.reader
    guard ahead.next == UInt8(ascii: "[") else { return try rows.readRow() }
    try ahead.open()
    switch ahead.next {
    case UInt8(ascii: "["), UInt8(ascii: "{"), UInt8(ascii: "]"): try rows.readRows()
    default: try rows.readRow()
    }
  }
}

extension ServingError {
  static var emptyBody: ServingError {
    ServingError(.emptyBody, "The body is empty; send at least one row.", expected: "at least 1 row", got: "0 bytes")
  }

  static var byteOrderMark: ServingError {
    ServingError(
      .malformedBody, "The body begins with a byte order mark; send plain UTF-8 without one.", field: "byte 0",
      got: "byte order mark")
  }
}

extension JSONReader {
  /// A string token, or `message` as a malformed body.
  mutating func stringToken(orThrow message: String) throws(ServingError) -> JSONKey {
    guard next == UInt8(ascii: "\"") else { throw malformed(message) }
    return try stringToken()
  }
}
