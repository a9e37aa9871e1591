/// The header of a NumPy `.npy` file (NumPy Enhancement Proposal 1, versions 1.0 to 3.0), read as data: a bounded parser
/// of the one dictionary that the format allows, nothing evaluated.
struct NpyHeader {
  /// An element kind that NumPy names and the server reads.
  enum Element: Equatable {
    case float(Int)
    case signed(Int)
    case unsigned(Int)
    case boolean
    /// UTF-32, so many code points an element, padded with zeros.
    case unicode(Int)
    /// So many bytes an element, padded with zeros.
    case bytes(Int)

    var byteWidth: Int {
      switch self {
      case .float(let n), .signed(let n), .unsigned(let n), .bytes(let n): n
      case .unicode(let n): 4 * n
      case .boolean: 1
      }
    }
  }

  var element: Element
  var isBigEndian: Bool
  var isFortranOrder: Bool
  var shape: [Int]
  /// Elements, the product of `shape`, checked.
  var count: Int
  /// Offset of the first element.
  var dataStart: Int
  /// The `descr` as it stands, for messages.
  var descr: String

  static let maximumLength = 65_536
  static let maximumRank = 32
  /// Elements that an array without data (an extent of zero, strings of length zero) may name: they cost the sender
  /// nothing, and whoever sizes an output by them dearly.
  static let maximumFreeElements = 1 << 20

  init(_ bytes: UnsafeRawBufferPointer) throws(ServingError) {
    let magic: [UInt8] = [0x93, 0x4E, 0x55, 0x4D, 0x50, 0x59]
    guard bytes.count >= 10, bytes.starts(with: magic) else {
      throw NpyHeader.malformed("it does not begin with the npy magic bytes")
    }
    guard (1...3).contains(bytes[6]), bytes[7] == 0 else {
      throw NpyHeader.malformed("version \(bytes[6]).\(bytes[7]) is not known; 1.0, 2.0 and 3.0 are")
    }
    let lengthBytes = bytes[6] == 1 ? 2 : 4
    guard bytes.count >= 8 + lengthBytes else { throw NpyHeader.malformed("the header is cut off") }
    var length = 0
    for i in 0..<lengthBytes { length |= Int(bytes[8 + i]) << (8 * i) }
    let start = 8 + lengthBytes
    guard length <= NpyHeader.maximumLength else {
      throw ServingError(
        .malformedBody, "The npy header is \(length) bytes long.", limit: "\(NpyHeader.maximumLength) bytes")
    }
    guard length <= bytes.count - start else { throw NpyHeader.malformed("the header is cut off") }
    var parser = NpyDictionaryParser(UnsafeRawBufferPointer(rebasing: bytes[start..<(start + length)]))
    let fields = try parser.parse()
    descr = fields.descr
    (element, isBigEndian) = try NpyHeader.element(fields.descr)
    isFortranOrder = fields.isFortranOrder
    shape = fields.shape
    dataStart = start + length
    var count = 1
    var isEmpty = false
    for extent in shape {
      if extent == 0 { isEmpty = true }
      let (product, overflow) = count.multipliedReportingOverflow(by: max(extent, 1))
      if overflow { throw NpyHeader.malformed("its shape overflows") }
      count = product
    }
    if count > NpyHeader.maximumFreeElements, isEmpty || element.byteWidth == 0 {
      throw NpyHeader.malformed("its shape names \(count) elements that take no bytes")
    }
    self.count = isEmpty ? 0 : count
    let (needed, overflow) = self.count.multipliedReportingOverflow(by: element.byteWidth)
    guard !overflow, needed == bytes.count - dataStart else {
      throw ServingError(
        .malformedBody,
        "The npy body has \(bytes.count - dataStart) bytes of data; its header says \(overflow ? "too many" : "\(needed)").",
        expected: overflow ? nil : "\(needed) bytes", got: "\(bytes.count - dataStart) bytes")
    }
  }

  static func malformed(_ what: String) -> ServingError {
    ServingError(.malformedBody, "The body is not a readable npy file: \(what).")
  }

  /// The element kind of a `descr` such as `<f4`, and whether its bytes are big-endian.
  private static func element(_ descr: String) throws(ServingError) -> (Element, Bool) {
    var rest = Substring(descr)
    var isBig = false
    if let first = rest.first, "<>|=".contains(first) {
      isBig = first == ">"
      rest.removeFirst()
    }
    let kind = rest.popFirst()
    if kind == "O" {
      throw ServingError(
        .invalidValue, "The npy array holds Python objects (dtype \(descr)), which are pickles and are never read.",
        expected: "numbers, booleans or strings", got: descr)
    }
    let size = Int(rest)
    switch (kind, size) {
    case ("f", 2), ("f", 4), ("f", 8): return (.float(size ?? 0), isBig)
    case ("i", 1), ("i", 2), ("i", 4), ("i", 8): return (.signed(size ?? 0), isBig)
    case ("u", 1), ("u", 2), ("u", 4), ("u", 8): return (.unsigned(size ?? 0), isBig)
    case ("b", 1): return (.boolean, false)
    case ("U", let n?) where n >= 0 && n <= 1 << 24: return (.unicode(n), isBig)
    case ("S", let n?) where n >= 0 && n <= 1 << 26: return (.bytes(n), false)
    default:
      throw ServingError(
        .invalidValue, "The npy array has dtype \(descr.prefix(40)), which is not understood.",
        expected: "f2 f4 f8 i1 i2 i4 i8 u1 u2 u4 u8 b1 U S", got: String(descr.prefix(40)))
    }
  }
}

/// Reads `{'descr': '<f4', 'fortran_order': False, 'shape': (2, 4), }`.
private struct NpyDictionaryParser {
  let bytes: UnsafeRawBufferPointer
  var at = 0

  init(_ bytes: UnsafeRawBufferPointer) { self.bytes = bytes }

  mutating func parse() throws(ServingError) -> (descr: String, isFortranOrder: Bool, shape: [Int]) {
    var descr: String?
    var isFortranOrder: Bool?
    var shape: [Int]?
    try expect("{")
    while !take("}") {
      let key = try string()
      try expect(":")
      switch key {
      case "descr" where descr == nil:
        skipBlanks()
        if at < bytes.count, bytes[at] == UInt8(ascii: "[") {
          throw ServingError(.invalidValue, "The npy array has a structured dtype, which is not understood.")
        }
        descr = try string()
      case "fortran_order" where isFortranOrder == nil:
        if take("True") {
          isFortranOrder = true
        } else if take("False") {
          isFortranOrder = false
        } else {
          throw NpyHeader.malformed("fortran_order is neither True nor False")
        }
      case "shape" where shape == nil: shape = try tuple()
      default: throw NpyHeader.malformed("its header has an unknown or repeated key")
      }
      if !take(",") {
        try expect("}")
        break
      }
    }
    skipBlanks()
    guard at == bytes.count else { throw NpyHeader.malformed("text follows its header's dictionary") }
    guard let descr, let isFortranOrder, let shape else { throw NpyHeader.malformed("its header lacks a key") }
    return (descr, isFortranOrder, shape)
  }

  private mutating func skipBlanks() {
    while at < bytes.count, bytes[at] == 0x20 || bytes[at] == 0x0A || bytes[at] == 0x09 || bytes[at] == 0x0D { at += 1 }
  }

  private mutating func take(_ word: StaticString) -> Bool {
    skipBlanks()
    let length = word.utf8CodeUnitCount
    guard bytes.count - at >= length else { return false }
    for i in 0..<length where bytes[at + i] != word.utf8Start[i] { return false }
    at += length
    return true
  }

  private mutating func expect(_ word: StaticString) throws(ServingError) {
    guard take(word) else { throw NpyHeader.malformed("its header is no dictionary of the npy format") }
  }

  private mutating func string() throws(ServingError) -> String {
    skipBlanks()
    guard at < bytes.count, bytes[at] == UInt8(ascii: "'") || bytes[at] == UInt8(ascii: "\"") else {
      throw NpyHeader.malformed("its header is no dictionary of the npy format")
    }
    let quote = bytes[at]
    let start = at + 1
    at = start
    while at < bytes.count, bytes[at] != quote {
      guard bytes[at] >= 0x20, bytes[at] < 0x7F, bytes[at] != UInt8(ascii: "\\") else {
        throw NpyHeader.malformed("its header has an unexpected byte")
      }
      at += 1
    }
    guard at < bytes.count else { throw NpyHeader.malformed("its header is cut off") }
    at += 1
    return String(decoding: bytes[start..<(at - 1)], as: UTF8.self)
  }

  private mutating func tuple() throws(ServingError) -> [Int] {
    try expect("(")
    var shape: [Int] = []
    while !take(")") {
      skipBlanks()
      let start = at
      var extent = 0
      while at < bytes.count, isDigit(bytes[at]) {
        let (product, overflow) = extent.multipliedReportingOverflow(by: 10)
        let (sum, carry) = product.addingReportingOverflow(Int(bytes[at] - 0x30))
        if overflow || carry { throw NpyHeader.malformed("its shape overflows") }
        extent = sum
        at += 1
      }
      if at == start { throw NpyHeader.malformed("its shape is no tuple of numbers") }
      _ = take("L")
      shape.append(extent)
      if shape.count > NpyHeader.maximumRank {
        throw NpyHeader.malformed("it has more than \(NpyHeader.maximumRank) axes")
      }
      if !take(",") {
        try expect(")")
        break
      }
    }
    return shape
  }
}
