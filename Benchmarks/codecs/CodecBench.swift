import ServingCore
import TensorCore

/// Times the codecs alone: `swift run -c release codec-bench`.
///
/// An argument runs the lines that contain it. Every line is the best of several batches, so that a busy machine disturbs it little.
@main
enum CodecBench {
  struct Label: Predictor {
    let signature: ModelSignature
    let value: Value

    func predict(_ inputs: [Value?], outputs: [Int]) throws -> [Value] { outputs.map { _ in value } }
  }

  static func main() throws {
    let iris = InputLayout(signature(width: 4))
    let wide = InputLayout(signature(width: 30))
    var random = SystemRandomNumberGenerator()
    let numbers = (0..<30_000).map { _ in Double.random(in: -1...1, using: &random) }
    let long = rows(numbers.map { $0.description }, width: 30)
    let short = rows(numbers.map { (($0 * 10_000).rounded() / 10_000).description }, width: 30)
    let floats = try Tensor(numbers.map { Float($0) }, shape: [1000, 30])
    let label = try ModelService(Label(signature: signature(width: 4), value: .tensor(Tensor([Int64(1)]))))

    print("One row of four columns")
    decode("csv  decode row", CSVCodec(), Array("5.1,3.5,1.4,0.2\n".utf8), iris)
    decode("json decode row", JSONCodec(), Array(#"{"instances": [[5.1,3.5,1.4,0.2]]}"#.utf8), iris)
    try encode("csv  encode label", CSVCodec(), .tensor(Tensor([Int64(1)])))
    try encode("json encode label", JSONCodec(), .tensor(Tensor([Int64(1)])))
    try invoke("csv  invoke", label, "5.1,3.5,1.4,0.2\n", "text/csv")
    try invoke("csv  invoke, Accept of two", label, "5.1,3.5,1.4,0.2\n", "text/csv", accept: "text/csv, application/json")
    try invoke("json invoke", label, #"{"instances": [[5.1,3.5,1.4,0.2]]}"#, "application/json")

    print("1000 rows of 30 columns")
    for (name, text) in [("17 digits", long), ("4 digits", short)] {
      decode("csv  decode, \(name)", CSVCodec(), Array(text.utf8), wide)
      let json = "{\"instances\": [[" + text.dropLast().split(separator: "\n").joined(separator: "],[") + "]]}"
      decode("json decode, \(name)", JSONCodec(), Array(json.utf8), wide)
      let doubles = InputLayout(signature(width: 30, .float64))
      decode("json decode, \(name), float64", JSONCodec(), Array(json.utf8), doubles)
    }
    try encode("csv  encode float32", CSVCodec(), .tensor(floats))
    try encode("json encode float32", JSONCodec(), .tensor(floats))
    try encode("json encode float64", JSONCodec(), .tensor(try Tensor(numbers, shape: [1000, 30])))
    try encode("npy  encode float32", NpyCodec(), .tensor(floats))
  }

  static func signature(width: Int, _ dtype: DType = .float32) -> ModelSignature {
    ModelSignature(
      inputs: [.init(name: "x", type: .tensor(dtype), dims: [nil, width])],
      outputs: [.init(name: "label", type: .tensor(.int64), dims: [nil])])
  }

  static func rows(_ values: [String], width: Int) -> String {
    stride(from: 0, to: values.count, by: width).map { values[$0..<($0 + width)].joined(separator: ",") + "\n" }.joined()
  }

  static func decode(_ name: String, _ codec: any Codec, _ body: [UInt8], _ layout: InputLayout) {
    report(name, bytes: body.count) {
      body.withUnsafeBytes { bytes in
        guard (try? codec.decode(bytes, for: layout, limits: CodecLimits())) != nil else { return print("refused: \(name)") }
      }
    }
  }

  static func encode(_ name: String, _ codec: any Codec, _ value: Value) throws {
    let answer = Answer(names: ["y"], values: [value])
    func once() throws -> Int {
      var sink = ByteSink()
      try codec.encode(answer, into: &sink)
      return sink.finish().count
    }
    report(name, bytes: try once()) { _ = try? once() }
  }

  static func invoke(_ name: String, _ service: ModelService, _ body: String, _ type: String, accept: String? = nil) throws {
    let bytes = Array(body.utf8)
    report(name, bytes: bytes.count) {
      bytes.withUnsafeBytes {
        _ = try? service.invoke(InvocationRequest(contentType: type, accept: accept ?? type, customAttributes: nil, body: $0))
      }
    }
  }

  static func report(_ name: String, bytes: Int, _ body: () -> Void) {
    if CommandLine.arguments.count > 1, !name.contains(CommandLine.arguments[1]) { return }
    let clock = ContinuousClock()
    for _ in 0..<20 { body() }
    let first = clock.measure(body)
    let calls = max(1, Int(Duration.milliseconds(10) / max(first, .nanoseconds(1))))
    var best = Double.infinity
    for _ in 0..<30 {
      let start = clock.now
      for _ in 0..<calls { body() }
      let (seconds, attoseconds) = (clock.now - start).components
      best = min(best, (Double(seconds) * 1e9 + Double(attoseconds) / 1e9) / Double(calls))
    }
    let padded = name + String(repeating: " ", count: max(0, 34 - name.count))
    print("  \(padded) \(Int(best)) ns  \(Int(Double(bytes) / best * 1000)) MB/s")
  }
}
