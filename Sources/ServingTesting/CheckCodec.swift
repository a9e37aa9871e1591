public import ServingCore
import TensorCore

/// What every codec must hold to, whatever its format: a kit that a codec's test runs with bodies of its own.
///
/// Each check returns the promises that were broken, in words; an empty list is a pass. A trap is a failure of the whole
/// test process, which is what the truncation and mutation checks are for.
public struct CheckCodec {
  public let codec: any Codec
  public let layout: InputLayout

  public init(_ codec: any Codec, for signature: ModelSignature) {
    self.codec = codec
    layout = InputLayout(signature)
  }

  /// All checks, for bodies that the codec takes.
  public func all(bodies: [[UInt8]], mutations: Int, seed: UInt64) -> [String] {
    naming() + emptyBody() + sample() + bodies.flatMap { accepts($0) + truncation($0) + tightLimits($0) }
      + mutation(bodies, count: mutations, seed: seed)
  }

  /// Names are lower case, without parameters, and there is at least one.
  public func naming() -> [String] {
    if codec.mediaTypes.isEmpty { return ["no media type"] }
    return codec.mediaTypes.filter { name in
      name != name.lowercased() || name.contains(";") || name.split(separator: "/").count != 2
    }.map { "\($0) is no plain media type" } + (codec.summary.isEmpty ? ["no summary"] : [])
  }

  /// An empty body is refused as such, or as malformed.
  public func emptyBody() -> [String] {
    switch outcome([]) {
    case .taken: ["an empty body was taken"]
    case .refused: []
    case .wrong(let what): ["an empty body: \(what)"]
    }
  }

  /// The sample body, where there is one, is taken.
  public func sample() -> [String] {
    guard let sample = codec.sample(for: layout) else { return [] }
    return accepts(sample).map { "sample: \($0)" }
  }

  /// `body` is taken.
  public func accepts(_ body: [UInt8]) -> [String] {
    switch outcome(body) {
    case .taken: []
    case .refused(let error): ["a body was refused: \(error)"]
    case .wrong(let what): [what]
    }
  }

  /// The body cut at every byte is taken as a shorter valid body or refused with a 4xx.
  public func truncation(_ body: [UInt8]) -> [String] {
    body.indices.compactMap { length in
      if case .wrong(let what) = outcome(Array(body[..<length])) { "cut at byte \(length): \(what)" } else { nil }
    }
  }

  /// Limits of nearly nothing refuse with a 4xx, or do not matter.
  public func tightLimits(_ body: [UInt8]) -> [String] {
    let limits = CodecLimits(depth: 1, inflatedBytes: 1, archiveMembers: 0)
    if case .wrong(let what) = outcome(body, limits) { return ["under tight limits: \(what)"] }
    return []
  }

  /// Bodies with random damage are taken or refused with a 4xx.
  public func mutation(_ bodies: [[UInt8]], count: Int, seed: UInt64) -> [String] {
    guard !bodies.isEmpty else { return [] }
    var mutator = BodyMutator(seed: seed)
    var problems: [String] = []
    for i in 0..<count {
      let body = mutator.mutated(bodies[i % bodies.count])
      if case .wrong(let what) = outcome(body), problems.count < 10 {
        problems.append("\(what); body \(String(decoding: body.prefix(200), as: UTF8.self))")
      }
    }
    return problems
  }

  private enum Outcome {
    case taken
    case refused(ServingError)
    case wrong(String)
  }

  /// Decodes from memory of exactly the body's size, so that an address sanitizer sees every step outside.
  private func outcome(_ body: [UInt8], _ limits: CodecLimits = CodecLimits()) -> Outcome {
    let exact = UnsafeMutableRawBufferPointer.allocate(byteCount: body.count, alignment: 1)
    defer { exact.deallocate() }
    exact.copyBytes(from: body)
    do {
      let decoded = try codec.decode(UnsafeRawBufferPointer(exact), for: layout, limits: limits)
      return fault(decoded).map { .wrong($0) } ?? .taken
    } catch {
      return (400..<500).contains(error.code.status) ? .refused(error) : .wrong("refused as \(error)")
    }
  }

  /// What is wrong with decoded inputs, or nil.
  private func fault(_ decoded: DecodedRequest) -> String? {
    let ports = layout.signature.inputs
    guard decoded.inputs.count == ports.count else { return "\(decoded.inputs.count) values for \(ports.count) inputs" }
    for (port, value) in zip(ports, decoded.inputs) {
      guard let value else {
        if port.isRequired { return "required input \(port.name) is missing" }
        continue
      }
      guard let tensor = value.tensor, tensor.dtype == port.type.dtype else {
        return "input \(port.name) has another type"
      }
      if tensor.dtype == .string, tensor.strings.count != tensor.count { return "input \(port.name) lacks strings" }
      if tensor.dtype != .string, tensor.storage.byteCount < tensor.unsafeBytes.count {
        return "input \(port.name) lacks bytes"
      }
      guard let dims = port.dims else { continue }
      guard dims.count == tensor.shape.rank, zip(dims, tensor.shape.dims).allSatisfy({ $0 == nil || $0 == $1 }) else {
        return "input \(port.name) has shape \(tensor.shape)"
      }
    }
    return nil
  }
}

/// Damages bodies at random, the same way for the same seed: bytes flipped, cut, repeated, and tokens that parsers find
/// hard put in.
public struct BodyMutator {
  private var state: UInt64

  public init(seed: UInt64) { state = seed }

  private static let tokens: [[UInt8]] =
    [
      "\"", "\\", "[", "]", "{", "}", ",", ":", "\n", "\r\n", "\"\"", "\\u", "\\ud800", "null", "true", "NaN", "1e999",
      "-", "-0",
      "1e-999", "9223372036854775808", "0.1234567890123456789", "00", "\u{FEFF}", "é", "\"instances\"", "\"inputs\"",
      "\"x\":",
      "\"features\":", "(", ")", "'", "PK\u{5}\u{6}", "PK\u{1}\u{2}", "[[[[[[[[", "                    ",
    ].map { Array($0.utf8) } + [[0], [0xFF], [0xFF, 0xFF, 0xFF, 0xFF], [0xC3], [0xED, 0xA0, 0x80], [0x80, 0, 0, 0]]

  /// A 64-bit step of SplitMix64.
  private mutating func next() -> UInt64 {
    state &+= 0x9E37_79B9_7F4A_7C15
    var z = state
    z = (z ^ (z >> 30)) &* 0xBF58_476D_1CE4_E5B9
    z = (z ^ (z >> 27)) &* 0x94D0_49BB_1331_11EB
    return z ^ (z >> 31)
  }

  private mutating func below(_ bound: Int) -> Int { Int(next() % UInt64(Swift.max(bound, 1))) }

  /// `body` with one to four pieces of damage.
  public mutating func mutated(_ body: [UInt8]) -> [UInt8] {
    var body = body
    for _ in 0...below(4) {
      let at = below(body.count + 1)
      switch below(7) {
      case 0 where at < body.count: body[at] ^= 1 << UInt8(below(8))
      case 1 where at < body.count: body[at] = UInt8(truncatingIfNeeded: next())
      case 2: body.removeSubrange(at..<(at + below(min(8, body.count - at) + 1)))
      case 3:
        let length = below(min(16, body.count - at) + 1)
        body.insert(contentsOf: Array(body[at..<(at + length)]), at: below(body.count + 1))
      case 4: body.removeSubrange(at...)
      default: body.insert(contentsOf: BodyMutator.tokens[below(BodyMutator.tokens.count)], at: at)
      }
    }
    return body
  }
}
