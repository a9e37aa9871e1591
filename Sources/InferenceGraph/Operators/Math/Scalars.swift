import TensorCore

#if canImport(Glibc)
import Glibc
#elseif canImport(Musl)
import Musl
#elseif canImport(Darwin)
import Darwin
#endif

/// A number that operators compute with: `Float`, `Double` and the fixed-width integers.
///
/// No function traps: integers wrap, a division by zero gives 0.
protocol MathScalar: Comparable, BitwiseCopyable, Sendable {
  static var zero: Self { get }
  static var one: Self { get }
  /// The least and the greatest value: infinities for floating point.
  static var lowest: Self { get }
  static var highest: Self { get }
  static func add(_ a: Self, _ b: Self) -> Self
  static func subtract(_ a: Self, _ b: Self) -> Self
  static func multiply(_ a: Self, _ b: Self) -> Self
  /// The quotient; integers truncate towards zero.
  static func divide(_ a: Self, _ b: Self) -> Self
  /// The remainder with the sign of `b` (Python's `%`).
  static func modulo(_ a: Self, _ b: Self) -> Self
  /// The remainder with the sign of `a` (C's `fmod`).
  static func remainder(_ a: Self, _ b: Self) -> Self
  static func power(_ a: Self, _ b: Self) -> Self
  var magnitudeValue: Self { get }
  var isNaNValue: Bool { get }
  init(double: Double)
  var double: Double { get }
}

extension MathScalar {
  /// The lesser number; NaN when either is.
  @inline(__always) static func least(_ a: Self, _ b: Self) -> Self { a < b || a.isNaNValue ? a : b }
  /// The greater number; NaN when either is.
  @inline(__always) static func greatest(_ a: Self, _ b: Self) -> Self { a > b || a.isNaNValue ? a : b }
}

/// A floating-point number with the elementary functions.
protocol RealScalar: MathScalar, BinaryFloatingPoint {
  static func exp(_ x: Self) -> Self
  static func expm1(_ x: Self) -> Self
  static func log(_ x: Self) -> Self
  static func log1p(_ x: Self) -> Self
  static func sin(_ x: Self) -> Self
  static func cos(_ x: Self) -> Self
  static func tan(_ x: Self) -> Self
  static func asin(_ x: Self) -> Self
  static func acos(_ x: Self) -> Self
  static func atan(_ x: Self) -> Self
  static func sinh(_ x: Self) -> Self
  static func cosh(_ x: Self) -> Self
  static func tanh(_ x: Self) -> Self
  static func asinh(_ x: Self) -> Self
  static func acosh(_ x: Self) -> Self
  static func atanh(_ x: Self) -> Self
  static func erf(_ x: Self) -> Self
}

extension Float: RealScalar {
  @inline(__always) static var one: Self { 1 }
  @inline(__always) static var lowest: Self { -.infinity }
  @inline(__always) static var highest: Self { .infinity }
  @inline(__always) static func add(_ a: Self, _ b: Self) -> Self { a + b }
  @inline(__always) static func subtract(_ a: Self, _ b: Self) -> Self { a - b }
  @inline(__always) static func multiply(_ a: Self, _ b: Self) -> Self { a * b }
  @inline(__always) static func divide(_ a: Self, _ b: Self) -> Self { a / b }
  static func modulo(_ a: Self, _ b: Self) -> Self {
    let r = fmodf(a, b)
    if r == 0 { return Self(signOf: b, magnitudeOf: 0) }
    return (r < 0) != (b < 0) ? r + b : r
  }
  static func remainder(_ a: Self, _ b: Self) -> Self { fmodf(a, b) }
  @inline(__always) static func power(_ a: Self, _ b: Self) -> Self { powf(a, b) }
  @inline(__always) var magnitudeValue: Self { magnitude }
  @inline(__always) var isNaNValue: Bool { self != self }
  @inline(__always) init(double: Double) { self = Self(double) }
  @inline(__always) var double: Double { Double(self) }
  @inline(__always) static func exp(_ x: Self) -> Self { libmExp(x) }
  @inline(__always) static func expm1(_ x: Self) -> Self { libmExpm1(x) }
  @inline(__always) static func log(_ x: Self) -> Self { libmLog(x) }
  @inline(__always) static func log1p(_ x: Self) -> Self { libmLog1p(x) }
  @inline(__always) static func sin(_ x: Self) -> Self { libmSin(x) }
  @inline(__always) static func cos(_ x: Self) -> Self { libmCos(x) }
  @inline(__always) static func tan(_ x: Self) -> Self { libmTan(x) }
  @inline(__always) static func asin(_ x: Self) -> Self { libmAsin(x) }
  @inline(__always) static func acos(_ x: Self) -> Self { libmAcos(x) }
  @inline(__always) static func atan(_ x: Self) -> Self { libmAtan(x) }
  @inline(__always) static func sinh(_ x: Self) -> Self { libmSinh(x) }
  @inline(__always) static func cosh(_ x: Self) -> Self { libmCosh(x) }
  @inline(__always) static func tanh(_ x: Self) -> Self { libmTanh(x) }
  @inline(__always) static func asinh(_ x: Self) -> Self { libmAsinh(x) }
  @inline(__always) static func acosh(_ x: Self) -> Self { libmAcosh(x) }
  @inline(__always) static func atanh(_ x: Self) -> Self { libmAtanh(x) }
  @inline(__always) static func erf(_ x: Self) -> Self { libmErf(x) }
}

extension Double: RealScalar {
  @inline(__always) static var one: Self { 1 }
  @inline(__always) static var lowest: Self { -.infinity }
  @inline(__always) static var highest: Self { .infinity }
  @inline(__always) static func add(_ a: Self, _ b: Self) -> Self { a + b }
  @inline(__always) static func subtract(_ a: Self, _ b: Self) -> Self { a - b }
  @inline(__always) static func multiply(_ a: Self, _ b: Self) -> Self { a * b }
  @inline(__always) static func divide(_ a: Self, _ b: Self) -> Self { a / b }
  static func modulo(_ a: Self, _ b: Self) -> Self {
    let r = fmod(a, b)
    if r == 0 { return Self(signOf: b, magnitudeOf: 0) }
    return (r < 0) != (b < 0) ? r + b : r
  }
  static func remainder(_ a: Self, _ b: Self) -> Self { fmod(a, b) }
  @inline(__always) static func power(_ a: Self, _ b: Self) -> Self { pow(a, b) }
  @inline(__always) var magnitudeValue: Self { magnitude }
  @inline(__always) var isNaNValue: Bool { self != self }
  @inline(__always) init(double: Double) { self = Self(double) }
  @inline(__always) var double: Double { Double(self) }
  @inline(__always) static func exp(_ x: Self) -> Self { libmExp(x) }
  @inline(__always) static func expm1(_ x: Self) -> Self { libmExpm1(x) }
  @inline(__always) static func log(_ x: Self) -> Self { libmLog(x) }
  @inline(__always) static func log1p(_ x: Self) -> Self { libmLog1p(x) }
  @inline(__always) static func sin(_ x: Self) -> Self { libmSin(x) }
  @inline(__always) static func cos(_ x: Self) -> Self { libmCos(x) }
  @inline(__always) static func tan(_ x: Self) -> Self { libmTan(x) }
  @inline(__always) static func asin(_ x: Self) -> Self { libmAsin(x) }
  @inline(__always) static func acos(_ x: Self) -> Self { libmAcos(x) }
  @inline(__always) static func atan(_ x: Self) -> Self { libmAtan(x) }
  @inline(__always) static func sinh(_ x: Self) -> Self { libmSinh(x) }
  @inline(__always) static func cosh(_ x: Self) -> Self { libmCosh(x) }
  @inline(__always) static func tanh(_ x: Self) -> Self { libmTanh(x) }
  @inline(__always) static func asinh(_ x: Self) -> Self { libmAsinh(x) }
  @inline(__always) static func acosh(_ x: Self) -> Self { libmAcosh(x) }
  @inline(__always) static func atanh(_ x: Self) -> Self { libmAtanh(x) }
  @inline(__always) static func erf(_ x: Self) -> Self { libmErf(x) }
}

@inline(__always) private func libmExp(_ x: Float) -> Float { expf(x) }
@inline(__always) private func libmExpm1(_ x: Float) -> Float { expm1f(x) }
@inline(__always) private func libmLog(_ x: Float) -> Float { logf(x) }
@inline(__always) private func libmLog1p(_ x: Float) -> Float { log1pf(x) }
@inline(__always) private func libmSin(_ x: Float) -> Float { sinf(x) }
@inline(__always) private func libmCos(_ x: Float) -> Float { cosf(x) }
@inline(__always) private func libmTan(_ x: Float) -> Float { tanf(x) }
@inline(__always) private func libmAsin(_ x: Float) -> Float { asinf(x) }
@inline(__always) private func libmAcos(_ x: Float) -> Float { acosf(x) }
@inline(__always) private func libmAtan(_ x: Float) -> Float { atanf(x) }
@inline(__always) private func libmSinh(_ x: Float) -> Float { sinhf(x) }
@inline(__always) private func libmCosh(_ x: Float) -> Float { coshf(x) }
@inline(__always) private func libmTanh(_ x: Float) -> Float { tanhf(x) }
@inline(__always) private func libmAsinh(_ x: Float) -> Float { asinhf(x) }
@inline(__always) private func libmAcosh(_ x: Float) -> Float { acoshf(x) }
@inline(__always) private func libmAtanh(_ x: Float) -> Float { atanhf(x) }
@inline(__always) private func libmErf(_ x: Float) -> Float { erff(x) }
@inline(__always) private func libmExp(_ x: Double) -> Double { exp(x) }
@inline(__always) private func libmExpm1(_ x: Double) -> Double { expm1(x) }
@inline(__always) private func libmLog(_ x: Double) -> Double { log(x) }
@inline(__always) private func libmLog1p(_ x: Double) -> Double { log1p(x) }
@inline(__always) private func libmSin(_ x: Double) -> Double { sin(x) }
@inline(__always) private func libmCos(_ x: Double) -> Double { cos(x) }
@inline(__always) private func libmTan(_ x: Double) -> Double { tan(x) }
@inline(__always) private func libmAsin(_ x: Double) -> Double { asin(x) }
@inline(__always) private func libmAcos(_ x: Double) -> Double { acos(x) }
@inline(__always) private func libmAtan(_ x: Double) -> Double { atan(x) }
@inline(__always) private func libmSinh(_ x: Double) -> Double { sinh(x) }
@inline(__always) private func libmCosh(_ x: Double) -> Double { cosh(x) }
@inline(__always) private func libmTanh(_ x: Double) -> Double { tanh(x) }
@inline(__always) private func libmAsinh(_ x: Double) -> Double { asinh(x) }
@inline(__always) private func libmAcosh(_ x: Double) -> Double { acosh(x) }
@inline(__always) private func libmAtanh(_ x: Double) -> Double { atanh(x) }
@inline(__always) private func libmErf(_ x: Double) -> Double { erf(x) }

extension MathScalar where Self: FixedWidthInteger {
  @inline(__always) static var one: Self { 1 }
  @inline(__always) static var lowest: Self { .min }
  @inline(__always) static var highest: Self { .max }
  @inline(__always) static func add(_ a: Self, _ b: Self) -> Self { a &+ b }
  @inline(__always) static func subtract(_ a: Self, _ b: Self) -> Self { a &- b }
  @inline(__always) static func multiply(_ a: Self, _ b: Self) -> Self { a &* b }
  @inline(__always) static func divide(_ a: Self, _ b: Self) -> Self {
    b == 0 ? 0 : a.dividedReportingOverflow(by: b).partialValue
  }
  static func modulo(_ a: Self, _ b: Self) -> Self {
    let r = remainder(a, b)
    return r != 0 && (r < 0) != (b < 0) ? r &+ b : r
  }
  static func remainder(_ a: Self, _ b: Self) -> Self {
    b == 0 ? 0 : a.remainderReportingOverflow(dividingBy: b).partialValue
  }
  static func power(_ a: Self, _ b: Self) -> Self {
    if b < 0 {
      if a == 1 { return 1 }
      return a &+ 1 == 0 ? (b & 1 == 0 ? 1 : a) : 0
    }
    var result: Self = 1
    var base = a
    var exponent = b
    while exponent > 0 {
      if exponent & 1 == 1 { result = result &* base }
      base = base &* base
      exponent >>= 1
    }
    return result
  }
  @inline(__always) var magnitudeValue: Self { self < 0 ? 0 &- self : self }
  @inline(__always) var isNaNValue: Bool { false }
  /// The integer part, clamped to the type's range; 0 for NaN.
  @inline(__always) init(double: Double) {
    if double > -9.2e18 && double < 9.2e18 {
      self = Self(clamping: Int64(double))
    } else if Self.self == UInt64.self, double > 0, double < 18_446_744_073_709_551_616 {
      self = Self(truncatingIfNeeded: UInt64(double))
    } else {
      self = double > 0 ? .max : double < 0 ? .min : 0
    }
  }
  @inline(__always) var double: Double { Double(self) }
}

extension Int8: MathScalar {}
extension Int16: MathScalar {}
extension Int32: MathScalar {}
extension Int64: MathScalar {}
extension UInt8: MathScalar {}
extension UInt16: MathScalar {}
extension UInt32: MathScalar {}
extension UInt64: MathScalar {}
