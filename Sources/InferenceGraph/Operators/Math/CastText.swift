import TensorCore

#if canImport(Glibc)
import Glibc
#elseif canImport(Musl)
import Musl
#elseif canImport(Darwin)
import Darwin
#endif

/// Numbers as text, for `Cast`.
enum CastText {
  /// The number that `text` writes in plain or scientific notation, or one of the reserved words INF and NaN.
  static func number(_ text: String) throws -> Double {
    switch text.lowercased() {
    case "inf", "+inf": return .infinity
    case "-inf": return -.infinity
    case "nan": return .nan
    default:
      guard let value = Double(text) else {
        throw GraphError(.invalidInput, "the string \"\(text.prefix(64))\" is no number")
      }
      return value
    }
  }

  /// The integer that `text` writes; the integer part of a number with a fraction.
  static func integer(_ text: String) throws -> Int64 {
    if let value = Int64(text) { return value }
    return Int64(double: try number(text))
  }

  /// Every number as text: floating point with up to 8 digits, without trailing zeros, as ONNX Runtime writes it.
  static func format(_ x: Tensor, _ context: EvaluationContext) throws -> Tensor {
    let out = try context.allocate(.string, x.shape)
    var source = x
    if x.dtype.isMiniFloat { source = try Cast(to: .float32).convert(x, context) }
    if source.dtype == .bool {
      out.unsafeSetStrings(source.unsafeElements(of: UInt8.self).map { String($0) })
    } else if let strings = try source.dtype.withReal(RealText(x: source)) {
      out.unsafeSetStrings(strings)
    } else if let strings = try source.dtype.withInteger(IntegerText(x: source)) {
      out.unsafeSetStrings(strings)
    }
    return out
  }

  private struct RealText: RealBody {
    let x: Tensor
    func run<E: RealElement>(_ type: E.Type) throws -> [String] {
      x.unsafeElements(of: E.self).map { CastText.text($0.wide.double) }
    }
  }

  private struct IntegerText: IntegerBody {
    let x: Tensor
    func run<E: IntegerElement>(_ type: E.Type) throws -> [String] { x.unsafeElements(of: E.self).map { "\($0)" } }
  }

  private static func text(_ value: Double) -> String {
    if value.isNaN { return "NaN" }
    if value.isInfinite { return value < 0 ? "-INF" : "INF" }
    return withUnsafeTemporaryAllocation(of: CChar.self, capacity: 64) { buffer in
      let count = withVaList([value]) { vsnprintf(buffer.baseAddress, 64, "%.8g", $0) }
      return String(decoding: buffer.prefix(Swift.max(0, Int(count))).lazy.map { UInt8(bitPattern: $0) }, as: UTF8.self)
    }
  }
}
