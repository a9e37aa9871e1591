import ArtifactS3
import NIOHTTP1
import Testing
import TextEncodings

@Suite struct ChecksumTests {
  private func value(_ algorithm: ContentHasher.Algorithm, _ bytes: [UInt8], step: Int = .max) -> String {
    var hasher = ContentHasher(algorithm)
    var rest = bytes[...]
    while !rest.isEmpty {
      let part = Array(rest.prefix(step))
      part.withUnsafeBytes { hasher.update($0) }
      rest = rest.dropFirst(part.count)
    }
    return SignatureV4.hex(hasher.value)
  }

  /// "123456789" is the check input of the CRC catalogues (reveng); hashes by OpenSSL.
  @Test(
    arguments: [
      (.crc32, "cbf43926"), (.crc32c, "e3069283"), (.crc64nvme, "ae8b14860a799888"),
      (.md5, "25f9e794323b453885f5181f1b624d0b"), (.sha1, "f7c3bc1d808e04732adf679965ccc34ca7ae3441"),
      (.sha256, "15e2b0d3c33891ebb0f1ef609ec419420c20e320ce94c65fbc8c3312448eb225"),
    ] as [(ContentHasher.Algorithm, String)]) func checkValues(_ algorithm: ContentHasher.Algorithm, _ hex: String)
  {
    let bytes = Array("123456789".utf8)
    #expect(value(algorithm, bytes) == hex)
    #expect(value(algorithm, bytes, step: 1) == hex)
  }

  @Test(arguments: ContentHasher.Algorithm.allCases) func piecesAmountToTheWhole(_ algorithm: ContentHasher.Algorithm) {
    let bytes = pattern(10_007)
    let whole = value(algorithm, bytes)
    for step in [1, 7, 8, 9, 64, 1000] { #expect(value(algorithm, bytes, step: step) == whole) }
  }

  @Test func headersNameTheStrongestFullChecksum() {
    func find(_ headers: [(String, String)]) -> ContentHasher.Algorithm? {
      ObjectChecksum(HTTPHeaders(headers), usesETag: true)?.algorithm
    }
    let md5 = ("etag", "\"25f9e794323b453885f5181f1b624d0b\"")
    let crc = ("x-amz-checksum-crc32", "y/Q5Jg==")
    #expect(find([md5]) == .md5)
    #expect(find([md5, crc]) == .crc32)
    #expect(find([crc, ("x-amz-checksum-crc64nvme", "rosUhgp5mIg=")]) == .crc64nvme)
    #expect(find([crc, ("x-amz-checksum-type", "COMPOSITE")]) == nil)
    #expect(find([("x-amz-checksum-crc32", "y/Q5Jg==-3")]) == nil)
    #expect(find([("x-amz-checksum-crc32", "y/Q5")]) == nil)
    #expect(find([("etag", "\"25f9e794323b453885f5181f1b624d0b-2\"")]) == nil)
    #expect(find([("etag", "\"6b0829e0-40000000\"")]) == nil)
    #expect(find([("etag", "W/\"25f9e794323b453885f5181f1b624d0b\"")]) == nil)
    #expect(find([md5, ("x-amz-server-side-encryption", "AES256")]) == .md5)
    #expect(find([md5, ("x-amz-server-side-encryption", "aws:kms")]) == nil)
    #expect(find([md5, ("x-amz-server-side-encryption-customer-algorithm", "AES256")]) == nil)
    #expect(ObjectChecksum(HTTPHeaders([md5]), usesETag: false) == nil)
  }

  @Test(arguments: [("", ""), ("f", "Zg=="), ("fo", "Zm8="), ("foo", "Zm9v"), ("foobar", "Zm9vYmFy")])
  func base64IsThatOfTheStandard(_ text: String, _ encoded: String) {
    #expect(Base64.encoded(Array(text.utf8)) == encoded)
    #expect(Base64.decoded(encoded) == Array(text.utf8))
  }

  @Test(arguments: ["Zg", "Zg=", "====", "Z===", "Zm9v!", "Zg==Zg==", "é==="]) func whatIsNoBase64IsRefused(
    _ text: String
  ) {
    #expect(Base64.decoded(text) == nil)
  }
}
