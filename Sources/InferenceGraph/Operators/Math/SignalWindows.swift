public import TensorCore

#if canImport(Glibc)
import Glibc
#elseif canImport(Musl)
import Musl
#elseif canImport(Darwin)
import Darwin
#endif

/// A window of cosines for spectral analysis; the input says its length.
public struct CosineWindow: Operator {
  /// The windows.
  public enum Kind: String, Sendable, CaseIterable {
    case hann = "HannWindow"
    case hamming = "HammingWindow"
    case blackman = "BlackmanWindow"

    /// Coefficients of `cos(0)`, `cos(2πn/N)`, `cos(4πn/N)`.
    var coefficients: (Double, Double, Double) {
      switch self {
      case .hann: (0.5, -0.5, 0)
      case .hamming: (25.0 / 46.0, -21.0 / 46.0, 0)
      case .blackman: (0.42, -0.5, 0.08)
      }
    }
  }

  public let kind: Kind
  public let dtype: DType
  /// One period of the window, not a symmetric one.
  public let isPeriodic: Bool

  public var name: String { kind.rawValue }
  public var attributes: [(name: String, value: String)] { [("periodic", "\(isPeriodic)"), ("to", dtype.name)] }

  public init(_ kind: Kind, dtype: DType = .float32, isPeriodic: Bool = true) {
    self.kind = kind
    self.dtype = dtype
    self.isPeriodic = isPeriodic
  }

  public func outputFacts(_ inputs: [Fact?]) throws -> [Fact] {
    let size = try Operand.fact(inputs, 0, "size")
    guard dtype.isArithmetic else { throw Operand.unsupported(dtype, "an output of numbers") }
    return [Fact(dtype, [size.elements?.first ?? .unknown])]
  }

  public func evaluate(_ inputs: inout [Value?], _ context: EvaluationContext) throws -> [Value] {
    let count = try Operand.integer(try Operand.tensor(inputs, 0, "size"), "size")
    guard count <= FourierLength.max else {
      throw GraphError(.limit, "a window of \(count); at most \(FourierLength.max) can be made")
    }
    let out = try context.allocate(.float64, [count])
    let to = out.writable(Double.self)
    let period = Double(isPeriodic ? count : count - 1)
    let (a, b, c) = kind.coefficients
    for n in 0..<count {
      let phase = period == 0 ? 0 : 2 * Double.pi * Double(n) / period
      to[n] = period == 0 ? 1 : a + b * cos(phase) + c * cos(2 * phase)
    }
    return [.tensor(try Cast(to: dtype).convert(out, context))]
  }
}

/// Triangular filters, spaced evenly on the mel scale, that turn a spectrum into mel bins: `[dftLength/2+1, melBins]`.
///
/// Inputs: the number of bins, the length of the transform, the sample rate, and the edges in hertz.
public struct MelWeightMatrix: Operator {
  public let dtype: DType

  public var name: String { "MelWeightMatrix" }
  public var attributes: [(name: String, value: String)] { [("to", dtype.name)] }

  public init(dtype: DType = .float32) { self.dtype = dtype }

  public func outputFacts(_ inputs: [Fact?]) throws -> [Fact] {
    for index in 0..<5 { _ = try Operand.fact(inputs, index) }
    guard dtype.isArithmetic else { throw Operand.unsupported(dtype, "an output of numbers") }
    let bins = inputs[0]?.elements?.first ?? .unknown
    let length = inputs[1]?.elements?.first ?? .unknown
    return [Fact(dtype, [length.floorDivided(by: 2) + 1, bins])]
  }

  public func evaluate(_ inputs: inout [Value?], _ context: EvaluationContext) throws -> [Value] {
    let bins = try Operand.integer(try Operand.tensor(inputs, 0, "num_mel_bins"), "num_mel_bins")
    let length = try Operand.integer(try Operand.tensor(inputs, 1, "dft_length"), "dft_length")
    let rate = try Operand.integer(try Operand.tensor(inputs, 2, "sample_rate"), "sample_rate")
    let edges = try [(3, "lower_edge_hertz"), (4, "upper_edge_hertz")].map { index, what in
      let edge = try Cast(to: .float64).convert(try Operand.tensor(inputs, index, what), context)
      guard edge.count == 1 else { throw GraphError(.invalidInput, "\(what) must be one number") }
      return edge.readable(Double.self)[0]
    }
    guard bins > 0, length > 0, rate > 0, edges[0] >= 0, edges[1] >= edges[0], edges[1] <= Double(rate) / 2,
      bins <= 1 << 20, length <= FourierLength.max
    else {
      throw GraphError(
        .invalidInput,
        "\(bins) mel bins from \(edges[0]) to \(edges[1]) Hz of a transform of length \(length) at \(rate) Hz")
    }
    let rows = length / 2 + 1
    let out = try context.allocate(.float64, [rows, bins])
    let to = out.writable(Double.self)
    for i in 0..<out.count { to[i] = 0 }
    let (low, high) = (mel(edges[0]), mel(edges[1]))
    let step = (high - low) / Double(bins + 2)
    let points = (0..<(bins + 2)).map { index -> Int in
      let hertz = 700 * expm1((low + Double(index) * step) / 2595 * log(10.0))
      let point = (Double(length + 1) * hertz / Double(rate)).rounded(.down)
      return Swift.min(Swift.max(Int(point), 0), rows - 1)
    }
    for i in 0..<bins {
      let (left, centre, right) = (points[i], points[i + 1], points[i + 2])
      if left == centre {
        to[centre * bins + i] = 1
      } else {
        for j in left...centre { to[j * bins + i] = Double(j - left) / Double(centre - left) }
      }
      if right > centre {
        for j in centre..<right { to[j * bins + i] = Double(right - j) / Double(right - centre) }
      }
    }
    return [.tensor(try Cast(to: dtype).convert(out, context))]
  }

  private func mel(_ hertz: Double) -> Double { 2595 * log1p(hertz / 700) / log(10.0) }
}
