import TensorCore

/// Fills a model's inputs from JSON values: rows of several forms, or whole tensors.
struct JSONRows {
  let layout: InputLayout
  var reader: JSONReader
  /// One target an input, in signature order.
  var targets: [JSONTensorTarget]
  /// Rows read so far; nil once whole tensors were read.
  var rows = 0
  var isRowForm = false
  var path: JSONPath
  /// For row objects: the last row (counted from 1) in which a column or an input was seen.
  var columnSeen: [Int] = []
  var inputSeen: [Int]
  var columnsFilled: [Int]
  /// The first data frame record's names, where the model has none.
  var learned: [String: Int] = [:]

  init(_ layout: InputLayout, _ reader: JSONReader, path: JSONPath) throws(ServingError) {
    self.layout = layout
    self.reader = reader
    self.path = path
    targets = layout.inputs.map { JSONTensorTarget($0, path: path) }
    inputSeen = [Int](repeating: 0, count: layout.inputs.count)
    columnsFilled = inputSeen
    for i in layout.required { _ = try layout.builder(i) }
  }

  /// Names the part of the body that is read next.
  mutating func enter(_ base: String) {
    path = JSONPath(base: base)
    for i in targets.indices { targets[i].path = path }
  }

  /// The inputs, checked against the signature.
  consuming func finish() throws(ServingError) -> [Value?] {
    var values: [Value?] = []
    values.reserveCapacity(targets.count)
    for i in targets.indices {
      if isRowForm, targets[i].filledRows != 0, targets[i].filledRows != rows {
        throw ServingError(
          .missingField,
          "Input \(targets[i].name) is given in \(targets[i].filledRows) of \(rows) rows; give it in all.",
          field: targets[i].name)
      }
      guard let shape = targets[i].shape(rows: isRowForm ? rows : nil) else {
        values.append(nil)
        continue
      }
      guard let fitting = layout.inputs[i].fitting(shape) else { throw layout.inputs[i].mismatch(shape, field: nil) }
      values.append(.tensor(try targets[i].builder.finish(Shape(fitting))))
    }
    return try layout.checked(values)
  }

  /// Reads a whole tensor for input `i`.
  mutating func readTensor(_ i: Int) throws(ServingError) {
    _ = try layout.builder(i)
    try targets[i].read(&reader, level: 0)
  }
}

// MARK: - Rows

extension JSONRows {
  /// How rows name their columns.
  struct Columns {
    /// The model's column for each column of the body; nil is dropped. Empty when the body's columns are the model's.
    var map: [Int?] = []
    /// True for data frame records: names that the model does not know are passed over, and where the model has no
    /// names the first record's order tells the columns.
    var isDataframe = false
  }

  /// Reads an array of rows at the cursor.
  mutating func readRows(_ columns: Columns = Columns()) throws(ServingError) {
    guard reader.next == UInt8(ascii: "[") else {
      throw ServingError(
        .malformedBody, "\(path.base) must be an array of rows, at \(reader.position(reader.at)).", field: path.base,
        expected: "an array of rows")
    }
    try reader.open()
    if reader.next == UInt8(ascii: "]") {
      throw ServingError(
        .shapeMismatch, "The body has no rows; send at least one.", field: path.base, expected: "at least 1 row",
        got: "0 rows")
    }
    repeat { try readRow(columns) } while try reader.another(UInt8(ascii: "]"))
  }

  /// Reads the row at the cursor, whatever its form.
  mutating func readRow(_ columns: Columns = Columns()) throws(ServingError) {
    isRowForm = true
    switch reader.next {
    case UInt8(ascii: "{"): try readRowObject(columns)
    case UInt8(ascii: "["): try readRowArray(columns)
    default: try readBareRow()
    }
    rows += 1
  }

  var place: String { path.text(CollectionOfOne(rows)) }

  mutating func readRowArray(_ columns: Columns) throws(ServingError) {
    if columns.map.isEmpty, let single = layout.single {
      targets[single].indices[0] = rows
      targets[single].filledRows += 1
      return try targets[single].read(&reader, level: 1)
    }
    guard let width = layout.width else {
      throw ServingError(
        .shapeMismatch,
        "\(place): the model has inputs of free extents; send objects keyed by input name (\(layout.inputNames)).",
        field: place)
    }
    let expected = columns.map.isEmpty ? width : columns.map.count
    try reader.open()
    var count = 0
    if reader.next == UInt8(ascii: "]") {
      reader.close()
    } else {
      repeat {
        if count >= expected {
          try reader.skipValue()
        } else if columns.map.isEmpty {
          try readColumn(count)
        } else if let column = columns.map[count] {
          try readColumn(column)
        } else {
          try reader.skipValue()
        }
        count += 1
      } while try reader.another(UInt8(ascii: "]"))
    }
    if count != expected {
      throw ServingError(
        .shapeMismatch,
        "\(place) has \(count) values where \(expected) are expected, at \(reader.position(reader.at - 1)).",
        field: place, expected: "\(expected) values", got: "\(count) values")
    }
    for i in layout.required { closeColumns(i) }
  }

  /// A scalar in place of a row: right only where a row is one element.
  mutating func readBareRow() throws(ServingError) {
    guard let single = layout.single, layout.inputs[single].rowWidth == 1 else {
      let position = reader.position(reader.at)
      let width = layout.width.map { "\($0) values" } ?? "values"
      try reader.skipValue()
      throw ServingError(
        .shapeMismatch,
        "\(place) must be a row, an array of \(width) or an object, at \(position); a single row is a list inside a list.",
        field: place, expected: "a row of \(width)", got: "a single value")
    }
    try readOneElementRow(single)
  }

  /// Reads the scalar at the cursor as the current row of input `i`, whose rows are one element.
  mutating func readOneElementRow(_ i: Int) throws(ServingError) {
    if targets[i].builder.count != rows { throw unevenRows(i) }
    targets[i].indices[0] = rows
    try targets[i].readScalar(&reader, at: rows, 1)
    closeColumns(i)
  }

  /// Reads the scalar at the cursor into column `i` of the current row.
  @inline(__always)
  mutating func readColumn(_ i: Int) throws(ServingError) {
    let column = layout.column(i)
    let width = layout.inputs[column.input].rowWidth ?? 1
    let first = rows * width
    if targets[column.input].builder.count < first { throw unevenRows(column.input) }
    targets[column.input].indices[0] = rows
    targets[column.input].indices[1] = i
    do {
      try targets[column.input].readScalar(&reader, at: first + column.offset, 2)
    } catch {
      throw named(error, i)
    }
  }

  /// Completes input `i` after its columns of the current row were filled.
  mutating func closeColumns(_ i: Int) {
    let width = layout.inputs[i].rowWidth ?? 1
    targets[i].setFlatRows(width)
    targets[i].builder.count = (rows + 1) * width
    targets[i].filledRows += 1
  }

  func unevenRows(_ i: Int) -> ServingError {
    ServingError(.shapeMismatch, "\(place): earlier rows gave input \(targets[i].name) in another shape.", field: place)
  }

  /// The error of a scalar, with the column's name for its index.
  @inline(never)
  func named(_ error: ServingError, _ column: Int) -> ServingError {
    guard let names = layout.columnNames, let field = error.field else { return error }
    var error = error
    let name = place + "." + names[column]
    if error.message.hasPrefix(field) { error.message = name + error.message.dropFirst(field.count) }
    error.field = name
    return error
  }
}
