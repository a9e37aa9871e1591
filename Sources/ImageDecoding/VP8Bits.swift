/// The boolean entropy decoder of VP8 (RFC 6386, section 7).
struct VP8Bits {
  private let bytes: ImageBytes
  private var at: Int
  private let end: Int
  private var value = 0
  /// The range less one.
  private var range = 254
  /// Bits of `value` below the 8 that are compared.
  private var held = -8

  /// Reads from `at` to `end`.
  init(_ bytes: ImageBytes, _ at: Int, _ end: Int) throws {
    guard at >= 0, at <= end, end <= bytes.count else { throw ImageBytes.end }
    self.bytes = bytes
    self.at = at
    self.end = end
  }

  /// A bit that is 0 with a probability of `probability / 256`.
  @inline(__always)
  mutating func bit(_ probability: Int) throws -> Bool {
    while held < 0 {
      guard at < end else { throw ImageBytes.end }
      value = value << 8 | Int(bytes.bytes[at])
      held += 8
      at += 1
    }
    let split = (range &* probability) >> 8
    let isSet = value >> held > split
    if isSet {
      range -= split + 1
      value -= (split + 1) << held
    } else {
      range = split
    }
    if range < 127 {
      // Up to 7 bits bring the range back to 127...254.
      let shift = (range + 1).leadingZeroBitCount - 56
      range = ((range + 1) << shift) - 1
      held -= shift
    }
    return isSet
  }

  @inline(__always)
  mutating func flag() throws -> Bool { try bit(128) }

  /// A number of `count` bits.
  mutating func number(_ count: Int) throws -> Int {
    var value = 0
    for _ in 0..<count { value = value << 1 | (try flag() ? 1 : 0) }
    return value
  }

  /// A number of `count` bits and a sign.
  mutating func signed(_ count: Int) throws -> Int {
    let value = try number(count)
    return try flag() ? -value : value
  }

  /// Such a number where a flag says that it is there, else 0.
  mutating func optionalSigned(_ count: Int) throws -> Int { try flag() ? signed(count) : 0 }
}
