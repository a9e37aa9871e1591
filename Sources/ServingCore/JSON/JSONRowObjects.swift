/// Rows written as objects: keyed by column, keyed by input, or SageMaker's `features` and `data` forms.
extension JSONRows {
  mutating func readRowObject(_ columns: Columns) throws(ServingError) {
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
