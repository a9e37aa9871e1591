/// A strict RFC 8259 reader over a byte range: it pulls tokens and builds nothing.
///
/// The reader never looks outside `at..<end`. Its errors name line, column and byte offset (line and column 1-based).
struct JSONReader {
  let bytes: UnsafePointer<UInt8>
  /// Offset of the next byte.
  var at: Int
  let end: Int
  let maximumDepth: Int
  private(set) var depth = 0

  init(_ bytes: UnsafePointer<UInt8>, _ range: Range<Int>, maximumDepth: Int) {
    self.bytes = bytes
    at = range.lowerBound
    end = range.upperBound
    self.maximumDepth = maximumDepth
  }

  /// The next byte, or nil at the end.
  var next: UInt8? {
    @inline(__always) get { at < end ? bytes[at] : nil }
  }

  @inline(__always)
  mutating func skipBlanks() {
    while at < end {
      let byte = bytes[at]
      if byte > 0x20 { return }
      guard byte == 0x20 || byte == 0x0A || byte == 0x0D || byte == 0x09 else { return }
      at &+= 1
    }
  }

  /// Enters an array or object at its opening bracket.
  mutating func open() throws(ServingError) {
    depth += 1
    if depth > maximumDepth {
      throw ServingError(
        .malformedBody, "The body nests arrays and objects deeper than \(maximumDepth) levels at \(position(at)).",
        field: position(at), limit: "\(maximumDepth) levels")
    }
    at += 1
    skipBlanks()
  }

  /// Leaves an array or object behind its closing bracket.
  mutating func close() {
    depth -= 1
    at += 1
  }

  /// Moves past a comma to the next entry (true), or past `closing` (false).
  mutating func another(_ closing: UInt8) throws(ServingError) -> Bool {
    skipBlanks()
    if at < end {
      if bytes[at] == UInt8(ascii: ",") {
        at += 1
        skipBlanks()
        return true
      }
      if bytes[at] == closing {
        close()
        return false
      }
    }
    throw malformed("expected a comma or \(closing == UInt8(ascii: "]") ? "']'" : "'}'")")
  }

  /// Reads a key and its colon; the cursor is then on the value.
  mutating func key() throws(ServingError) -> JSONKey {
    guard next == UInt8(ascii: "\"") else { throw malformed("expected a key in double quotes") }
    let token = try stringToken()
    skipBlanks()
    guard next == UInt8(ascii: ":") else { throw malformed("expected ':' after the key") }
    at += 1
    skipBlanks()
    return token
  }

  /// Requires that nothing but blanks follows.
  mutating func finish() throws(ServingError) {
    skipBlanks()
    if at < end { throw malformed("unexpected text after the end of the JSON value") }
  }

  /// Consumes `word` (`true`, `false` or `null`) if it is next.
  mutating func take(_ word: StaticString) -> Bool {
    let length = word.utf8CodeUnitCount
    guard end - at >= length else { return false }
    for i in 0..<length where bytes[at + i] != word.utf8Start[i] { return false }
    at += length
    return true
  }

  /// Validates and passes over any value.
  mutating func skipValue() throws(ServingError) {
    switch next {
    case UInt8(ascii: "{"):
      try open()
      if next == UInt8(ascii: "}") { return close() }
      var keys: Set<String> = []
      repeat {
        let start = at
        let name = try key().text(self)
        if !keys.insert(name).inserted { throw duplicate(name, at: start) }
        try skipValue()
      } while try another(UInt8(ascii: "}"))
    case UInt8(ascii: "["):
      try open()
      if next == UInt8(ascii: "]") { return close() }
      repeat { try skipValue() } while try another(UInt8(ascii: "]"))
    case UInt8(ascii: "\""): _ = try stringToken()
    case UInt8(ascii: "t") where take("true"), UInt8(ascii: "f") where take("false"),
      UInt8(ascii: "n") where take("null"):
      return
    default: _ = try number()
    }
  }

  /// Scans a number.
  mutating func number() throws(ServingError) -> DecimalToken {
    var token = DecimalToken()
    if let problem = token.scan(bytes, from: at, to: end, grammar: .json) {
      throw notANumber(problem, token.end)
    }
    at = token.end
    return token
  }
}

// MARK: - Errors

extension JSONReader {
  /// `line 3, column 14 (byte 60)`.
  func position(_ offset: Int) -> String {
    var line = 1
    var lineStart = 0
    for i in 0..<min(offset, end) where bytes[i] == 0x0A {
      line += 1
      lineStart = i + 1
    }
    return "line \(line), column \(offset - lineStart + 1) (byte \(offset))"
  }

  @inline(never)
  func malformed(_ what: String, at offset: Int? = nil) -> ServingError {
    let place = offset ?? at
    let got: String
    if place >= end {
      got = "end of body"
    } else if bytes[place] >= 0x21, bytes[place] < 0x7F {
      got = "'\(Character(UnicodeScalar(bytes[place])))'"
    } else {
      got = "byte \(bytes[place])"
    }
    return ServingError(
      .malformedBody, "The body is not valid JSON: \(what) at \(position(place)).", field: position(place), got: got)
  }

  @inline(never)
  func duplicate(_ name: String, at offset: Int) -> ServingError {
    ServingError(
      .malformedBody, "Key \"\(name)\" comes twice in one object, at \(position(offset)); send it once.",
      field: position(offset))
  }

  @inline(never)
  func notANumber(_ problem: DecimalToken.Problem, _ offset: Int) -> ServingError {
    switch problem {
    case .leadingZero: malformed("a number has a leading zero", at: offset)
    case .noFractionDigits: malformed("digits must follow the decimal point", at: offset)
    case .noExponentDigits: malformed("digits must follow the exponent", at: offset)
    case .tooLong:
      ServingError(
        .invalidValue, "A number at \(position(offset)) is longer than \(DecimalToken.maximumLength) bytes.",
        field: position(offset), limit: "\(DecimalToken.maximumLength) bytes")
    case .noDigits:
      switch at < end ? bytes[at] : 0 {
      case UInt8(ascii: "N"), UInt8(ascii: "I"), UInt8(ascii: "n"), UInt8(ascii: "i"), UInt8(ascii: "-"):
        malformed("NaN and infinity are not JSON; a value was expected", at: at)
      default: malformed("a value was expected", at: offset)
      }
    }
  }
}
