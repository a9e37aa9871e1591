/// The extent of an axis as far as it is known before running: an integer, a polynomial over named symbols (batch,
/// sequence) with integer coefficients, or unknown.
///
/// Arithmetic keeps polynomials in canonical form, so two extents that are equal by algebra compare equal. What cannot
/// be expressed (a division that leaves a remainder, an extent read from data) is `unknown`.
public struct Dim: Hashable, Sendable {
  /// Symbols of one product, sorted; the empty product is the constant term.
  @usableFromInline typealias Monomial = [String]

  @usableFromInline enum Form: Hashable, Sendable {
    case known(Int)
    case polynomial([Monomial: Int])
    case unknown
  }

  @usableFromInline let form: Form

  @usableFromInline init(form: Form) { self.form = form }

  /// A known extent.
  @inlinable public init(_ value: Int) { form = .known(value) }

  /// A named extent.
  public static func symbol(_ name: String) -> Dim { Dim(form: .polynomial([[name]: 1])) }

  /// An extent of which nothing is known. It is not provably equal to anything, itself included.
  public static let unknown = Dim(form: .unknown)

  /// The value where it is a known integer.
  @inlinable public var value: Int? {
    if case .known(let v) = form { v } else { nil }
  }

  /// The name where the extent is a single symbol.
  public var symbolName: String? {
    if case .polynomial(let terms) = form, terms.count == 1, let term = terms.first, term.value == 1,
      term.key.count == 1
    {
      term.key[0]
    } else {
      nil
    }
  }

  /// True when both are known to be equal for every value of the symbols.
  public func isProvablyEqual(to other: Dim) -> Bool {
    if form == .unknown || other.form == .unknown { return false }
    return form == other.form
  }

  /// True when no value of the symbols can make them equal.
  public func isProvablyDifferent(from other: Dim) -> Bool {
    if let a = value, let b = other.value { return a != b }
    if let d = (self - other).value { return d != 0 }
    return false
  }

  private var terms: [Monomial: Int]? {
    switch form {
    case .known(let v): [[]: v]
    case .polynomial(let p): p
    case .unknown: nil
    }
  }

  private static func make(_ terms: [Monomial: Int]) -> Dim {
    let kept = terms.filter { $0.value != 0 }
    if kept.isEmpty { return Dim(0) }
    if kept.count == 1, let constant = kept[[]] { return Dim(constant) }
    return kept.count > 16 ? .unknown : Dim(form: .polynomial(kept))
  }

  public static func + (a: Dim, b: Dim) -> Dim {
    guard var terms = a.terms, let other = b.terms else { return .unknown }
    for (m, c) in other {
      let (sum, overflow) = terms[m, default: 0].addingReportingOverflow(c)
      if overflow { return .unknown }
      terms[m] = sum
    }
    return make(terms)
  }

  public static func - (a: Dim, b: Dim) -> Dim { a + b * Dim(-1) }

  public static func * (a: Dim, b: Dim) -> Dim {
    if a.value == 0 || b.value == 0 { return Dim(0) }
    guard let x = a.terms, let y = b.terms else { return .unknown }
    var out: [Monomial: Int] = [:]
    for (m, c) in x {
      for (n, d) in y {
        let key = (m + n).sorted()
        if key.count > 8 { return .unknown }
        let (product, o1) = c.multipliedReportingOverflow(by: d)
        let (sum, o2) = out[key, default: 0].addingReportingOverflow(product)
        if o1 || o2 { return .unknown }
        out[key] = sum
      }
    }
    return make(out)
  }

  /// The quotient where the division is exact for every value of the symbols, else nil.
  public func divided(exactlyBy divisor: Dim) -> Dim? {
    if isProvablyEqual(to: divisor), value != 0 { return Dim(1) }
    guard let terms, let by = divisor.terms, by.count == 1, let (dm, dc) = by.first, dc != 0 else { return nil }
    var out: [Monomial: Int] = [:]
    for (m, c) in terms {
      let (quotient, overflow) = c.dividedReportingOverflow(by: dc)
      guard !overflow, quotient &* dc == c else { return nil }
      var rest = m
      for symbol in dm {
        guard let at = rest.firstIndex(of: symbol) else { return nil }
        rest.remove(at: at)
      }
      out[rest] = quotient
    }
    return Dim.make(out)
  }

  /// The floor of the quotient by a positive integer; `unknown` unless known or exact.
  public func floorDivided(by divisor: Int) -> Dim {
    guard divisor > 0 else { return .unknown }
    if let value {
      let (quotient, remainder) = value.quotientAndRemainder(dividingBy: divisor)
      return Dim(remainder < 0 ? quotient - 1 : quotient)
    }
    return divided(exactlyBy: Dim(divisor)) ?? .unknown
  }

  /// The value with `bindings` put in for symbols; nil when a symbol is missing or arithmetic overflows.
  public func resolved(_ bindings: [String: Int]) -> Int? {
    guard let terms else { return nil }
    var total = 0
    for (m, c) in terms {
      var product = c
      for symbol in m {
        guard let v = bindings[symbol] else { return nil }
        let (p, overflow) = product.multipliedReportingOverflow(by: v)
        if overflow { return nil }
        product = p
      }
      let (sum, overflow) = total.addingReportingOverflow(product)
      if overflow { return nil }
      total = sum
    }
    return total
  }

  /// The extent that two extents broadcast to (NumPy's rule), or nil when they provably cannot.
  public func broadcast(with other: Dim) -> Dim? {
    if let a = value, let b = other.value { return a == b || b == 1 ? self : (a == 1 ? other : nil) }
    if value == 1 { return other }
    if other.value == 1 { return self }
    if let a = value { return Dim(a) }
    if let b = other.value { return Dim(b) }
    return isProvablyEqual(to: other) ? self : .unknown
  }
}

extension Dim: ExpressibleByIntegerLiteral {
  @inlinable public init(integerLiteral value: Int) { self.init(value) }
}

extension Dim: CustomStringConvertible {
  /// `3`, `batch`, `2*batch*seq+1`, or `?`.
  public var description: String {
    switch form {
    case .known(let v): "\(v)"
    case .unknown: "?"
    case .polynomial(let terms):
      terms.sorted {
        $0.key.count != $1.key.count ? $0.key.count > $1.key.count : $0.key.lexicographicallyPrecedes($1.key)
      }
      .map { m, c in
        let product = m.joined(separator: "*")
        return m.isEmpty ? "\(c)" : c == 1 ? product : "\(c)*\(product)"
      }
      .joined(separator: "+")
    }
  }
}
