import TensorCore

/// Where in the body a value stands, as messages name it: `instances[2].age`, `inputs.input_ids[0][3]`, `line 4[2]`.
struct JSONPath {
  var base: String
  /// True for JSON Lines, whose outermost index is a 1-based line.
  var isLines = false

  func text(_ indices: some Collection<Int>) -> String {
    var text = base
    for (level, index) in indices.enumerated() {
      text += level == 0 && isLines ? " \(index + 1)" : "[\(index)]"
    }
    return text
  }
}

/// One input being filled from nested JSON arrays: the elements, and the shape as far as it is known.
struct JSONTensorTarget {
  let name: String
  let kind: Kind
  var builder: TensorBuilder
  var path: JSONPath
  /// The extent of each level; -1 until the first array of that level has been closed.
  private(set) var extents: [Int]
  /// The level at which scalars stand (the rank), or -1 until the first was met.
  private(set) var rank = -1
  /// Where the reader is: an index a level.
  var indices: [Int]
  /// Rows that have filled this input, in row forms.
  var filledRows = 0

  enum Kind { case number, boolean, string }

  init(_ input: InputLayout.Input, path: JSONPath) {
    name = input.name
    builder = TensorBuilder(input.dtype ?? .float32)
    self.path = path
    switch input.dtype {
    case .bool: kind = .boolean
    case .string: kind = .string
    default: kind = .number
    }
    extents = [-1, -1]
    indices = [0, 0]
    if let dims = input.dims, dims.count == 2, let width = dims[1], width > 1 {
      extents[1] = width
      rank = 2
    }
  }

  /// The shape of everything read; `rows` replaces the outermost extent in row forms. Nil when nothing was read.
  func shape(rows: Int?) -> [Int]? {
    guard rank >= 0, builder.count > 0 else { return nil }
    var shape = Array(extents.prefix(rank))
    if let rows, !shape.isEmpty { shape[0] = rows }
    return shape
  }

  /// Declares that rows are flat and `width` wide, for a row filled column by column.
  mutating func setFlatRows(_ width: Int) {
    if rank == -1 {
      rank = 2
      extents[1] = width
    }
  }

  /// Reads the value at the cursor, which stands at `level`, and everything below it.
  mutating func read(_ reader: inout JSONReader, level: Int) throws(ServingError) {
    guard reader.next == UInt8(ascii: "[") else {
      if rank != level {
        if rank >= 0 { throw expectedArray(&reader, level) }
        rank = level
      }
      try readScalar(&reader, at: builder.count, level)
      builder.count += 1
      return
    }
    if rank >= 0, level >= rank { throw unexpectedArray(reader, level) }
    try reader.open()
    if extents.count <= level {
      extents.append(-1)
      indices.append(0)
    }
    if reader.next == UInt8(ascii: "]") { throw empty(reader, level) }
    var count = 0
    repeat {
      indices[level] = count
      if reader.next == UInt8(ascii: "[") {
        try read(&reader, level: level + 1)
      } else {
        if rank != level &+ 1 {
          if rank >= 0 { throw expectedArray(&reader, level + 1) }
          rank = level + 1
        }
        try readScalar(&reader, at: builder.count, level &+ 1)
        builder.count &+= 1
        if kind == .number { count &+= readRun(&reader) }
      }
      count &+= 1
    } while try reader.another(UInt8(ascii: "]"))
    if extents[level] == -1 {
      extents[level] = count
    } else if extents[level] != count, level > 0 || extents[0] >= 0 {
      throw ragged(reader, level, count)
    }
  }

  /// Reads the numbers that follow the one before the cursor, up to what is no plain number, which is left to `read`.
  /// Returns how many there were.
  @inline(__always)
  private mutating func readRun(_ reader: inout JSONReader) -> Int {
    let bytes = reader.bytes
    let end = reader.end
    let dtype = builder.dtype
    var token = DecimalToken()
    var count = 0
    var i = reader.at
    while i < end, bytes[i] == UInt8(ascii: ",") {
      var start = i &+ 1
      if start < end, bytes[start] == 0x20 { start &+= 1 }
      builder.reserve(1)
      guard token.scan(bytes, from: start, to: end, grammar: .json) == nil,
        token.store(bytes, as: dtype, at: builder.slot(builder.count)) == nil
      else { break }
      i = token.end
      builder.count &+= 1
      count &+= 1
    }
    reader.at = i
    return count
  }

  /// Reads one scalar into element `index`, for which room is made.
  @inline(__always)
  mutating func readScalar(_ reader: inout JSONReader, at index: Int, _ level: Int) throws(ServingError) {
    builder.reserve(index &+ 1 &- builder.count)
    if kind == .number {
      var token = DecimalToken()
      if let problem = token.scan(reader.bytes, from: reader.at, to: reader.end, grammar: .json) {
        throw wrongKind(&reader, problem, token.end, level)
      }
      if let problem = token.store(reader.bytes, as: builder.dtype, at: builder.slot(index)) {
        throw refused(reader, token, problem, level)
      }
      reader.at = token.end
    } else {
      try readOther(&reader, at: index, level)
    }
  }

  @inline(never)
  private mutating func readOther(_ reader: inout JSONReader, at index: Int, _ level: Int) throws(ServingError) {
    if kind == .string {
      guard reader.next == UInt8(ascii: "\"") else { throw wrongKind(&reader, nil, reader.at, level) }
      builder.setString(try reader.stringToken().text(reader), at: index)
      return
    }
    if reader.take("true") {
      builder.slot(index).storeBytes(of: true, as: Bool.self)
    } else if reader.take("false") {
      builder.slot(index).storeBytes(of: false, as: Bool.self)
    } else {
      var token = DecimalToken()
      if let problem = token.scan(reader.bytes, from: reader.at, to: reader.end, grammar: .json) {
        throw wrongKind(&reader, problem, token.end, level)
      }
      if let problem = token.store(reader.bytes, as: .bool, at: builder.slot(index)) {
        throw refused(reader, token, problem, level)
      }
      reader.at = token.end
    }
  }
}

// MARK: - Errors

extension JSONTensorTarget {
  /// `instances[2][1]` for the value at `level`.
  func place(_ level: Int) -> String { path.text(indices.prefix(level)) }

  private var wanted: String {
    switch kind {
    case .number: "a number (\(builder.dtype))"
    case .boolean: "true or false"
    case .string: "a string"
    }
  }

  /// What stands at the cursor, in words; a malformed value is thrown as such.
  private func found(_ reader: inout JSONReader, _ problem: DecimalToken.Problem?, _ end: Int) throws(ServingError)
    -> String
  {
    let start = reader.at
    switch reader.next {
    case UInt8(ascii: "\""):
      let text = try reader.stringToken().text(reader)
      return "the string \"\(text.prefix(40))\""
    case UInt8(ascii: "{"): return "an object"
    case UInt8(ascii: "["): return "an array"
    case UInt8(ascii: "n") where reader.take("null"): return "null"
    case UInt8(ascii: "t") where reader.take("true"): return "true"
    case UInt8(ascii: "f") where reader.take("false"): return "false"
    default:
      if let problem { throw reader.notANumber(problem, end) }
      let token = try reader.number()
      return
        "the number \(String(decoding: UnsafeBufferPointer(start: reader.bytes + start, count: min(40, token.end - start)), as: UTF8.self))"
    }
  }

  @inline(never)
  private func wrongKind(
    _ reader: inout JSONReader, _ problem: DecimalToken.Problem?, _ end: Int, _ level: Int
  ) -> ServingError {
    let position = reader.position(reader.at)
    let got: String
    do { got = try found(&reader, problem, end) } catch { return error }
    let remedy = got == "null" ? " Missing values cannot be sent as null." : ""
    return ServingError(
      .invalidValue, "\(place(level)) must be \(wanted), not \(got), at \(position).\(remedy)", field: place(level),
      expected: wanted, got: got)
  }

  @inline(never)
  private func refused(_ reader: JSONReader, _ token: DecimalToken, _ problem: StoreProblem, _ level: Int)
    -> ServingError
  {
    let text = String(
      decoding: UnsafeBufferPointer(start: reader.bytes + token.start, count: min(40, token.end - token.start)),
      as: UTF8.self)
    return problem.error(text, builder.dtype, field: place(level), position: reader.position(token.start))
  }

  @inline(never)
  private func expectedArray(_ reader: inout JSONReader, _ level: Int) -> ServingError {
    let position = reader.position(reader.at)
    let got: String
    do { got = try found(&reader, nil, reader.at) } catch { return error }
    let width = level < extents.count && extents[level] > 0 ? " of \(extents[level]) values" : ""
    return ServingError(
      .shapeMismatch,
      "\(place(level)) must be an array\(width), not \(got), at \(position); a single row is a list inside a list.",
      field: place(level), expected: "an array\(width)", got: got)
  }

  @inline(never)
  private func unexpectedArray(_ reader: JSONReader, _ level: Int) -> ServingError {
    ServingError(
      .shapeMismatch, "\(place(level)) must be \(wanted), not an array, at \(reader.position(reader.at)).",
      field: place(level), expected: wanted, got: "an array")
  }

  @inline(never)
  private func empty(_ reader: JSONReader, _ level: Int) -> ServingError {
    ServingError(
      .shapeMismatch, "\(place(level)) is an empty array, at \(reader.position(reader.at)); send at least one value.",
      field: place(level), expected: "at least 1 value", got: "0 values")
  }

  @inline(never)
  private func ragged(_ reader: JSONReader, _ level: Int, _ count: Int) -> ServingError {
    ServingError(
      .shapeMismatch,
      "\(place(level)) has \(count) values where \(extents[level]) are expected, at \(reader.position(reader.at - 1)).",
      field: place(level), expected: "\(extents[level]) values", got: "\(count) values")
  }
}

extension StoreProblem {
  /// The error for the number `text` in an element of `dtype`.
  func error(_ text: String, _ dtype: DType, field: String, position: String) -> ServingError {
    let what =
      switch self {
      case .outOfRange: "is outside the range of \(dtype)"
      case .notIntegral: "is not a whole number, and the model takes \(dtype)"
      case .notBoolean: "is not a boolean: send true, false, 0 or 1"
      case .unsupported: "cannot be read as \(dtype)"
      }
    return ServingError(
      .invalidValue, "\(field): \(text) \(what), at \(position).", field: field, expected: dtype.name, got: text)
  }
}
