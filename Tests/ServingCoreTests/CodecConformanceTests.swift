import ServingCore
import ServingTesting
import TensorCore
import Testing

@Suite struct CodecConformanceTests {
  #if DEBUG
  static let mutations = 3_000
  #else
  static let mutations = 60_000
  #endif

  static let matrix = ModelSignature(
    inputs: [Models.port("x", .float32, [nil, 2])], outputs: [Models.port("y", .float32, [nil])], columns: ["a", "b"])
  static let columns = ModelSignature(
    inputs: [
      Models.port("age", .int64, [nil, 1]), Models.port("city", .string, [nil, 1]), Models.port("ok", .bool, [nil, 1]),
      Models.port("w", .float64, [nil, 2]), Models.port("extra", .float32, [nil, nil], required: false),
    ], outputs: [Models.port("y", .float32, [nil])])
  static let cube = ModelSignature(
    inputs: [Models.port("x", .uint8, [nil, 2, 2])], outputs: [Models.port("y", .float32, [nil])])

  private func bytes(_ texts: String...) -> [[UInt8]] { texts.map { Array($0.utf8) } }

  @Test("JSON survives truncation, damage and tight limits")
  func json() {
    let rows = bytes(
      #"{"instances":[[1,2.5],{"features":[3e-2,4]},{"b":1,"a":2},{"x":[5,6]},{"data":{"features":{"values":[1,2]}}}]}"#,
      #"{"inputs":{"x":[[1,2],[3,4]]}}"#, #"[[0.1234567890123456789,1e30]]"#, #"{"features":[1,2]}"#,
      #"{"dataframe_split":{"data":[["p",2,1]],"index":["r"],"columns":["z","b","a"]}}"#,
      #"{"dataframe_records":[{"a":1,"z":{"q":[null,true,"\u00e9\ud83d\ude00"]},"b":2}]}"#)
    #expect(CheckCodec(JSONCodec(), for: Self.matrix).all(bodies: rows, mutations: Self.mutations, seed: 1) == [])
    let mixed = bytes(
      #"{"instances":[[39,"Bern",true,1,2],{"age":1,"city":"Z\u00fcrich","ok":0,"w":[1,2]}]}"#,
      #"{"age":[1,2],"city":[["a"],["b"]],"ok":[true,false],"w":[[1,2],[3,4]],"extra":[[1,2,3],[4,5,6]]}"#)
    #expect(CheckCodec(JSONCodec(), for: Self.columns).all(bodies: mixed, mutations: Self.mutations, seed: 2) == [])
    let cube = bytes("[[[1,2],[3,4]]]", "{\"inputs\":[[1,2,3,4]]}")
    #expect(CheckCodec(JSONCodec(), for: Self.cube).all(bodies: cube, mutations: Self.mutations, seed: 3) == [])
  }

  @Test("JSON Lines survives truncation, damage and tight limits")
  func jsonLines() {
    let rows = bytes("[1,2]\n{\"features\":[3,4]}\n{\"b\":1,\"a\":2}\n")
    #expect(CheckCodec(JSONLinesCodec(), for: Self.matrix).all(bodies: rows, mutations: Self.mutations, seed: 4) == [])
  }

  @Test("CSV survives truncation, damage and tight limits")
  func csv() {
    let rows = bytes("1,2.5\n3e-2,-4\r\n", "b,a,z\n1,2,\"x,\"\"y\"\n", "\"1\",2")
    #expect(CheckCodec(CSVCodec(), for: Self.matrix).all(bodies: rows, mutations: Self.mutations, seed: 5) == [])
    let mixed = bytes("39,Bern,true,1,2\n40,\"a,\"\"b\nc\",0,3,4\n")
    #expect(CheckCodec(CSVCodec(), for: Self.columns).all(bodies: mixed, mutations: Self.mutations, seed: 6) == [])
    let free = ModelSignature(inputs: [Models.port("x", .float32, [nil, nil, 2])], outputs: [])
    #expect(
      CheckCodec(CSVCodec(), for: free).all(bodies: bytes("1,2,3,4\n5,6,7,8"), mutations: Self.mutations, seed: 7) == []
    )
  }

  @Test("npy and npz survive truncation, damage and tight limits")
  func numpy() {
    let arrays = [NpyFixtures.float32, NpyFixtures.bigFortranFloat64, NpyFixtures.int64, NpyFixtures.version3]
    #expect(CheckCodec(NpyCodec(), for: Self.matrix).all(bodies: arrays, mutations: Self.mutations, seed: 8) == [])
    let strings = ModelSignature(inputs: [Models.port("x", .string, [nil, 2])], outputs: [])
    #expect(
      CheckCodec(NpyCodec(), for: strings).all(
        bodies: [NpyFixtures.unicode, NpyFixtures.bytes], mutations: Self.mutations, seed: 9) == [])
    #expect(
      CheckCodec(NpzCodec(), for: Self.matrix).all(
        bodies: [NpyFixtures.npz, NpyFixtures.npzNamedDeflated], mutations: Self.mutations, seed: 10) == [])
  }

  @Test("what CSV and npy write, they read")
  func roundTrips() throws {
    let tensor = try Tensor(
      [Float(0.1), 1e-30, -3.4028235e38, 16_777_216, 1.1754944e-38, 0.333_333_34], shape: [3, 2])
    let writer = try Models.answering([("y", .tensor(tensor))])
    for type in ["text/csv", "application/x-npy"] {
      let answer = try writer.call("1".utf8, contentType: "text/csv", accept: type)
      let (reader, model) = try Models.matrix(2)
      _ = try reader.call(answer.body, contentType: type)
      #expect(model.given(Float.self)?.elements.map(\.bitPattern) == tensor.array(of: Float.self)?.map(\.bitPattern))
    }
    let lines = try writer.call("1".utf8, contentType: "text/csv", accept: "application/jsonlines")
    let (reader, model) = try Models.matrix(2)
    _ = try reader.call(lines.body, contentType: "application/jsonlines")
    #expect(model.given(Float.self)?.elements == tensor.array(of: Float.self))
  }
}
