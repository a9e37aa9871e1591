/// The division of `m` rows into panels of at most `tallest` rows, whose heights differ by one at most.
@frozen public struct RowPanels: Sendable {
  public let count: Int
  @usableFromInline let height: Int
  /// The first of these are taller by one.
  @usableFromInline let taller: Int

  /// `m` from 0, `tallest` from 1 on.
  @inlinable @inline(__always)
  public init(_ m: Int, tallest: Int) {
    count = (m &+ tallest &- 1) / tallest
    height = count == 0 ? 0 : m / count
    taller = m &- height &* count
  }

  /// The first row of a panel; for `count`, the number of rows.
  @inlinable @inline(__always)
  public func start(_ panel: Int) -> Int { panel &* height &+ (panel < taller ? panel : taller) }
}
