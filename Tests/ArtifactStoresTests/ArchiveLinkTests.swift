import ArtifactStores
import Glibc
import Testing

private func link(_ name: String, _ target: String, hard: Bool = false) -> [UInt8] {
  tarHeader(name, size: 0, type: hard ? "1" : "2", link: target)
}

private func folder(_ name: String) -> [UInt8] { tarHeader(name, size: 0, type: "5") }

@Suite struct ArchiveLinkTests {
  @Test(arguments: [
    ("out by ..", [link("a", "../x")]),
    ("out by ..", [link("d/a", "../../x")]),
    ("out by the root", [link("a", "/etc/passwd")]),
    ("nowhere", [link("a", "")]),
    ("out by a chain", [link("a", "d/e/x"), link("d/e", "../..")]),
    ("out by a chain, made later", [link("a", "b/x"), tarEntry("c", "x"), link("b", "..")]),
    ("out by .. after a link", [folder("d/e/f"), link("l", "d/e"), link("a", "l/../../../x")]),
    ("to itself", [link("a", "a")]),
    ("a circle", [link("a", "b"), link("b", "c"), link("c", "a")]),
    ("to a folder around it", [link("d/a", ".")]),
    ("to a folder around it", [link("d/a", "..")]),
    ("hard, out", [link("a", "../x", hard: true)]),
    ("hard, to the root", [link("a", "/etc/passwd", hard: true)]),
    ("hard, to what is not there", [link("a", "b", hard: true), tarEntry("b", "x")]),
    ("hard, to a folder", [folder("d"), link("a", "d", hard: true)]),
    ("hard, to a link out", [link("l", "../x"), link("a", "l", hard: true)]),
    ("a file through a link", [folder("d"), link("a", "d"), tarEntry("a/x", "x")]),
    ("a folder through a link", [folder("d"), link("a", "d"), folder("a/x")]),
    ("a link's place taken by a folder", [folder("d"), link("a", "d"), folder("a")]),
    ("a link through a link", [folder("d"), link("a", "d"), link("a/x", "../d")]),
  ])
  func linksThatLeadOutAreRefused(_ what: String, _ entries: [[UInt8]]) {
    let scratch = Scratch(isInMemory: true)
    let code = unpack(entries.flatMap { $0 } + tarEnd, "m.tar", in: scratch)
    #expect(code == .unsafeEntry, "\(what)")
  }

  @Test func chainsAreBounded() {
    for (count, code) in [(30, nil), (60, ArchiveError.Code.unsafeEntry)] {
      var bytes = tarEntry("l0", "x")
      for i in 1...count { bytes += link("l\(i)", "l\(i - 1)") }
      #expect(unpack(bytes + tarEnd, "m.tar", in: Scratch(isInMemory: true)) == code)
    }
    // Every link doubles the way.
    var bytes: [UInt8] = folder("d")
    bytes += link("l0", "d")
    for i in 1...60 { bytes += link("l\(i)", "l\(i - 1)/../l\(i - 1)") }
    #expect(unpack(bytes + tarEnd, "m.tar", in: Scratch(isInMemory: true)) == .unsafeEntry)
  }

  @Test func linksInsideAreKept() {
    let scratch = Scratch(isInMemory: true)
    let bytes =
      tarEntry("data/v2/m.onnx", "two") + link("current", "data/v2") + link("m.onnx", "current/m.onnx")
      + link("data/v2/up", "../../other") + link("copy", "./data//v2/m.onnx", hard: true) + tarEntry("other", "x")
      + link("data/dangling", "nothing")
    #expect(unpack(bytes + tarEnd, "m.tar", in: scratch) == nil)
    #expect(contents("\(scratch.path)/out/m.onnx") == "two")
    #expect(contents("\(scratch.path)/out/copy") == "two")
    #expect(contents("\(scratch.path)/out/data/v2/up") == "x")
  }

  @Test func theLastOfTwoEntriesWinsWhateverTheyAre() {
    let scratch = Scratch(isInMemory: true)
    #expect(unpack(link("a", "b") + tarEntry("a", "file") + tarEnd, "m.tar", in: scratch) == nil)
    #expect(contents("\(scratch.path)/out/a") == "file")
    #expect(unpack(tarEntry("b", "b") + tarEntry("a", "file") + link("a", "b") + tarEnd, "m.tar", in: scratch) == nil)
    #expect(contents("\(scratch.path)/out/a") == "b")
    // A file that replaces a hard link does not write through it.
    let bytes = tarEntry("a", "one") + link("b", "a", hard: true) + tarEntry("b", "two")
    #expect(unpack(bytes + tarEnd, "m.tar", in: scratch) == nil)
    #expect(contents("\(scratch.path)/out/a") == "one")
    #expect(contents("\(scratch.path)/out/b") == "two")
  }

  @Test func whatIsNoTarIsNoArchiveByItsContent() {
    let scratch = Scratch(isInMemory: true)
    let zip = Array("PK\u{3}\u{4}".utf8) + [UInt8](repeating: 0, count: 600)
    for (name, isArchive) in [("m.npz", false), ("m.pt", false), ("m.zip", true), ("m.ZIP", true)] {
      #expect(ArchiveExtractor.isArchive(scratch.write(name, zip)) == isArchive)
    }
    #expect(ArchiveExtractor.isArchive(scratch.write("m", tarEntry("a", "x") + tarEnd)))
    // An empty gzip stream, and one of text.
    let gzip: [UInt8] = [0x1F, 0x8B, 8, 0, 0, 0, 0, 0, 0, 3, 3, 0, 0, 0, 0, 0, 0, 0, 0, 0]
    #expect(!ArchiveExtractor.isArchive(scratch.write("vocab.gz", gzip)))
    #expect(!ArchiveExtractor.isArchive(scratch.write("empty", [])))
    scratch.write("folder.tar/m.onnx", "x")
    #expect(!ArchiveExtractor.isArchive("\(scratch.path)/folder.tar"))
    #expect(!ArchiveExtractor.isArchive(scratch.path))
    #expect(!ArchiveExtractor.isArchive("\(scratch.path)/nothing"))
  }

  @Test func pathsAreBounded() {
    let deep = Array(repeating: "d", count: 66).joined(separator: "/")
    #expect(unpack(tarEntry("\(deep.prefix(99))", "x") + tarEnd, "m.tar", in: Scratch(isInMemory: true)) == nil)
    let record = "path=\(deep)/x\n"
    let pax = "\(record.utf8.count + 4) \(record)"
    let bytes = tarHeader("p", size: pax.utf8.count, type: "x") + tarBody(Array(pax.utf8)) + tarEntry("a", "x")
    #expect(unpack(bytes + tarEnd, "m.tar", in: Scratch(isInMemory: true)) == .limit)
  }
}
