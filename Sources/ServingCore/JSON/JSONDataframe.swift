/// MLflow's `dataframe_split`.
extension JSONEnvelope {
  /// `{"columns": [...], "data": [[...]], "index"?: [...]}`, keys in any order.
  ///
  /// Where the model names its columns, those of the body are matched by name: more are dropped, missing ones are
  /// errors. Else they are taken by position.
  mutating func readSplit() throws(ServingError) {
    guard rows.reader.next == UInt8(ascii: "{") else {
      throw rows.reader.malformed("dataframe_split must be an object")
    }
    try rows.reader.open()
    var seen: Set<String> = []
    var columns: [String]?
    var dataStart: Int?
    var indexCount: Int?
    var isRead = false
    if rows.reader.next == UInt8(ascii: "}") {
      rows.reader.close()
    } else {
      repeat {
        let start = rows.reader.at
        let name = try rows.reader.key().text(rows.reader)
        if !seen.insert(name).inserted { throw rows.reader.duplicate(name, at: start) }
        switch name {
        case "columns": columns = try readNames()
        case "index": indexCount = try countEntries()
        case "data":
          if let columns {
            try readData(columns)
            isRead = true
          } else {
            dataStart = rows.reader.at
            try rows.reader.skipValue()
          }
        default:
          throw ServingError(
            .unknownField, "dataframe_split has key \"\(name.prefix(40))\", which is not understood.",
            field: "dataframe_split.\(name.prefix(40))", expected: "columns, data, index", got: String(name.prefix(40)))
        }
      } while try rows.reader.another(UInt8(ascii: "}"))
    }
    guard let columns else { throw missing("columns") }
    if !isRead {
      guard let dataStart else { throw missing("data") }
      let after = rows.reader
      rows.reader.at = dataStart
      try readData(columns)
      rows.reader = after
    }
    if let indexCount, indexCount != rows.rows {
      throw ServingError(
        .shapeMismatch, "dataframe_split.index has \(indexCount) entries for \(rows.rows) rows.",
        field: "dataframe_split.index", expected: "\(rows.rows) entries", got: "\(indexCount) entries")
    }
  }

  private func missing(_ name: String) -> ServingError {
    ServingError(
      .missingField, "dataframe_split needs \"\(name)\".", field: "dataframe_split.\(name)", expected: "columns, data")
  }

  private mutating func readData(_ names: [String]) throws(ServingError) {
    rows.enter("dataframe_split.data")
    try rows.readRows(JSONRows.Columns(map: try rows.layout.map(names)))
  }

  /// The column labels as text; pandas writes numbers for unnamed columns.
  private mutating func readNames() throws(ServingError) -> [String] {
    guard rows.reader.next == UInt8(ascii: "[") else {
      throw rows.reader.malformed("dataframe_split.columns must be an array")
    }
    try rows.reader.open()
    var names: [String] = []
    if rows.reader.next == UInt8(ascii: "]") {
      rows.reader.close()
      return names
    }
    repeat {
      if rows.reader.next == UInt8(ascii: "\"") {
        names.append(try rows.reader.stringToken().text(rows.reader))
      } else {
        let token = try rows.reader.number()
        names.append(
          String(
            decoding: UnsafeBufferPointer(start: rows.reader.bytes + token.start, count: token.end - token.start),
            as: UTF8.self))
      }
    } while try rows.reader.another(UInt8(ascii: "]"))
    return names
  }

  private mutating func countEntries() throws(ServingError) -> Int {
    guard rows.reader.next == UInt8(ascii: "[") else {
      throw rows.reader.malformed("dataframe_split.index must be an array")
    }
    try rows.reader.open()
    if rows.reader.next == UInt8(ascii: "]") {
      rows.reader.close()
      return 0
    }
    var count = 0
    repeat {
      try rows.reader.skipValue()
      count += 1
    } while try rows.reader.another(UInt8(ascii: "]"))
    return count
  }
}

extension InputLayout {
  /// The model's column for each of a body's named columns: by name where the model has names, nil for what it does not
  /// know; by position where it has none. Empty when the order is the model's own.
  func map(_ names: [String]) throws(ServingError) -> [Int?] {
    guard let columnNames else {
      if let width, width != names.count {
        throw ServingError(
          .shapeMismatch, "The body names \(names.count) columns; the model takes \(width).", field: "columns",
          expected: "\(width) columns", got: "\(names.count) columns")
      }
      return []
    }
    if names == columnNames { return [] }
    var found = [Bool](repeating: false, count: columnNames.count)
    var map: [Int?] = []
    var dropped: Set<String> = []
    for name in names {
      let column = columnIndex[name]
      let isRepeated = column.map { found[$0] } ?? !dropped.insert(name).inserted
      if isRepeated {
        throw ServingError(.malformedBody, "Column \"\(name.prefix(40))\" comes twice.", field: String(name.prefix(40)))
      }
      if let column { found[column] = true }
      map.append(column)
    }
    if let first = found.firstIndex(of: false) {
      throw ServingError(
        .missingField,
        "Column \(columnNames[first]) is missing; the model takes \(columnNames.prefix(20).joined(separator: ", ")).",
        field: columnNames[first], expected: columnNames[first])
    }
    return map
  }
}
