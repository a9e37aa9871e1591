import Kernels
public import TensorCore

/// The `k` greatest (or least) elements along an axis and where they are. Of equal elements the one with the lower index
/// comes first; NaN counts as greater than everything. ONNX `TopK`.
public struct TopK: Operator {
  public let axis: Int
  public let largest: Bool

  public init(axis: Int, largest: Bool = true) {
    self.axis = axis
    self.largest = largest
  }

  public var name: String { "TopK" }
  public var attributes: [(name: String, value: String)] {
    [("axis", "\(axis)"), ("largest", largest ? "1" : "0")]
  }

  public func outputFacts(_ inputs: [Fact?]) throws -> [Fact] {
    let data = try inputs.required(0, "X")
    let count = try inputs.required(1, "K")
    guard var shape = data.shape else { return [Fact(type: data.type, shape: nil), Fact(.int64, nil)] }
    let axis = try ShapeFacts.axis(axis, rank: shape.count)
    let k = count.integerElements?.first ?? .unknown
    if let extent = shape[axis].value, let k = k.value, k > extent || k < 0 {
      throw GraphError(.invalidModel, "k is \(k), axis \(axis) has extent \(extent)")
    }
    shape[axis] = k
    return [Fact(type: data.type, shape: shape), Fact(.int64, shape)]
  }

  public func evaluate(_ inputs: inout [Value?], _ context: EvaluationContext) throws -> [Value] {
    let data = try Operand.tensor(inputs, 0, "X")
    let k = try Operand.integer(Operand.tensor(inputs, 1, "K"), "K")
    let axis = try Operand.axis(axis, rank: data.shape.rank)
    let extent = data.shape[axis]
    guard k >= 0, k <= extent else {
      throw GraphError(.invalidInput, "k is \(k), axis \(axis) has extent \(extent)")
    }
    guard data.dtype != .string, let keys = OrderKey.keys(data) else {
      throw GraphError(.invalidInput, "\(data.dtype) has no order")
    }
    var shape = data.shape
    shape[axis] = k
    let indices = try context.allocate(.int64, shape)
    let values = try context.allocate(data.dtype, shape)
    if indices.count > 0 {
      let inner = shape.product((axis + 1)..<shape.rank)
      let lanes = shape.product(0..<axis) * inner
      let out = indices.unsafeMutableElements(of: Int64.self).baseAddress!
      context.pool.parallelFor(lanes, grain: Swift.max(1, (1 << 13) / extent)) { lower, upper in
        var order = Selection(capacity: k)
        for lane in lower..<upper {
          let (block, column) = lane.quotientAndRemainder(dividingBy: inner)
          keys.withUnsafeBufferPointer {
            order.select($0, from: block &* extent &* inner &+ column, step: inner, count: extent, largest: largest)
          }
          for i in 0..<k { out[(block &* k &+ i) &* inner &+ column] = Int64(order.entries[i].index) }
        }
      }
      Pick(data: data, indices: indices, values: values, extent: extent, k: k, inner: inner)
        .run(width: data.dtype.byteWidth)
    }
    return [.tensor(values), .tensor(indices)]
  }

  /// The first `capacity` entries of a lane in output order: a heap whose root is the last of them, sorted at the end.
  private struct Selection {
    typealias Entry = (key: Int64, index: Int)
    let capacity: Int
    var entries: [Entry] = []

    init(capacity: Int) {
      self.capacity = capacity
      entries.reserveCapacity(capacity)
    }

    /// Smaller keys come first; the caller has turned them round for the greatest.
    private static func precedes(_ a: Entry, _ b: Entry) -> Bool {
      a.key != b.key ? a.key < b.key : a.index < b.index
    }

    mutating func select(
      _ keys: UnsafeBufferPointer<Int64>, from start: Int, step: Int, count: Int, largest: Bool
    ) {
      entries.removeAll(keepingCapacity: true)
      for i in 0..<count {
        let key = keys[start &+ i &* step]
        let entry: Entry = (largest ? ~key : key, i)
        if entries.count < capacity {
          entries.append(entry)
          if entries.count == capacity { for root in (0..<(capacity / 2)).reversed() { sink(root) } }
        } else if Selection.precedes(entry, entries[0]) {
          entries[0] = entry
          sink(0)
        }
      }
      entries.sort(by: Selection.precedes)
    }

    private mutating func sink(_ root: Int) {
      var at = root
      while true {
        var child = 2 * at + 1
        if child >= entries.count { return }
        if child + 1 < entries.count, Selection.precedes(entries[child], entries[child + 1]) { child += 1 }
        guard Selection.precedes(entries[at], entries[child]) else { return }
        entries.swapAt(at, child)
        at = child
      }
    }
  }

  private struct Pick: WidthGeneric {
    let data: Tensor
    let indices: Tensor
    let values: Tensor
    let extent: Int
    let k: Int
    let inner: Int

    func run<T: BitwiseCopyable>(_ type: T.Type) {
      let from = data.unsafeElements(of: type)
      let places = indices.unsafeElements(of: Int64.self)
      let to = values.unsafeMutableElements(of: type)
      for position in 0..<to.count {
        let block = position / (k * inner)
        to[position] = from[(block &* extent &+ Int(places[position])) &* inner &+ position % inner]
      }
    }
  }
}
