import TensorCore

extension Value {
  /// The number of rows that answers have for this value: the first extent of a tensor, the length of a sequence. Nil
  /// for scalars and maps, which have none.
  var rowCount: Int? {
    switch self {
    case .tensor(let tensor): tensor.shape.rank == 0 ? nil : tensor.shape[0]
    case .sequence(let values, _): values.count
    case .optional(let value, _): value?.rowCount
    case .map: nil
    }
  }
}

extension Tensor {
  /// Elements of one entry of the outermost axis.
  var rowStride: Int { shape.rank == 0 ? 1 : shape.product(1..<shape.rank) }
}

extension Answer {
  /// The number of entries: the rows that all values agree on, or one entry of whole values where they do not.
  var entryCount: Int {
    guard let first = values[0].rowCount, values.allSatisfy({ $0.rowCount == first }) else { return 1 }
    return first
  }

  /// True when an entry is a row of each value; false when it is the whole of each.
  var hasRows: Bool {
    guard let first = values[0].rowCount else { return false }
    return values.allSatisfy { $0.rowCount == first }
  }
}
