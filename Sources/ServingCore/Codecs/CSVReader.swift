import TensorCore

/// Reads CSV rows straight into a model's inputs.
struct CSVReader {
  let bytes: UnsafePointer<UInt8>
  let end: Int
  let layout: InputLayout
  var at = 0
  /// Columns of a row of the body.
  var width = 0
  /// The model's column for each of the body's; empty when they are the same.
  var map: [Int?] = []
  var rows = 0
  var builders: [TensorBuilder]
  /// Elements of a row, by input.
  var widths: [Int]

  init(_ bytes: UnsafePointer<UInt8>, _ count: Int, _ layout: InputLayout) throws(ServingError) {
    self.bytes = bytes
    self.layout = layout
    var end = count
    while end > 0, bytes[end - 1] == 0x0A || bytes[end - 1] == 0x0D { end -= 1 }
    self.end = end
    builders = []
    builders.reserveCapacity(layout.inputs.count)
    for i in layout.inputs.indices {
      builders.append(layout.inputs[i].isRequired ? try layout.builder(i) : TensorBuilder(.float32))
    }
    widths = layout.inputs.map { $0.rowWidth ?? 0 }
  }

  mutating func read() throws(ServingError) -> [Value?] {
    if end == 0 { throw .emptyBody }
    try settleWidth()
    reserve()
    let single = layout.single
    if map.isEmpty, let single, layout.inputs[single].dtype == .float32 {
      try readFloats(single)
    }
    while at < end { try readRow() }
    return try finish()
  }

  mutating func finish() throws(ServingError) -> [Value?] {
    var values = [Value?](repeating: nil, count: builders.count)
    for i in layout.required {
      builders[i].count = rows * widths[i]
      guard
        let shape = layout.inputs[i].fitting([rows, widths[i]])
          ?? layout.inputs[i].fitting(rows: rows, ofWidth: widths[i])
      else {
        throw layout.inputs[i].mismatch([rows, widths[i]], field: nil)
      }
      values[i] = .tensor(try builders[i].finish(Shape(shape)))
    }
    return try layout.checked(values)
  }

  /// Finds the width of rows: the model's, or for a sole input of free width that of the first line; takes the header.
  mutating func settleWidth() throws(ServingError) {
    if let modelWidth = layout.width {
      width = modelWidth
      try readHeader()
      return
    }
    let dims = layout.single.map { layout.inputs[$0].dims ?? [nil, nil] } ?? []
    guard let single = layout.single, dims.dropFirst().filter({ $0 == nil }).count == 1 else {
      throw ServingError(
        .badRequest,
        "The model's inputs (\(layout.inputNames)) have free extents that rows of text/csv cannot tell; send application/json with {\"inputs\": {name: tensor}}.",
        expected: "application/json")
    }
    width = try countFields(at: 0)
    widths[single] = width
  }

  /// Room for every row that the body can hold: a field takes at least a byte and a separator.
  mutating func reserve() {
    var lines = 1
    for i in at..<end where bytes[i] == 0x0A { lines += 1 }
    let bound = min(lines, (end - at + 1) / (2 * max(width, 1)) + 1)
    for i in layout.required { builders[i].reserveExactly(bound * widths[i]) }
  }
}

// MARK: - Rows

extension CSVReader {
  /// The hot case: every column a float of one input. Stops before a row with quotes, which `readRow` knows.
  mutating func readFloats(_ input: Int) throws(ServingError) {
    let width = self.width
    let last = width &- 1
    var token = DecimalToken()
    var i = at
    while i < end {
      builders[input].count = rows &* width
      builders[input].reserve(width)
      at = i
      var target = builders[input].slot(rows &* width).assumingMemoryBound(to: Float.self)
      for column in 0..<width {
        while i < end, bytes[i] == 0x20 || bytes[i] == 0x09 { i &+= 1 }
        let start = i
        guard token.scan(bytes, from: i, to: end, grammar: .relaxed) == nil else {
          if i < end, bytes[i] == UInt8(ascii: "\"") { return }
          throw try unread(column, start)
        }
        i = token.end
        while i < end, bytes[i] == 0x20 || bytes[i] == 0x09 { i &+= 1 }
        if column < last {
          guard i < end, bytes[i] == UInt8(ascii: ",") else { throw try unread(column, start) }
          i &+= 1
        } else if i < end {
          guard let next = lineEnd(i) else { throw try unread(column, start) }
          i = next
        }
        let value = token.float(bytes)
        if !value.isFinite { throw refused(token, .outOfRange, column) }
        target.pointee = value
        target += 1
      }
      rows &+= 1
    }
    at = i
  }

  /// One row of any types, in any order.
  mutating func readRow() throws(ServingError) {
    for i in layout.required {
      builders[i].count = rows &* widths[i]
      builders[i].reserve(widths[i])
    }
    for column in 0..<width {
      let start = at
      if map.isEmpty {
        try readField(column, to: column)
      } else {
        try readField(column, to: map[column])
      }
      if column < width &- 1 {
        guard at < end, bytes[at] == UInt8(ascii: ",") else { throw try unread(column, start) }
        at &+= 1
      } else if at < end {
        guard let next = lineEnd(at) else { throw try unread(column, start) }
        at = next
      }
    }
    rows &+= 1
  }

  /// The offset behind the line break at `i`, or nil when there is none.
  @inline(__always)
  func lineEnd(_ i: Int) -> Int? {
    if bytes[i] == 0x0A { return i &+ 1 }
    if bytes[i] == 0x0D, i &+ 1 < end, bytes[i &+ 1] == 0x0A { return i &+ 2 }
    return nil
  }

  /// Reads the field at the cursor into the model's column; a nil column is passed over.
  mutating func readField(_ field: Int, to column: Int?) throws(ServingError) {
    guard let column else {
      at = try fieldEnd(at)
      return
    }
    let start = at
    let place = layout.column(column)
    let index = rows &* widths[place.input] &+ place.offset
    if place.dtype == .string {
      let text = try text(field)
      builders[place.input].setString(text, at: index)
      return
    }
    let isQuoted = at < end && bytes[at] == UInt8(ascii: "\"")
    if isQuoted { at &+= 1 }
    while at < end, bytes[at] == 0x20 || bytes[at] == 0x09 { at &+= 1 }
    var token = DecimalToken()
    if token.scan(bytes, from: at, to: end, grammar: .relaxed) == nil {
      at = token.end
      if let problem = token.store(bytes, as: place.dtype, at: builders[place.input].slot(index)) {
        throw refused(token, problem, field)
      }
    } else if place.dtype == .bool, let value = takeBoolean() {
      builders[place.input].slot(index).storeBytes(of: value, as: Bool.self)
    } else {
      throw try unread(field, start)
    }
    while at < end, bytes[at] == 0x20 || bytes[at] == 0x09 { at &+= 1 }
    if isQuoted {
      guard at < end, bytes[at] == UInt8(ascii: "\"") else { throw try unread(field, start) }
      at &+= 1
    }
  }

  /// `true` or `false`, in the spellings of JSON, Python and spreadsheets.
  mutating func takeBoolean() -> Bool? {
    for (word, value) in [("true", true), ("false", false)] as [(StaticString, Bool)] {
      let length = word.utf8CodeUnitCount
      if end - at >= length, (0..<length).allSatisfy({ bytes[at + $0] | 0x20 == word.utf8Start[$0] }) {
        at += length
        return value
      }
    }
    return nil
  }

  /// The text of the field at the cursor, quotes removed.
  mutating func text(_ field: Int) throws(ServingError) -> String {
    let start = at
    let stop = try fieldEnd(start)
    at = stop
    if stop == start {
      throw failure(
        .invalidValue, field, "is empty; write \"\" for an empty string", expected: "a string", got: "an empty field")
    }
    let isQuoted = bytes[start] == UInt8(ascii: "\"")
    let raw = UnsafeBufferPointer(
      start: bytes + start + (isQuoted ? 1 : 0), count: stop - start - (isQuoted ? 2 : 0))
    let text: String?
    if isQuoted, raw.contains(UInt8(ascii: "\"")) {
      var content: [UInt8] = []
      var skip = false
      for byte in raw {
        if byte == UInt8(ascii: "\""), !skip {
          skip = true
          continue
        }
        skip = false
        content.append(byte)
      }
      text = String(validating: content, as: UTF8.self)
    } else {
      text = String(validating: raw, as: UTF8.self)
    }
    guard let text else {
      throw failure(.invalidValue, field, "is not valid UTF-8", expected: "UTF-8 text", got: "other bytes")
    }
    return text
  }

  /// The offset behind the field at `start`: at a comma, a line break or the end.
  func fieldEnd(_ start: Int) throws(ServingError) -> Int {
    var i = start
    guard i < end, bytes[i] == UInt8(ascii: "\"") else {
      while i < end, bytes[i] != UInt8(ascii: ","), lineEnd(i) == nil {
        if bytes[i] == UInt8(ascii: "\"") {
          throw ServingError(
            .malformedBody, "Row \(rows + 1) (byte \(i)): a quote stands inside a field that is not quoted.",
            field: "row \(rows + 1)")
        }
        i += 1
      }
      return i
    }
    i += 1
    while i < end {
      if bytes[i] == UInt8(ascii: "\"") {
        if i + 1 < end, bytes[i + 1] == UInt8(ascii: "\"") {
          i += 2
          continue
        }
        i += 1
        if i == end || bytes[i] == UInt8(ascii: ",") || lineEnd(i) != nil { return i }
        throw ServingError(
          .malformedBody, "Row \(rows + 1) (byte \(i)): text follows the closing quote of a field.",
          field: "row \(rows + 1)")
      }
      i += 1
    }
    throw ServingError(
      .malformedBody, "Row \(rows + 1): the quote that opens at byte \(start) is never closed.",
      field: "row \(rows + 1)")
  }

  /// The number of fields of the line at `start`.
  func countFields(at start: Int) throws(ServingError) -> Int {
    var count = 1
    var i = try fieldEnd(start)
    while i < end, bytes[i] == UInt8(ascii: ",") {
      i = try fieldEnd(i + 1)
      count += 1
    }
    return count
  }
}

// MARK: - Header

extension CSVReader {
  /// Columns that a header may have beyond the model's.
  private static let extraColumns = 10_000

  /// Takes the first line as a header when it holds every column name of the model.
  mutating func readHeader() throws(ServingError) {
    guard let names = layout.columnNames, mayBeHeader(names) else { return }
    guard try countFields(at: 0) <= names.count + CSVReader.extraColumns else { return }
    var header: [String] = []
    var start = 0
    var after = 0
    repeat {
      at = start
      after = try fieldEnd(start)
      header.append(after == start ? "" : try text(header.count))
      start = after + 1
    } while after < end && bytes[after] == UInt8(ascii: ",")
    at = 0
    guard Set(header).isSuperset(of: names) else { return }
    map = try layout.map(header)
    width = header.count
    at = after < end ? lineEnd(after) ?? after : after
    if at >= end {
      throw ServingError(
        .shapeMismatch, "The body has a header and no rows; send at least one.", expected: "at least 1 row",
        got: "0 rows")
    }
  }

  /// A look at the first byte spares rows of numbers the search.
  func mayBeHeader(_ names: [String]) -> Bool {
    let first = bytes[0]
    if isDigit(first) || first == UInt8(ascii: "-") || first == UInt8(ascii: ".") || first == 0x20 {
      return names.contains {
        $0.utf8.first.map { isDigit($0) || $0 == UInt8(ascii: "-") || $0 == UInt8(ascii: ".") || $0 == 0x20 } ?? true
      }
    }
    return true
  }
}
