import TensorCore

extension CSVReader {
  /// The body's column for messages: 1-based, with the model's name for it.
  func columnText(_ field: Int) -> String {
    if map.isEmpty { return layout.columnText(field) }
    guard let column = map[field], let names = layout.columnNames else { return "column \(field + 1)" }
    return "column \(field + 1) (\(names[column]))"
  }

  func failure(
    _ code: ServingError.Code, _ field: Int, _ what: String, expected: String, got: String
  ) -> ServingError {
    let place = "row \(rows + 1), \(columnText(field))"
    return ServingError(
      code, "Row \(rows + 1), \(columnText(field)) \(what). Rows and columns count from 1.", field: place,
      expected: expected, got: got)
  }

  @inline(never)
  func refused(_ token: DecimalToken, _ problem: StoreProblem, _ field: Int) -> ServingError {
    let text = String(
      decoding: UnsafeBufferPointer(start: bytes + token.start, count: min(40, token.end - token.start)), as: UTF8.self)
    let column = map.isEmpty ? field : map[field] ?? 0
    return problem.error(
      text, layout.column(column).dtype, field: "row \(rows + 1), \(columnText(field))", position: "byte \(token.start)"
    )
  }

  /// Why the field that begins at `start` could not be read as column `field` of a row.
  @inline(never)
  func unread(_ field: Int, _ start: Int) throws(ServingError) -> ServingError {
    let lineStart = start - distanceToLineStart(start)
    let count = try countFields(at: lineStart)
    let stop = try fieldEnd(start)
    let isBlankLine = count == 1 && stop == lineStart
    if isBlankLine {
      return ServingError(
        .malformedBody, "Row \(rows + 1) is a blank line (byte \(lineStart)).", field: "row \(rows + 1)",
        expected: "\(width) columns", got: "a blank line")
    }
    let raw = UnsafeBufferPointer(start: bytes + start, count: min(stop - start, 40))
    let shown = String(decoding: raw, as: UTF8.self)
    if count != width {
      let remedy =
        count == 1 && shown.contains(where: { ";\t|".contains($0) }) ? " Columns are separated by commas." : ""
      return ServingError(
        .shapeMismatch, "Row \(rows + 1) has \(count) columns; the model takes \(width).\(remedy)",
        field: "row \(rows + 1)", expected: "\(width) columns", got: "\(count) columns")
    }
    if stop == start {
      return failure(
        .invalidValue, field, "is empty; missing values cannot be sent as empty fields", expected: "a number",
        got: "an empty field")
    }
    let column = map.isEmpty ? field : map[field] ?? 0
    let dtype = layout.column(column).dtype
    let wanted = dtype == .bool ? "true, false, 0 or 1" : "a number (\(dtype))"
    let header =
      rows == 0 && map.isEmpty
      ? layout.columnNames.map {
        ". A header row must name the model's columns: \($0.prefix(20).joined(separator: ", "))"
      }
        ?? ". The model has no column names: send no header row" : ""
    return failure(.invalidValue, field, "must be \(wanted), not '\(shown)'\(header)", expected: wanted, got: shown)
  }

  private func distanceToLineStart(_ start: Int) -> Int {
    var i = start
    var inQuotes = false
    while i > 0 {
      let byte = bytes[i - 1]
      if byte == UInt8(ascii: "\"") { inQuotes.toggle() }
      if byte == 0x0A, !inQuotes { break }
      i -= 1
    }
    return start - i
  }
}
