import TensorCore

/// Fills a model's inputs from JSON values: rows of several forms, or whole tensors.
struct JSONRows {
  let layout: InputLayout
  var reader: JSONReader
  /// One target an input, in signature order.
  private(set) var targets: [JSONTensorTarget]
  /// Rows read so far; nil once whole tensors were read.
  private(set) var rows = 0
  private var isRowForm = false
  private var path: JSONPath
  /// For row objects: the last row (counted from 1) in which a column or an input was seen.
  private var columnSeen: [Int] = []
  private var inputSeen: [Int]
  private var columnsFilled: [Int]
  /// The first data frame record's names, where the model has none.
  private var learned: [String: Int] = [:]

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

  private var place: String { path.text(CollectionOfOne(rows)) }

  private mutating func readRowArray(_ columns: Columns) throws(ServingError) {
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
  private mutating func readBareRow() throws(ServingError) {
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
  private mutating func readOneElementRow(_ i: Int) throws(ServingError) {
    if targets[i].builder.count != rows { throw unevenRows(i) }
    targets[i].indices[0] = rows
    try targets[i].readScalar(&reader, at: rows, 1)
    closeColumns(i)
  }

  /// Reads the scalar at the cursor into column `i` of the current row.
  @inline(__always)
  private mutating func readColumn(_ i: Int) throws(ServingError) {
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
  private mutating func closeColumns(_ i: Int) {
    let width = layout.inputs[i].rowWidth ?? 1
    targets[i].setFlatRows(width)
    targets[i].builder.count = (rows + 1) * width
    targets[i].filledRows += 1
  }

  private func unevenRows(_ i: Int) -> ServingError {
    ServingError(.shapeMismatch, "\(place): earlier rows gave input \(targets[i].name) in another shape.", field: place)
  }

  /// The error of a scalar, with the column's name for its index.
  @inline(never)
  private func named(_ error: ServingError, _ column: Int) -> ServingError {
    guard let names = layout.columnNames, let field = error.field else { return error }
    var error = error
    let name = place + "." + names[column]
    if error.message.hasPrefix(field) { error.message = name + error.message.dropFirst(field.count) }
    error.field = name
    return error
  }
}

// MARK: - Row objects

extension JSONRows {
  private mutating func readRowObject(_ columns: Columns) throws(ServingError) {
    try reader.open()
    var dropped: Set<String> = []
    var expected = 0
    let row = rows + 1
    var isPositional = false
    for i in columnsFilled.indices { columnsFilled[i] = 0 }
    if reader.next == UInt8(ascii: "}") {
      reader.close()
    } else {
      repeat {
        let start = reader.at
        let key = try reader.key()
        if let column = try column(key, expected: expected, columns), takesScalar(column) {
          if columnSeen.isEmpty { columnSeen = [Int](repeating: 0, count: layout.width ?? 0) }
          if columnSeen[column] == row { throw reader.duplicate(key.text(reader), at: start) }
          columnSeen[column] = row
          expected = column + 1
          try readColumn(column)
          columnsFilled[layout.column(column).input] += 1
          continue
        }
        let name = key.text(reader)
        if let i = layout.position(ofInput: name) {
          if inputSeen[i] == row { throw reader.duplicate(name, at: start) }
          inputSeen[i] = row
          _ = try layout.builder(i)
          if layout.inputs[i].rowWidth == 1, reader.next != UInt8(ascii: "[") {
            try readOneElementRow(i)
          } else {
            targets[i].indices[0] = rows
            try targets[i].read(&reader, level: 1)
            targets[i].filledRows += 1
          }
        } else if name == "features" || name == "data" {
          if isPositional { throw reader.duplicate(name, at: start) }
          isPositional = true
          try readFeatures(name)
        } else if columns.isDataframe {
          if !dropped.insert(name).inserted { throw reader.duplicate(name, at: start) }
          try reader.skipValue()
        } else {
          throw unknown(name, start)
        }
      } while try reader.another(UInt8(ascii: "}"))
    }
    try closeRowObject(row, isPositional)
  }

  /// True when the value at the cursor is meant for `column`, and not an array for the input of the column's name.
  private func takesScalar(_ column: Int) -> Bool {
    guard reader.next == UInt8(ascii: "["), let names = layout.columnNames else { return true }
    return layout.position(ofInput: names[column]) == nil
  }

  private mutating func closeRowObject(_ row: Int, _ isPositional: Bool) throws(ServingError) {
    for i in layout.inputs.indices {
      let isWhole = inputSeen[i] == row
      let filled = columnsFilled[i]
      if isPositional {
        if isWhole || filled > 0 {
          throw ServingError(.badRequest, "\(place) gives input \(targets[i].name) twice.", field: place)
        }
        continue
      }
      if isWhole, filled > 0 {
        throw ServingError(.badRequest, "\(place) gives input \(targets[i].name) twice.", field: place)
      }
      if isWhole { continue }
      if filled == 0, !layout.inputs[i].isRequired { continue }
      if filled == 0 || filled != layout.inputs[i].rowWidth { throw missing(i, row) }
      closeColumns(i)
    }
  }

  /// `features` of a row, an array; or `data`, SageMaker's long form `{"features": {"values": [...]}}`.
  private mutating func readFeatures(_ name: String) throws(ServingError) {
    if name == "features" {
      guard reader.next == UInt8(ascii: "[") else { throw wrongFeatures("\(place).features", "an array of values") }
      return try readRowArray(Columns())
    }
    try enterOnly("features", "\(place).data")
    try enterOnly("values", "\(place).data.features")
    guard reader.next == UInt8(ascii: "[") else {
      throw wrongFeatures("\(place).data.features.values", "an array of values")
    }
    try readRowArray(Columns())
    try closeOnly()
    try closeOnly()
  }

  private mutating func closeOnly() throws(ServingError) {
    if try reader.another(UInt8(ascii: "}")) {
      throw reader.malformed("only dense values are understood here; unexpected key")
    }
  }

  /// Reads the value of a top-level `data` key as one row.
  mutating func readDataRow() throws(ServingError) {
    isRowForm = true
    try readFeatures("data")
    rows += 1
  }

  private mutating func enterOnly(_ name: String, _ place: String) throws(ServingError) {
    guard reader.next == UInt8(ascii: "{") else { throw wrongFeatures(place, "an object with \"\(name)\"") }
    try reader.open()
    let start = reader.at
    let found = try reader.key().text(reader)
    guard found == name else {
      throw ServingError(
        .unknownField,
        "\(place) has key \"\(found.prefix(40))\" at \(reader.position(start)); only \"\(name)\" is understood.",
        field: place, expected: name, got: String(found.prefix(40)))
    }
  }

  private func wrongFeatures(_ place: String, _ expected: String) -> ServingError {
    ServingError(
      .malformedBody, "\(place) must be \(expected), at \(reader.position(reader.at)).", field: place,
      expected: expected)
  }

  /// The model's column that `key` names, tried first where the body's order suggests it.
  @inline(__always)
  private mutating func column(_ key: JSONKey, expected: Int, _ columns: Columns) throws(ServingError) -> Int? {
    let names = layout.columnBytes
    if expected < names.count, key.matches(names[expected], reader) { return expected }
    return try column(named: key.text(reader), columns)
  }

  @inline(never)
  private mutating func column(named name: String, _ columns: Columns) throws(ServingError) -> Int? {
    if layout.columnNames != nil { return layout.columnIndex[name] }
    guard columns.isDataframe, let width = layout.width, layout.position(ofInput: name) == nil else { return nil }
    if let known = learned[name] { return known }
    if rows > 0 { return nil }
    if learned.count == width {
      throw ServingError(
        .shapeMismatch, "\(place) has more than \(width) columns, at \(reader.position(reader.at)).", field: place,
        expected: "\(width) columns", got: "more")
    }
    learned[name] = learned.count
    return learned.count - 1
  }

  private func unknown(_ name: String, _ at: Int) -> ServingError {
    let known = layout.columnNames ?? layout.inputs.map(\.name)
    let list = known.prefix(20).joined(separator: ", ") + (known.count > 20 ? ", …" : "")
    return ServingError(
      .unknownField,
      "\(place) has key \"\(name.prefix(40))\", which is neither a column nor an input of the model, at \(reader.position(at)).",
      field: "\(place).\(name.prefix(40))", expected: list + ", or \"features\"", got: String(name.prefix(40)))
  }

  private func missing(_ i: Int, _ row: Int) -> ServingError {
    if columnsFilled[i] > 0 || (layout.columnNames != nil && layout.single == i),
      let names = layout.columnNames,
      let column = names.indices.first(where: {
        layout.column($0).input == i && (columnSeen.isEmpty || columnSeen[$0] != row)
      })
    {
      return ServingError(
        .missingField, "\(place) has no value for column \(names[column]).", field: "\(place).\(names[column])",
        expected: names[column])
    }
    return ServingError(
      .missingField, "\(place) has no value for input \(targets[i].name).", field: "\(place).\(targets[i].name)",
      expected: targets[i].name)
  }
}
