package import NIOHTTP1
import TextEncodings

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
