/// Encoded bytes with checked access.
struct ImageBytes: Sendable {
  let bytes: [UInt8]

  init(_ bytes: [UInt8]) { self.bytes = bytes }

  var count: Int { bytes.count }

  /// True when the bytes from `offset` on begin with `prefix`.
  func hasPrefix(_ prefix: [UInt8], at offset: Int = 0) -> Bool {
    guard offset >= 0, prefix.count <= bytes.count, offset <= bytes.count - prefix.count else { return false }
    for i in 0..<prefix.count where bytes[offset + i] != prefix[i] { return false }
    return true
  }

  /// - Throws: `ImageError.Code.damaged` past the end, as the other reading functions.
  @inline(__always)
  func byte(_ at: Int) throws -> Int {
    guard at >= 0, at < bytes.count else { throw ImageBytes.end }
    return Int(bytes[at])
  }

  func big16(_ at: Int) throws -> Int { try byte(at) << 8 | byte(at &+ 1) }
  func little16(_ at: Int) throws -> Int { try byte(at) | byte(at &+ 1) << 8 }
  func big32(_ at: Int) throws -> Int { try big16(at) << 16 | big16(at &+ 2) }
  func little32(_ at: Int) throws -> Int { try little16(at) | little16(at &+ 2) << 16 }

  /// `count` bytes from `at` on.
  func slice(_ at: Int, _ count: Int) throws -> ArraySlice<UInt8> {
    guard at >= 0, count >= 0, at <= bytes.count, count <= bytes.count - at else { throw ImageBytes.end }
    return bytes[at..<(at + count)]
  }

  static var end: ImageError { ImageError(.damaged, "the image ends too early") }
}
