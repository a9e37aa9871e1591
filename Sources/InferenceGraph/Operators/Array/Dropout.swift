public import TensorCore

/// Dropout as it is in training: elements set to zero with a probability, the others scaled up. Inputs: data, ratio
/// (optional), training mode (optional). With a seed the choice is NumPy's of that seed (`RandomState.uniform`). ONNX
/// `Dropout` as of opset 12.
public struct Dropout: Operator {
  public let seed: Int?

  public init(seed: Int?) { self.seed = seed }

  public var name: String { "Dropout" }
  public var isPure: Bool { false }

  public func outputFacts(_ inputs: [Fact?]) throws -> [Fact] {
    let data = try inputs.required(0, "data")
    return [Fact(type: data.type, shape: data.shape), Fact(.bool, data.shape)]
  }

  public func evaluate(_ inputs: inout [Value?], _ context: EvaluationContext) throws -> [Value] {
    let data = try Operand.tensor(inputs, 0, "data")
    let ratio = try Operand.optionalTensor(inputs, 1, "ratio").map(Dropout.number) ?? 0.5
    let isTraining = try Operand.optionalTensor(inputs, 2, "training_mode").map {
      try Operand.bool($0, "training_mode")
    }
    let mask = try context.allocate(.bool, data.shape)
    let kept = mask.unsafeMutableElements(of: Bool.self)
    guard isTraining == true, ratio != 0 else {
      kept.update(repeating: true)
      return [.tensor(data), .tensor(mask)]
    }
    guard ratio >= 0, ratio < 1 else { throw GraphError(.invalidInput, "the ratio is \(ratio), not within 0..<1") }
    var random = MersenneTwister(seed: seed.map { UInt32(truncatingIfNeeded: $0) } ?? UInt32.random(in: 0...UInt32.max))
    for i in kept.indices { kept[i] = random.unit() >= ratio }
    let scale = 1 / (1 - ratio)
    let out = try context.allocate(data.dtype, data.shape)
    func apply<T: BitwiseCopyable>(_ type: T.Type, _ zero: T, _ scaled: (T) -> T) {
      let from = data.unsafeElements(of: type)
      let to = out.unsafeMutableElements(of: type)
      for i in from.indices { to[i] = kept[i] ? scaled(from[i]) : zero }
    }
    switch data.dtype {
    case .float32: apply(Float.self, 0) { $0 * Float(scale) }
    case .float64: apply(Double.self, 0) { $0 * scale }
    #if !(os(macOS) && arch(x86_64))
    case .float16: apply(Float16.self, 0) { Float16(Float($0) * Float(scale)) }
    #endif
    case .bfloat16: apply(BFloat16.self, BFloat16(0)) { BFloat16($0.float * Float(scale)) }
    default: throw GraphError(.invalidInput, "dropout of \(data.dtype)")
    }
    return [.tensor(out), .tensor(mask)]
  }

  private static func number(_ tensor: Tensor) throws -> Double {
    guard tensor.count == 1 else { throw GraphError(.invalidInput, "the ratio must be one number") }
    switch tensor.dtype {
    case .float32: return Double(tensor.unsafeElements(of: Float.self)[0])
    case .float64: return tensor.unsafeElements(of: Double.self)[0]
    #if !(os(macOS) && arch(x86_64))
    case .float16: return Double(tensor.unsafeElements(of: Float16.self)[0])
    #endif
    case .bfloat16: return Double(tensor.unsafeElements(of: BFloat16.self)[0].float)
    default: throw GraphError(.invalidInput, "the ratio must be a floating-point number, \(tensor.dtype) came")
    }
  }
}

/// MT19937 (Matsumoto and Nishimura, 1998), seeded by one word as in the authors' reference code.
struct MersenneTwister {
  private var state: [UInt32]
  private var at = 624

  init(seed: UInt32) {
    state = [seed]
    state.reserveCapacity(624)
    for i in 1..<624 {
      let last = state[i - 1]
      state.append(1_812_433_253 &* (last ^ (last >> 30)) &+ UInt32(i))
    }
  }

  mutating func next() -> UInt32 {
    if at == 624 {
      for i in 0..<624 {
        let y = (state[i] & 0x8000_0000) | (state[(i + 1) % 624] & 0x7FFF_FFFF)
        state[i] = state[(i + 397) % 624] ^ (y >> 1) ^ (y & 1 == 0 ? 0 : 0x9908_B0DF)
      }
      at = 0
    }
    var y = state[at]
    at += 1
    y ^= y >> 11
    y ^= (y << 7) & 0x9D2C_5680
    y ^= (y << 15) & 0xEFC6_0000
    return y ^ (y >> 18)
  }

  /// A number in 0..<1 with 53 random bits.
  mutating func unit() -> Double {
    let high = Double(next() >> 5)
    let low = Double(next() >> 6)
    return (high * 67_108_864 + low) / 9_007_199_254_740_992
  }
}
