import FormatONNX
import TensorCore
import Testing

#if canImport(Glibc)
import Glibc
#elseif canImport(Musl)
import Musl
#elseif canImport(Darwin)
import Darwin
#endif

@Suite struct DamagedModelTests {
  @Test func everyTruncationGivesAnErrorOrAModel() {
    let files = TestFiles()
    let models = SmallModels.load(atMost: 900, count: 20)
    #expect(models.count >= 20)
    var refused = 0
    for model in models {
      for length in model.bytes.indices {
        do { _ = try files.load(Array(model.bytes[..<length])) } catch { refused += 1 }
      }
    }
    #expect(refused > 0)
  }

  @Test func everyDamagedByteGivesAnErrorOrAModel() {
    let files = TestFiles()
    let models = SmallModels.load(atMost: 3000, count: 10)
    var random = SplitMix(state: 2026)
    for round in 0..<20_000 {
      var bytes = models[round % models.count].bytes
      for _ in 0..<(1 + round % 3) { bytes[Int(random.next() % UInt64(bytes.count))] = UInt8(random.next() & 255) }
      _ = try? files.load(bytes)
    }
  }

  @Test func whatIsNoModelSaysSo() throws {
    let files = TestFiles()
    #expect(message { _ = try files.load([]) }.contains("is empty"))
    #expect(message { _ = try files.load(Array("this is text, no model".utf8)) }.contains("byte"))
    #expect(message { _ = try files.load([0x08, 0x07]) }.contains("no graph"))
    #expect(message { _ = try ONNXFormat.load(path: files.folder) }.contains("directory"))
    #expect(message { _ = try ONNXFormat.load(path: "\(files.folder)/none") }.contains("No such file"))
    let pipe = "\(files.folder)/pipe"
    mkfifo(pipe, 0o600)
    #expect(throws: (any Error).self) { try ONNXFormat.load(path: pipe) }
  }

  @Test func aLargeFileOfNothingIsRefusedAtItsFirstByte() throws {
    let files = TestFiles()
    let path = files.write([])
    #expect(truncate(path, 1 << 30) == 0)
    #expect(message { _ = try ONNXFormat.load(path: path) }.contains("byte 1"))
  }
}

/// The generator of Steele, Lea and Flood (2014).
struct SplitMix {
  var state: UInt64

  mutating func next() -> UInt64 {
    state &+= 0x9E37_79B9_7F4A_7C15
    var z = state
    z = (z ^ (z >> 30)) &* 0xBF58_476D_1CE4_E5B9
    z = (z ^ (z >> 27)) &* 0x94D0_49BB_1331_11EB
    return z ^ (z >> 31)
  }
}
