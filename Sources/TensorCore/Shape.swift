/// The extents of a tensor's axes, outermost first. A scalar has rank 0; an extent may be 0.
public struct Shape: Hashable, Sendable {
  /// The extents.
  public var dims: [Int]

  @inlinable public init(_ dims: [Int]) { self.dims = dims }

  /// The shape of a scalar.
  @inlinable public static var scalar: Shape { Shape([]) }

  @inlinable public var rank: Int { dims.count }

  /// The number of elements. Shapes made from outside bytes are checked by `checkedElementCount` first.
  @inlinable public var elementCount: Int {
    var n = 1
    for d in dims { n &*= d }
    return n
  }

  /// The number of elements, or nil when an extent is negative or the product of those above 0 overflows.
  public var checkedElementCount: Int? {
    var n = 1
    var hasZero = false
    for d in dims {
      if d < 0 { return nil }
      if d == 0 {
        hasZero = true
        continue
      }
      let (p, overflow) = n.multipliedReportingOverflow(by: d)
      if overflow { return nil }
      n = p
    }
    return hasZero ? 0 : n
  }

  /// Row-major strides in elements.
  public var strides: [Int] {
    var s = [Int](repeating: 1, count: dims.count)
    var run = 1
    for i in stride(from: dims.count - 1, through: 0, by: -1) {
      s[i] = run
      run &*= dims[i]
    }
    return s
  }

  /// `axis` counted from the front, or nil when it lies outside `-rank..<rank`.
  @inlinable public func axis(_ axis: Int) -> Int? {
    let a = axis < 0 ? axis &+ rank : axis
    return a >= 0 && a < rank ? a : nil
  }

  /// The product of the extents in `range`.
  @inlinable public func product(_ range: Range<Int>) -> Int {
    var n = 1
    for i in range { n &*= dims[i] }
    return n
  }

  @inlinable public subscript(_ i: Int) -> Int {
    get { dims[i] }
    set { dims[i] = newValue }
  }
}

extension Shape: ExpressibleByArrayLiteral {
  @inlinable public init(arrayLiteral elements: Int...) { dims = elements }
}

extension Shape: CustomStringConvertible {
  /// The extents joined by `x`, such as `1x3x224x224`; `scalar` for rank 0.
  public var description: String { dims.isEmpty ? "scalar" : dims.map(String.init).joined(separator: "x") }
}
