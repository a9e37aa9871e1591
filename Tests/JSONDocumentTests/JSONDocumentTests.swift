import JSONDocument
import Testing

@Suite struct JSONDocumentTests {
  private func parse(_ text: String) throws -> JSONDocument { try JSONDocument(parsing: Array(text.utf8)) }

  @Test func writesWhatItReads() throws {
    for text in [
      #"{"a":[1,-2.5e3,true,false,null],"b":{"c":"d"}}"#, "[]", "{}", "0", #""\"\\\n\u0001é😀""#,
    ] {
      let document = try parse(text)
      #expect(try parse(document.text()) == document)
      #expect(try parse(document.text(pretty: true)) == document)
    }
    #expect(try parse(#""\u00e9\ud83d\ude00\/""#).string == "é😀/")
  }

  /// RFC 8259 has none of these.
  @Test(arguments: [
    "", " ", "[1,]", "[1 2]", "{\"a\":1,}", "{\"a\" 1}", "{a:1}", "{\"a\":1,\"a\":2}", "01", "1.", ".5", "-", "1e",
    "+1",
    "NaN", "Infinity", "tru", "nul", "[", "{", "\"", "\"\\", "\"\\u12", "\"\\x\"", "\"\\ud800\"", "\"\\ud800\\u0041\"",
    "\"\\udc00\"", "\"a\nb\"", "1 2", "[1]]", "/* */1", "'a'", "\u{FEFF}1", "[1}",
  ])
  func refusesWhatIsNoJSON(_ text: String) {
    #expect(throws: JSONError.self) { try parse(text) }
  }

  @Test func refusesTextThatIsNotUTF8() {
    for bytes: [UInt8] in [[0x22, 0xFF, 0x22], [0x22, 0xC0, 0x80, 0x22], [0x22, 0xED, 0xA0, 0x80, 0x22]] {
      #expect(throws: JSONError.self) { try JSONDocument(parsing: bytes) }
    }
  }

  @Test func nestingIsLimited() throws {
    func nested(_ depth: Int) -> String { String(repeating: "[", count: depth) + String(repeating: "]", count: depth) }
    _ = try parse(nested(64))
    #expect(throws: JSONError.self) { try parse(nested(65)) }
    #expect(throws: JSONError.self) { try parse(String(repeating: "[", count: 1_000_000)) }
    #expect(throws: JSONError.self) { try parse(String(repeating: "{\"a\":", count: 1_000_000)) }
  }

  @Test func errorsGiveTheByte() {
    #expect { try parse("[1, x]") } throws: { ($0 as? JSONError)?.offset == 4 }
  }

  @Test func everyTruncationAndEveryChangedByteIsTakenOrRefused() {
    let text = Array(#"{"a":[1,-2.5e3,true,null],"b":{"c":"\u00e9\ud83d\ude00\n"},"d":""}"#.utf8)
    for length in text.indices { #expect(throws: JSONError.self) { try JSONDocument(parsing: Array(text[..<length])) } }
    for at in text.indices {
      for byte in UInt8.min...UInt8.max {
        var changed = text
        changed[at] = byte
        if let document = try? JSONDocument(parsing: changed) { _ = document.text() }
      }
    }
  }

  @Test func numbersThatDoNotFitAreNil() throws {
    #expect(try parse("99999999999999999999").int == nil)
    #expect(try parse("1.5").int == nil)
    #expect(try parse("-9223372036854775808").int == .min)
  }
}
