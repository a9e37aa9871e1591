import ModelHosting
import Testing

@Suite struct Texts {
  @Test(arguments: ["", "a", "iris/v1", "café", "模型", "\0\u{7F}\n", "a%b"])
  func `hexadecimal text comes back`(text: String) {
    let code = HexText.encode(text)
    #expect(code.utf8.count == 2 * text.utf8.count)
    #expect(HexText.decode(code[...]) == text)
  }

  @Test func `hexadecimal text has two lower-case digits a byte`() {
    #expect(HexText.encode("\u{1}Az/") == "01417a2f")
    #expect(HexText.encode("é") == "c3a9")
  }

  @Test(arguments: ["4", "414", "zz", "4g", " 41", "4 ", "ff", "c3", "é9", "41 42", "0x41"])
  func `what no encoding gives is refused`(code: String) { #expect(HexText.decode(code[...]) == nil) }
}
