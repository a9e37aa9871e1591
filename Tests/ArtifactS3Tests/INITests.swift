import S3Documents
import Testing

@Suite struct INITests {
  private func parse(_ text: String) throws -> INIFile { try INIFile(Array(text.utf8)) }

  @Test func settingsAreReadAsTheToolsWriteThem() throws {
    let file = try parse(
      """
      \u{FEFF}# comment
      [default]
      Region = eu-west-1 \r
      aws_access_key_id=AKID # kept
      ; comment
      s3 =
        addressing_style = path
        max_concurrent_requests=4
      empty =
      output: json

      [profile two]
      credential_process = /bin/tool --a "b c"
        and more
      url = http://host:80/?a=b
      [default]
      region = us-west-2
      """)
    #expect(file.sections["default"]?["region"] == "us-west-2")
    #expect(file.sections["default"]?["aws_access_key_id"] == "AKID # kept")
    #expect(file.sections["default"]?.nested["s3"] == ["addressing_style": "path", "max_concurrent_requests": "4"])
    #expect(file.sections["default"]?["empty"] == nil)
    #expect(file.sections["default"]?["output"] == "json")
    #expect(file.sections["profile two"]?["credential_process"] == "/bin/tool --a \"b c\"\nand more")
    #expect(file.sections["profile two"]?["url"] == "http://host:80/?a=b")
  }

  @Test(arguments: [("a = b", 1), ("[x]\nnonsense", 2), ("[x", 1), ("[x]\n\n= b", 3)])
  func faultsAreFoundByTheirLine(_ text: String, _ line: Int) {
    do {
      _ = try parse(text)
      Issue.record("read")
    } catch {
      #expect((error as? INIError)?.line == line)
    }
  }

  @Test func secretsAreNotInErrors() {
    do {
      _ = try parse("[x]\nverysecret")
      Issue.record("read")
    } catch {
      #expect(!"\(error)".contains("verysecret"))
    }
  }

  @Test func limitsHold() {
    var limits = INILimits()
    limits.settings = 2
    #expect(throws: INIError.self) { try INIFile(Array("[a]\nb=1\nc=2".utf8), limits: limits) }
    limits = INILimits()
    limits.bytes = 3
    #expect(throws: INIError.self) { try INIFile(Array("[a]\n".utf8), limits: limits) }
    #expect(throws: INIError.self) { try INIFile([0x5B, 0xFF, 0x5D]) }
  }

  @Test func everyBeginningOfAFileIsReadOrRefused() {
    let bytes = Array("[a]\nb = c\n  d = e\ns3 =\n  f = g\n[profile \"h\"]\nï = ñ".utf8)
    for count in 0...bytes.count { _ = try? INIFile(Array(bytes[..<count])) }
  }
}
