import ArtifactStores
import Glibc
import Testing

/// A fresh folder that is removed when `body` ends.
private func withFolder<R>(_ body: (String) throws -> R) rethrows -> R {
  let scratch = Scratch(isInMemory: true)
  return try body(scratch.path)
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
      save(
        tarEntry("./a/b.txt", "one") + tarEntry("c.txt", "two") + tarEntry("a/b.txt", "three") + tarEnd,
        "\(folder)/m.tar")
      try ArchiveExtractor().extract("\(folder)/m.tar", into: "\(folder)/out")
      #expect(text("\(folder)/out/a/b.txt") == "three")
      #expect(text("\(folder)/out/c.txt") == "two")
    }
  }

  @Test(arguments: ["../x", "/tmp/x", "a/../../x"])
  func refusesPathsThatLeaveTheFolder(_ name: String) {
    withFolder { folder in
      save(tarEntry(name, "x") + tarEnd, "\(folder)/m.tar")
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
      save(tarHeader("l", size: 0, type: type, link: "/etc/passwd") + tarEnd, "\(folder)/m.tar")
      #expect { try ArchiveExtractor().extract("\(folder)/m.tar", into: "\(folder)/out") } throws: {
        ($0 as? ArchiveError)?.code == .unsafeEntry
      }
    }
  }

  @Test func everyTruncationIsAnErrorOrAShorterArchive() {
    withFolder { folder in
      let whole = tarEntry("a.txt", "hello") + tarEntry("b.txt", "world") + tarEnd
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
      save(tarEntry("a.txt", "hello") + tarEntry("b.txt", "world") + tarEnd, "\(folder)/m.tar")
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

  /// A header with its size field replaced and the checksum made right again.
  private func sized(_ name: String, _ field: [UInt8], type: Character = "0") -> [UInt8] {
    var block = tarHeader(name, size: 0, type: type)
    for (i, byte) in field.enumerated() { block[124 + i] = byte }
    return withChecksum(block)
  }

  private func pax(_ record: String) -> [UInt8] {
    let bytes = Array(record.utf8)
    return tarHeader("p", size: bytes.count, type: "x") + tarBody(bytes)
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
    #expect(code(tarEntry("a", "x") + sized("b", greatest)) == .limit)
    #expect(code(sized("b", [UInt8](repeating: 0xFF, count: 12))) == .malformed)
    #expect(code(sized("f/", greatest, type: "L")) == .limit)
    #expect(code(tarEntry("a", "x") + pax("28 size=9223372036854775807\n") + tarHeader("b", size: 1)) == .limit)
    #expect(code(pax("11 size=-1\n") + tarHeader("b", size: 1)) == .malformed)
  }

  @Test(arguments: ["0 a=b\n", "3 a\n", "99 a=b\n", "-5 a=b\n", "x a=b\n", "6 a=b", "1 ", "9223372036854775807 a=b\n"])
  func unsoundExtendedHeadersAreRefusedOrPassedOver(_ record: String) {
    let got = code(pax(record) + tarEntry("a", "x") + tarEnd)
    #expect(got == .malformed || record == "6 a=b")
  }

  /// A combining mark after a slash makes one character of the two: the path must be judged by its bytes.
  @Test func aCombiningMarkDoesNotHideASlash() {
    #expect(code(tarEntry("../\u{338}x", "x") + tarEnd) == .unsafeEntry)
    #expect(code(tarEntry("a/..\u{2F}\u{301}", "x") + tarEnd) == .unsafeEntry)
    #expect(code(tarEntry("/\u{338}x", "x") + tarEnd) == .unsafeEntry)
    withFolder { folder in
      save(pax("20 path=../\u{338}escaped\n".replacingLength) + tarEntry("a", "x") + tarEnd, "\(folder)/m.tar")
      try? ArchiveExtractor().extract("\(folder)/m.tar", into: "\(folder)/out")
      #expect(access("\(folder)/\u{338}escaped", F_OK) != 0)
    }
  }

  @Test func aFileInThePlaceOfAFolderIsAnError() {
    #expect(code(tarEntry("a", "x") + tarEntry("a/b", "x") + tarEnd) == .io)
    #expect(code(tarEntry("a/b", "x") + tarEntry("a", "x") + tarEnd) == .io)
  }

  @Test func everyChangedByteIsTakenOrRefused() {
    withFolder { folder in
      let whole =
        tarEntry("a.txt", "hello") + pax("15 path=b/c.d\n".replacingLength) + tarEntry("b.txt", "world") + tarEnd
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
