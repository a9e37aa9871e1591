import ServingCore
import ServingTesting
import TensorCore
import Testing

/// Decodes base64 text that a script wrote.
func base64(_ text: String) -> [UInt8] {
  let alphabet = Array("ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/".utf8)
  var out: [UInt8] = []
  var bits: UInt32 = 0
  var count = 0
  for byte in text.utf8 {
    guard let value = alphabet.firstIndex(of: byte) else { continue }
    bits = bits << 6 | UInt32(value)
    count += 6
    if count >= 8 {
      count -= 8
      out.append(UInt8(truncatingIfNeeded: bits >> UInt32(count)))
    }
  }
  return out
}

@Suite struct NpyTests {
  static let npy = "application/x-npy"
  static let npz = "application/x-npz"

  @Test(
    "arrays that NumPy writes are read whatever their version, order and width",
    arguments: [
      NpyFixtures.float32, NpyFixtures.version2, NpyFixtures.version3, NpyFixtures.bigFortranFloat64,
      NpyFixtures.float16,
    ])
  func layouts(_ body: [UInt8]) throws {
    for dtype in [DType.float32, .float64, .bfloat16, .float16] {
      let (service, model) = try Models.matrix(2, dtype)
      _ = try service.call(body, contentType: Self.npy)
      #expect(model.inputs[0]?.tensor?.shape == [2, 2])
      if dtype == .float32 { #expect(model.given(Float.self)?.elements == [1.5, -2, 3, 4]) }
      if dtype == .float64 { #expect(model.given(Double.self)?.elements == [1.5, -2, 3, 4]) }
      if dtype == .bfloat16 {
        #expect(
          model.inputs[0]?.tensor?.unsafeElements(of: UInt16.self).map { $0 } == [0x3FC0, 0xC000, 0x4040, 0x4080])
      }
      if dtype == .float16 {
        #expect(
          model.inputs[0]?.tensor?.unsafeElements(of: UInt16.self).map { $0 } == [0x3E00, 0xC000, 0x4200, 0x4400])
      }
    }
  }

  @Test("values are cast where the input holds them exactly")
  func casts() throws {
    func given(_ body: [UInt8], _ dtype: DType, _ width: Int = 2) throws -> FixedPredictor {
      let (service, model) = try Models.matrix(width, dtype)
      _ = try service.call(body, contentType: Self.npy)
      return model
    }
    #expect(try given(NpyFixtures.int64, .float32).given(Float.self)?.elements == [1, 2, 3, 4])
    #expect(try given(NpyFixtures.int64, .int8).given(Int8.self)?.elements == [1, 2, 3, 4])
    #expect(try given(NpyFixtures.uint8, .int16).given(Int16.self)?.elements == [1, 2, 3, 255])
    #expect(try given(NpyFixtures.bool, .bool).given(Bool.self)?.elements == [true, false])
    #expect(try given(NpyFixtures.bool, .float32).given(Float.self)?.elements == [1, 0])
    #expect(try given(NpyFixtures.hugeInt64, .float64).given(Double.self)?.elements == [1, 2, 3, 16_777_217])
    #expect(try given(NpyFixtures.unicode, .string).givenStrings() == ["Bern", "Zürich😀"])
    #expect(try given(NpyFixtures.bytes, .string).givenStrings() == ["ab", "c"])
    let odd = try #require(try given(NpyFixtures.nan, .float32).given(Float.self)?.elements)
    #expect(odd[0].isNaN && odd[1] == .infinity)
    for (body, dtype) in [
      (NpyFixtures.hugeInt64, DType.float32), (NpyFixtures.uint8, .int8), (NpyFixtures.float32, .int64),
      (NpyFixtures.int64, .bool), (NpyFixtures.nan, .int64), (NpyFixtures.tooGreat, .float32),
      (NpyFixtures.unicode, .float32),
      (NpyFixtures.float32, .string), (NpyFixtures.objects, .float32), (NpyFixtures.objects, .string),
      (NpyFixtures.structured, .float32),
    ] {
      let (service, _) = try Models.matrix(2, dtype)
      #expect(try failure(service, body, Self.npy).code == .invalidValue)
    }
    let (service, _) = try Models.matrix(2)
    #expect(try failure(service, NpyFixtures.objects, Self.npy).message.contains("never read"))
    #expect(try failure(service, NpyFixtures.oneDimensional, Self.npy).code == .shapeMismatch)
    #expect(try failure(service, NpyFixtures.noRows, Self.npy).code == .shapeMismatch)
    #expect(try failure(service, [], Self.npy).code == .emptyBody)
  }

  @Test("column-major arrays of any rank are transposed")
  func fortran() throws {
    let (service, model) = try Models.recorder([Models.port("x", .int32, [nil, 3, 2])])
    _ = try service.call(NpyFixtures.fortranCube, contentType: Self.npy)
    #expect(model.given(Int32.self)?.elements == Array(0..<12))
  }

  @Test("archives give an array for each input")
  func archives() throws {
    let (service, model) = try Models.matrix(2)
    _ = try service.call(NpyFixtures.npz, contentType: Self.npz)
    #expect(model.given(Float.self)?.elements == [1.5, -2, 3, 4])
    _ = try service.call(NpyFixtures.npzNamedDeflated, contentType: Self.npz)
    #expect(model.given(Float.self)?.shape == [80, 2])
    #expect(model.given(Float.self)?.elements.suffix(4) == [1.5, -2, 3, 4])
    let (two, columns) = try Models.recorder([
      Models.port("n", .int64, [nil, 1]), Models.port("s", .string, [nil, 1]),
    ])
    _ = try two.call(NpyFixtures.npzTwo, contentType: Self.npz)
    #expect(columns.given(Int64.self)?.elements == [1, 2])
    #expect(columns.givenStrings(1) == ["a", "b"])
    #expect(try failure(two, NpyFixtures.npz, Self.npz).code == .shapeMismatch)
    #expect(try failure(service, NpyFixtures.npzSparse, Self.npz).code == .unknownField)
    #expect(try failure(two, NpyFixtures.float32, Self.npy).code == .badRequest)
    let (small, _) = try Models.recorder(
      [Models.port("x", .float32, [nil, 2])], configuration: .init(limits: CodecLimits(inflatedBytes: 512)))
    #expect(try failure(small, NpyFixtures.npzNamedDeflated, Self.npz).code == .payloadTooLarge)
  }

  @Test("a damaged archive is refused wherever the damage is")
  func damaged() throws {
    let (service, _) = try Models.matrix(2)
    for body in [NpyFixtures.npz, NpyFixtures.npzNamedDeflated] {
      for i in body.indices {
        var damaged = body
        damaged[i] ^= 0x10
        do { _ = try service.call(damaged, contentType: Self.npz) } catch {
          #expect((400..<500).contains(error.code.status))
        }
      }
    }
  }

  @Test(
    "answers are arrays that NumPy reads",
    arguments: [
      (Value.tensor(Tensor([Int64(1), 2])), "<i8", "(2,)", 16),
      (.tensor(Tensor(scalar: 0.5)), "<f8", "()", 8),
      (.tensor(Tensor([true, false])), "|b1", "(2,)", 2),
    ])
  func answers(_ value: Value, _ descr: String, _ shape: String, _ size: Int) throws {
    let service = try Models.answering([("y", value)])
    let answer = try service.call("1".utf8, contentType: "text/csv", accept: Self.npy)
    #expect(answer.contentType == Self.npy)
    #expect(answer.body.count == 128 + size)
    let header = String(decoding: answer.body[10..<(answer.body.count - size)], as: UTF8.self)
    #expect(header.hasPrefix("{'descr': '\(descr)', 'fortran_order': False, 'shape': \(shape), }"))
    #expect(header.hasSuffix("\n"))
    #expect((10 + header.utf8.count) % 64 == 0)
  }

  @Test("a tensor of floats is written byte for byte as NumPy writes it")
  func golden() throws {
    let tensor = try Tensor([Float(1.5), -2, 3, 4], shape: [2, 2])
    let service = try Models.answering([("y", .tensor(tensor))])
    #expect(try service.call("1".utf8, contentType: "text/csv", accept: Self.npy).body == NpyFixtures.float32)
    let strings = try Models.answering([("y", .tensor(try Tensor(strings: ["Bern", "Zürich😀"], shape: [1, 2])))])
    #expect(try strings.call("1".utf8, contentType: "text/csv", accept: Self.npy).body == NpyFixtures.unicode)
  }

  @Test("probabilities of a classifier become a matrix")
  func maps() throws {
    let service = try Models.classifier()
    let answer = try service.call(
      "1\n2".utf8, contentType: "text/csv", accept: Self.npy, attributes: "outputs=probabilities")
    let (reader, model) = try Models.matrix(2)
    _ = try reader.call(answer.body, contentType: Self.npy)
    #expect(model.given(Float.self)?.shape == [2, 2])
    #expect(model.given(Float.self)?.elements == [0.9, 0.1, 0.25, 0.75])
  }
}
