/// How an object is cut into parts.
package struct PartPlan: Sendable, Hashable {
  package let size: Int
  package let partSize: Int

  /// - Parameter partSize: made larger where there would be more than 10 000 parts.
  package init(size: Int, partSize: Int) {
    self.size = size
    let least = (size - 1) / 10_000 + 1
    self.partSize = max(1, partSize, size > 0 ? least : 1)
  }

  package var count: Int { size == 0 ? 0 : (size - 1) / partSize + 1 }

  package func range(_ part: Int) -> Range<Int> { part * partSize..<min(size, (part + 1) * partSize) }
}
