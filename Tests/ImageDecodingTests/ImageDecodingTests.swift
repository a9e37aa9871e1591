import ImageDecoding
import Testing

@Suite struct ImageDecodingTests {
  @Test(arguments: ImageFixtures.names)
  func pixelsArePillows(name: String) throws {
    let image = try ImageDecoding.decode(ImageFixtures.bytes(name))
    let expected = try ImageFixtures.bytes("expected_\(name.dropFirst("image_".count)).bin")
    #expect(image.width == Int(expected[0]) | Int(expected[1]) << 8)
    #expect(image.height == Int(expected[2]) | Int(expected[3]) << 8)
    let count = image.width * image.height
    #expect(image.rgb == Array(expected[4..<(4 + 3 * count)]))
    #expect(image.grey == Array(expected[(4 + 3 * count)...]))
  }

  @Test func thereAreFixturesOfEveryFormat() throws {
    let formats = try ImageFixtures.names.compactMap { try ImageDecoding.format(of: ImageFixtures.bytes($0))?.name }
    #expect(Set(formats) == Set(ImageFormatTable.formats.map(\.name)))
  }

  @Test func variantsThatAreNotDecodedAreNamed() throws {
    var arithmetic = try ImageFixtures.bytes("image_420.jpg")
    let frame = try #require(
      arithmetic.indices.dropLast().first { arithmetic[$0] == 0xFF && arithmetic[$0 + 1] == 0xC0 })
    arithmetic[frame + 1] = 0xC9
    let error = #expect(throws: ImageError.self) { try ImageDecoding.decode(arithmetic) }
    #expect(error?.code == .unsupported)
  }
}
