import ArtifactStores
import Glibc
import Testing

/// Archives that other programs made; `Fixtures/generate.py` says which.
enum ArchiveFixture {
  static let folder = "\(#filePath.prefix(#filePath.count - "/ArchiveFixtureTests.swift".count))/Fixtures"

  static let whole = [
    "gnu.tar", "oldgnu.tar", "pax.tar", "py-gnu.tar", "py-pax.tar", "one.tar.gz", "members.tgz", "padded.tar.gz",
    "trailing.tar.gz", "stored.zip", "deflated.zip", "streamed.zip", "zip64.zip", "zip64-end.zip", "infozip.zip",
  ]
  static let short = ["ustar.tar", "v7.tar"]
  static let sparse = ["sparse-old.tar.gz", "sparse-0.0.tar.gz", "sparse-0.1.tar.gz", "sparse-1.0.tar.gz"]

  static let long = "folder/" + String(repeating: "d", count: 110) + "/" + String(repeating: "n", count: 120) + ".txt"
  static let model = (0..<700).map { UInt8(truncatingIfNeeded: $0 * 7 + 3) }
  /// What the archives hold; a link has the bytes that it leads to.
  static let files: [String: [UInt8]] = [
    "m.onnx": model, "zhard": model, "folder/up": model, "folder/labels.txt": Array("setosa\n".utf8),
    "soft": Array("setosa\n".utf8), "folder/r\u{E9}seau.txt": Array("r\u{E9}seau\n".utf8), long: Array("long\n".utf8),
    "run.sh": Array("#!/bin/sh\n".utf8),
  ]
}

/// Unpacks bytes in `scratch` under `name`; the code of the error, or nil.
func unpack(
  _ bytes: [UInt8], _ name: String, in scratch: Scratch, limits: ArchiveLimits = ArchiveLimits()
) -> ArchiveError.Code? {
  let (archive, out) = (scratch.write(name, bytes), "\(scratch.path)/out")
  ArchiveExtractor.remove(out)
  do {
    try ArchiveExtractor(limits: limits).extract(archive, into: out)
    return nil
  } catch {
    // Nothing is left, nor was anything written beside.
    #expect(tree(scratch.path) == [name])
    return error.code
  }
}

@Suite struct ArchiveFixtureTests {
  private func read(_ name: String) throws -> [UInt8] {
    try #require(bytes(of: "\(ArchiveFixture.folder)/\(name)"))
  }

  @Test(arguments: ArchiveFixture.whole)
  func everyFileOfAnArchiveIsUnpacked(_ name: String) throws {
    let scratch = Scratch(isInMemory: true)
    #expect(unpack(try read("good/\(name)"), name, in: scratch) == nil)
    let out = "\(scratch.path)/out"
    #expect(tree(out) == ArchiveFixture.files.keys.sorted())
    for (path, expected) in ArchiveFixture.files { #expect(bytes(of: "\(out)/\(path)") == expected) }
    var info = stat()
    #expect(stat("\(out)/run.sh", &info) == 0 && info.st_mode & 0o7777 == 0o755)
    #expect(stat("\(out)/m.onnx", &info) == 0 && info.st_mode & 0o7777 == 0o644)
    #expect(lstat("\(out)/soft", &info) == 0 && info.st_mode & S_IFMT == S_IFLNK)
    #expect(ArchiveExtractor.isArchive("\(scratch.path)/\(name)"))
  }

  @Test(arguments: ArchiveFixture.short)
  func oldFormatsAreUnpacked(_ name: String) throws {
    let scratch = Scratch(isInMemory: true)
    #expect(unpack(try read("good/\(name)"), name, in: scratch) == nil)
    #expect(tree("\(scratch.path)/out") == ["folder/labels.txt", "m.onnx", "run.sh", "soft", "zhard"])
    #expect(bytes(of: "\(scratch.path)/out/zhard") == ArchiveFixture.model)
  }

  @Test(arguments: ArchiveFixture.sparse)
  func sparseFilesAreUnpacked(_ name: String) throws {
    let scratch = Scratch(isInMemory: true)
    let archive = try read("good/\(name)")
    #expect(unpack(archive, name, in: scratch) == nil)
    let got = try #require(bytes(of: "\(scratch.path)/out/sparse.bin"))
    var expected = [UInt8](repeating: 0, count: 30 * 65536)
    for i in 0..<30 {
      let digits = Array("\(10000 + i)".utf8.dropFirst())
      expected.replaceSubrange(i * 65536..<i * 65536 + 4, with: digits)
    }
    #expect(got == expected)
    #expect(contents("\(scratch.path)/out/after") == "after\n")
    var limits = ArchiveLimits()
    limits.maxSparsePieces = 29
    #expect(unpack(archive, name, in: scratch, limits: limits) == .limit)
    limits = ArchiveLimits()
    limits.maxBytes = 1_000_000
    #expect(unpack(archive, name, in: scratch, limits: limits) == .limit)
  }

  @Test(arguments: [
    ("bomb.tar.gz", ArchiveError.Code.limit), ("bomb.zip", .limit), ("overlap-same.zip", .malformed),
    ("overlap-long.zip", .malformed), ("encrypted.zip", .malformed), ("lzma.zip", .malformed),
    ("checksum.zip", .malformed), ("longer.zip", .malformed), ("shorter.zip", .malformed), ("renamed.zip", .malformed),
    ("count.zip", .malformed), ("offset.zip", .malformed), ("dotdot.zip", .unsafeEntry), ("inner.zip", .unsafeEntry),
    ("absolute.zip", .unsafeEntry), ("symlink.zip", .unsafeEntry), ("device.zip", .unsafeEntry),
    ("empty.zip", .malformed),
  ])
  func hostileArchivesAreRefused(_ name: String, _ code: ArchiveError.Code) throws {
    #expect(unpack(try read("bad/\(name)"), name, in: Scratch(isInMemory: true)) == code)
  }

  @Test(arguments: ["one.tar.gz", "members.tgz", "deflated.zip", "streamed.zip", "zip64-end.zip", "stored.zip"])
  func everyTruncationIsRefused(_ name: String) throws {
    let scratch = Scratch(isInMemory: true)
    let whole = try read("good/\(name)")
    for length in stride(from: 0, to: whole.count, by: name == "stored.zip" || name == "streamed.zip" ? 7 : 1) {
      // A member that is cut off whole leaves a stream that ends early inside the archive, or at one of its ends.
      let code = unpack(Array(whole[..<length]), name, in: scratch)
      guard code == nil else { continue }
      Issue.record("\(length) of \(whole.count) bytes pass for an archive")
    }
  }

  @Test(arguments: ["one.tar.gz", "deflated.zip", "stored.zip", "zip64-end.zip", "pax.tar"])
  func noChangedBitGoesUnnoticedInAFile(_ name: String) throws {
    let scratch = Scratch(isInMemory: true)
    let whole = try read("good/\(name)")
    let isTar = name.hasSuffix(".tar")
    // An entry's kind has no checksum: a link may become a file of its target's text, and a folder an empty one.
    let targets = ["folder/labels.txt", "../m.onnx", ""].map { Array($0.utf8) }
    let known = Set(Array(ArchiveFixture.files.values) + targets)
    for at in stride(from: 0, to: whole.count, by: isTar ? 41 : whole.count > 1000 ? 3 : 1) {
      var bytes = whole
      bytes[at] ^= 1 << UInt8(at % 8)
      guard unpack(bytes, name, in: scratch) == nil, !isTar else { continue }
      for path in tree("\(scratch.path)/out") {
        // A link's target is a path, not a file's bytes; that it leads inside is checked when it is made.
        guard let got = fileBytes("\(scratch.path)/out/\(path)") else { continue }
        #expect(known.contains(got), "byte \(at) is changed, and \(path) is not what it was")
      }
    }
  }
}

/// The bytes of a file; nil for a link that leads nowhere or to a folder.
private func fileBytes(_ path: String) -> [UInt8]? {
  var info = stat()
  guard stat(path, &info) == 0, info.st_mode & S_IFMT == S_IFREG else { return nil }
  return bytes(of: path)
}
