package import NIOHTTP1

/// What a store says that an object's bytes amount to.
package struct ObjectChecksum: Sendable, Hashable {
  package var algorithm: ContentHasher.Algorithm
  /// Big-endian.
  package var value: [UInt8]

  package init(algorithm: ContentHasher.Algorithm, value: [UInt8]) {
    self.algorithm = algorithm
    self.value = value
  }

  /// The strongest checksum of the whole object that its headers have (Amazon S3 user guide, "Checking object integrity").
  ///
  /// A composite checksum, and one that ends in `-<parts>`, is a hash of hashes and is passed over. An ETag is the MD5 of
  /// the bytes only for an object that was written in one part and is not encrypted under a key of KMS or of the customer
  /// (API reference, `Object`), and not in a directory bucket; one in any other form is passed over.
  ///
  /// - Parameter usesETag: false where an ETag is known to be no MD5.
  package init?(_ headers: HTTPHeaders, usesETag: Bool) {
    if headers.first(name: "x-amz-checksum-type")?.uppercased() != "COMPOSITE" {
      for algorithm in ContentHasher.Algorithm.allCases {
        guard let text = headers.first(name: "x-amz-checksum-\(algorithm.rawValue)"), !text.contains("-"),
          let value = Base64.decoded(text), value.count == algorithm.width
        else { continue }
        self.init(algorithm: algorithm, value: value)
        return
      }
    }
    guard usesETag, let etag = headers.etag, etag.utf8.count == 32,
      !headers.contains(name: "x-amz-server-side-encryption-customer-algorithm"),
      headers.first(name: "x-amz-server-side-encryption").map({ $0 == "AES256" }) ?? true
    else { return nil }
    var value: [UInt8] = []
    var digits = etag.utf8.makeIterator()
    while let high = digits.next(), let low = digits.next() {
      guard let high = ObjectChecksum.digit(high), let low = ObjectChecksum.digit(low) else { return nil }
      value.append(high << 4 | low)
    }
    self.init(algorithm: .md5, value: value)
  }

  private static func digit(_ c: UInt8) -> UInt8? {
    switch c {
    case 0x30...0x39: c - 0x30
    case 0x61...0x66: c - 0x57
    default: nil
    }
  }
}

extension HTTPHeaders {
  /// The ETag without its quotes; nil for none or a weak one.
  package var etag: String? {
    guard let text = first(name: "etag"), !text.hasPrefix("W/") else { return nil }
    return text.utf8.count >= 2 && text.hasPrefix("\"") && text.hasSuffix("\"")
      ? String(text.dropFirst().dropLast()) : text
  }
}

/// Base64 with padding (RFC 4648, section 4).
package enum Base64 {
  private static let alphabet = Array("ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/".utf8)

  package static func encoded(_ bytes: [UInt8]) -> String {
    var out: [UInt8] = []
    var at = 0
    while at < bytes.count {
      let group = bytes[at..<min(at + 3, bytes.count)]
      var word = group.reduce(UInt32(0)) { $0 << 8 | UInt32($1) }
      word <<= UInt32(8 * (3 - group.count))
      for i in 0..<4 {
        out.append(i <= group.count ? alphabet[Int(word >> UInt32(18 - 6 * i) & 63)] : UInt8(ascii: "="))
      }
      at += 3
    }
    return String(decoding: out, as: UTF8.self)
  }

  /// nil for a text that is not base64.
  package static func decoded(_ text: String) -> [UInt8]? {
    let digits = Array(text.utf8)
    guard digits.count % 4 == 0 else { return nil }
    let padding = digits.reversed().prefix { $0 == UInt8(ascii: "=") }.count
    guard padding <= 2 else { return nil }
    var out: [UInt8] = []
    var (word, bits): (UInt32, UInt32) = (0, 0)
    for digit in digits.dropLast(padding) {
      guard let value = alphabet.firstIndex(of: digit) else { return nil }
      word = (word << 6 | UInt32(value)) & 0xFFFF
      bits += 6
      if bits >= 8 {
        bits -= 8
        out.append(UInt8(truncatingIfNeeded: word >> bits))
      }
    }
    return out
  }
}
