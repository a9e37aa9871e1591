import Foundation
import ImageDecoding
import Testing

/// The images of `Fixtures`, which `generate.py` made with Pillow.
enum ImageFixtures {
  static let folder = URL(filePath: #filePath).deletingLastPathComponent().appending(path: "Fixtures")

  static let names: [String] =
    ((try? FileManager.default.contentsOfDirectory(atPath: folder.path)) ?? []).filter { $0.hasPrefix("image_") }
    .sorted()

  static func bytes(_ name: String) throws -> [UInt8] { try [UInt8](Data(contentsOf: folder.appending(path: name))) }
}

@Suite struct DamagedImageTests {
  @Test(arguments: ImageFixtures.names)
  func everyPrefixIsAnImageOrAnError(name: String) throws {
    let bytes = try ImageFixtures.bytes(name)
    for count in bytes.indices { _ = try? ImageDecoding.decode(Array(bytes[..<count])) }
    // Half of an image is never taken for one.
    #expect(throws: ImageError.self) { try ImageDecoding.decode(Array(bytes[..<(bytes.count / 2)])) }
  }

  @Test(arguments: ImageFixtures.names)
  func changedBytesAreAnImageOrAnError(name: String) throws {
    let bytes = try ImageFixtures.bytes(name)
    var state: UInt64 = 0x9E37_79B9_7F4A_7C15
    func next() -> UInt64 {
      state ^= state << 13
      state ^= state >> 7
      state ^= state << 17
      return state
    }
    for _ in 0..<500 {
      var changed = bytes
      for _ in 0...(next() % 3) { changed[Int(next() % UInt64(bytes.count))] = UInt8(truncatingIfNeeded: next() >> 32) }
      _ = try? ImageDecoding.decode(changed, limits: ImageLimits(pixels: 1 << 16))
    }
  }

  @Test(arguments: ImageFixtures.names)
  func aLargerImageThanTheLimitIsRefused(name: String) throws {
    let bytes = try ImageFixtures.bytes(name)
    let error = #expect(throws: ImageError.self) { try ImageDecoding.decode(bytes, limits: ImageLimits(pixels: 10)) }
    #expect(error?.code == .limit)
  }

  @Test func bytesOfNoFormatAreDamaged() {
    for bytes: [UInt8] in [[], [0], Array("hello, world".utf8)] {
      let error = #expect(throws: ImageError.self) { try ImageDecoding.decode(bytes) }
      #expect(error?.code == .damaged)
    }
  }
}
