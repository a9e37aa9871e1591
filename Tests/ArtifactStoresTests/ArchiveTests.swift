import ArtifactStores
import Glibc
import Testing

/// A tar header block with a right checksum.
private func header(_ name: String, size: Int, type: Character = "0", link: String = "") -> [UInt8] {
  var block = [UInt8](repeating: 0, count: 512)
  func put(_ text: String, _ at: Int) { for (i, c) in text.utf8.enumerated() { block[at + i] = c } }
  func octal(_ value: Int, _ width: Int) -> String {
    let digits = String(value, radix: 8)
    return String(repeating: "0", count: width - digits.count) + digits
  }
  put(name, 0)
  put("0000644\0", 100)
  put(octal(size, 11), 124)
  put(octal(0, 11), 136)
  put(String(type), 156)
  put(link, 157)
  put("ustar\0", 257)
  put("00", 263)
  for i in 148..<156 { block[i] = 32 }
  let sum = block.reduce(0) { $0 + Int($1) }
  put(octal(sum, 6) + "\0 ", 148)
  return block
}

private func entry(_ name: String, _ body: String) -> [UInt8] {
  let bytes = Array(body.utf8)
  return header(name, size: bytes.count) + bytes + [UInt8](repeating: 0, count: (512 - bytes.count % 512) % 512)
}

private let end = [UInt8](repeating: 0, count: 1024)

/// A fresh folder that is removed when `body` ends.
private func withFolder<R>(_ body: (String) throws -> R) rethrows -> R {
  var template = Array("/tmp/swiftlet-archive-XXXXXX\0".utf8CString)
  let path = String(cString: mkdtemp(&template))
  defer { ArchiveExtractor.remove(path) }
  return try body(path)
}

private func save(_ bytes: [UInt8], _ path: String) {
  let file = fopen(path, "w")!
  fwrite(bytes, 1, bytes.count, file)
  fclose(file)
}

private func text(_ path: String) -> String? {
  guard let file = fopen(path, "r") else { return nil }
  defer { fclose(file) }
  var bytes = [UInt8](repeating: 0, count: 4096)
  let n = fread(&bytes, 1, bytes.count, file)
  return String(decoding: bytes[0..<n], as: UTF8.self)
}

@Suite struct ArchiveTests {
  @Test func unpacksFilesAndFoldersAndTheLastDuplicateWins() throws {
    try withFolder { folder in
      save(entry("./a/b.txt", "one") + entry("c.txt", "two") + entry("a/b.txt", "three") + end, "\(folder)/m.tar")
      try ArchiveExtractor().extract("\(folder)/m.tar", into: "\(folder)/out")
      #expect(text("\(folder)/out/a/b.txt") == "three")
      #expect(text("\(folder)/out/c.txt") == "two")
    }
  }

  @Test(arguments: ["../x", "/tmp/x", "a/../../x"])
  func refusesPathsThatLeaveTheFolder(_ name: String) {
    withFolder { folder in
      save(entry(name, "x") + end, "\(folder)/m.tar")
      #expect { try ArchiveExtractor().extract("\(folder)/m.tar", into: "\(folder)/out") } throws: {
        ($0 as? ArchiveError)?.code == .unsafeEntry
      }
      #expect(access("\(folder)/out", F_OK) != 0)
      #expect(access("\(folder)/out.partial", F_OK) != 0)
    }
  }

  @Test(arguments: ["1", "2", "3", "6"])
  func refusesLinksAndDevices(_ type: Character) {
    withFolder { folder in
      save(header("l", size: 0, type: type, link: "/etc/passwd") + end, "\(folder)/m.tar")
      #expect { try ArchiveExtractor().extract("\(folder)/m.tar", into: "\(folder)/out") } throws: {
        ($0 as? ArchiveError)?.code == .unsafeEntry
      }
    }
  }

  @Test func everyTruncationIsAnErrorOrAShorterArchive() {
    withFolder { folder in
      let whole = entry("a.txt", "hello") + entry("b.txt", "world") + end
      for length in stride(from: 1, to: whole.count, by: 37) {
        save(Array(whole[0..<length]), "\(folder)/m.tar")
        do {
          try ArchiveExtractor().extract("\(folder)/m.tar", into: "\(folder)/out")
          #expect(text("\(folder)/out/a.txt") == "hello")
          ArchiveExtractor.remove("\(folder)/out")
        } catch {
          #expect(access("\(folder)/out", F_OK) != 0)
        }
      }
    }
  }

  @Test func limitsHold() {
    withFolder { folder in
      save(entry("a.txt", "hello") + entry("b.txt", "world") + end, "\(folder)/m.tar")
      var limits = ArchiveLimits()
      limits.maxEntries = 1
      #expect(throws: ArchiveError.self) {
        try ArchiveExtractor(limits: limits).extract("\(folder)/m.tar", into: "\(folder)/out")
      }
      limits = ArchiveLimits()
      limits.maxBytes = 9
      #expect(throws: ArchiveError.self) {
        try ArchiveExtractor(limits: limits).extract("\(folder)/m.tar", into: "\(folder)/out")
      }
    }
  }

  @Test func wrongBytesAreNoArchive() {
    withFolder { folder in
      save(Array("PK\u{3}\u{4} this is no tar".utf8) + [UInt8](repeating: 65, count: 600), "\(folder)/m.tar")
      #expect { try ArchiveExtractor().extract("\(folder)/m.tar", into: "\(folder)/out") } throws: {
        ($0 as? ArchiveError)?.code == .malformed
      }
      save([0x1F, 0x8B, 8, 0, 1, 2, 3, 4, 5, 6, 7, 8], "\(folder)/m.tgz")
      #expect(throws: ArchiveError.self) { try ArchiveExtractor().extract("\(folder)/m.tgz", into: "\(folder)/out") }
    }
  }

  // MARK: Hostile headers

  /// `header` with its size field replaced and the checksum made right again.
  private func sized(_ name: String, _ field: [UInt8], type: Character = "0") -> [UInt8] {
    var block = header(name, size: 0, type: type)
    for (i, byte) in field.enumerated() { block[124 + i] = byte }
    for i in 148..<156 { block[i] = 32 }
    let digits = String(block.reduce(0) { $0 + Int($1) }, radix: 8)
    for (i, c) in (String(repeating: "0", count: 6 - digits.count) + digits + "\0 ").utf8.enumerated() {
      block[148 + i] = c
    }
    return block
  }

  private func pax(_ record: String) -> [UInt8] {
    let bytes = Array(record.utf8)
    return header("p", size: bytes.count, type: "x") + bytes
      + [UInt8](repeating: 0, count: (512 - bytes.count % 512) % 512)
  }

  private func code(_ bytes: [UInt8]) -> ArchiveError.Code? {
    withFolder { folder -> ArchiveError.Code? in
      save(bytes, "\(folder)/m.tar")
      do {
        try ArchiveExtractor().extract("\(folder)/m.tar", into: "\(folder)/out")
        return nil
      } catch {
        #expect(access("\(folder)/out", F_OK) != 0)
        return (error as? ArchiveError)?.code
      }
    }
  }

  @Test func sizesThatOverflowAreRefused() {
    let greatest: [UInt8] = [0x80, 0, 0, 0, 0x7F] + [UInt8](repeating: 0xFF, count: 7)
    #expect(code(entry("a", "x") + sized("b", greatest)) == .limit)
    #expect(code(sized("b", [UInt8](repeating: 0xFF, count: 12))) == .malformed)
    #expect(code(sized("f/", greatest, type: "L")) == .limit)
    #expect(code(entry("a", "x") + pax("28 size=9223372036854775807\n") + header("b", size: 1)) == .limit)
    #expect(code(pax("11 size=-1\n") + header("b", size: 1)) == .malformed)
  }

  @Test(arguments: ["0 a=b\n", "3 a\n", "99 a=b\n", "-5 a=b\n", "x a=b\n", "6 a=b", "1 ", "9223372036854775807 a=b\n"])
  func unsoundExtendedHeadersAreRefusedOrPassedOver(_ record: String) {
    let got = code(pax(record) + entry("a", "x") + end)
    #expect(got == .malformed || record == "6 a=b")
  }

  /// A combining mark after a slash makes one character of the two: the path must be judged by its bytes.
  @Test func aCombiningMarkDoesNotHideASlash() {
    #expect(code(entry("../\u{338}x", "x") + end) == .unsafeEntry)
    #expect(code(entry("a/..\u{2F}\u{301}", "x") + end) == .unsafeEntry)
    #expect(code(entry("/\u{338}x", "x") + end) == .unsafeEntry)
    withFolder { folder in
      save(pax("20 path=../\u{338}escaped\n".replacingLength) + entry("a", "x") + end, "\(folder)/m.tar")
      try? ArchiveExtractor().extract("\(folder)/m.tar", into: "\(folder)/out")
      #expect(access("\(folder)/\u{338}escaped", F_OK) != 0)
    }
  }

  @Test func aFileInThePlaceOfAFolderIsAnError() {
    #expect(code(entry("a", "x") + entry("a/b", "x") + end) == .io)
    #expect(code(entry("a/b", "x") + entry("a", "x") + end) == .io)
  }

  @Test func everyChangedByteIsTakenOrRefused() {
    withFolder { folder in
      let whole = entry("a.txt", "hello") + pax("15 path=b/c.d\n".replacingLength) + entry("b.txt", "world") + end
      for at in stride(from: 0, to: whole.count - 1024, by: 3) {
        var bytes = whole
        bytes[at] ^= UInt8(truncatingIfNeeded: at &* 31 | 1)
        save(bytes, "\(folder)/m.tar")
        try? ArchiveExtractor().extract("\(folder)/m.tar", into: "\(folder)/out")
        ArchiveExtractor.remove("\(folder)/out")
      }
    }
  }
}

extension String {
  /// A pax record with its length put right.
  fileprivate var replacingLength: String {
    let rest = self.drop { $0 != " " }
    var length = rest.utf8.count
    while "\(length)".utf8.count + rest.utf8.count != length { length = "\(length)".utf8.count + rest.utf8.count }
    return "\(length)\(rest)"
  }
}
