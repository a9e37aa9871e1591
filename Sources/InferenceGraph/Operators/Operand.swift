import TensorCore

/// Reading of an operator's inputs, with messages that name what was expected.
enum Operand {
  /// Input `index`, which must be given.
  static func value(_ inputs: [Value?], _ index: Int, _ label: String = "") throws -> Value {
    guard index < inputs.count, let value = inputs[index] else {
      throw GraphError(.invalidInput, "input \(index) (\(label)) is missing")
    }
    return value
  }

  /// Input `index`, which must be a tensor.
  static func tensor(_ inputs: [Value?], _ index: Int, _ label: String = "") throws -> Tensor {
    let value = try value(inputs, index, label)
    guard case .tensor(let tensor) = value else {
      throw GraphError(.invalidInput, "input \(index) (\(label)) must be a tensor, a \(value.type) came")
    }
    return tensor
  }

  /// Input `index` where it is given; then it must be a tensor.
  static func optionalTensor(_ inputs: [Value?], _ index: Int, _ label: String) throws -> Tensor? {
    index < inputs.count && inputs[index] != nil ? try tensor(inputs, index, label) : nil
  }

  /// The elements of an integer tensor of rank 0 or 1.
  static func integers(_ tensor: Tensor, _ label: String) throws -> [Int] {
    guard tensor.shape.rank <= 1, let values = tensor.integers else {
      throw GraphError(
        .invalidInput, "\(label) must be a list of integers, a \(tensor.dtype) of shape \(tensor.shape) came")
    }
    return values
  }

  /// The integers of input `index`.
  static func integers(_ inputs: [Value?], _ index: Int, _ label: String) throws -> [Int] {
    try integers(tensor(inputs, index, label), label)
  }

  /// The one element of an integer tensor.
  static func integer(_ tensor: Tensor, _ label: String) throws -> Int {
    guard tensor.count == 1, let value = tensor.integers?.first else {
      throw GraphError(
        .invalidInput, "\(label) must be one integer, a \(tensor.dtype) of shape \(tensor.shape) came")
    }
    return value
  }

  /// The one element of a bool tensor.
  static func bool(_ tensor: Tensor, _ label: String) throws -> Bool {
    guard tensor.count == 1, let value = tensor.array(of: Bool.self)?.first else {
      throw GraphError(.invalidInput, "\(label) must be one bool, a \(tensor.dtype) of shape \(tensor.shape) came")
    }
    return value
  }

  /// The elements of an index tensor of any rank, negative ones counted from the end.
  ///
  /// - Throws: `GraphError.Code.invalidInput` for an index outside `-extent..<extent`.
  static func indices(_ tensor: Tensor, extent: Int, _ label: String) throws -> [Int] {
    switch tensor.dtype {
    case .int64: return try indices(tensor.unsafeElements(of: Int64.self), extent, label)
    case .int32: return try indices(tensor.unsafeElements(of: Int32.self), extent, label)
    default: throw GraphError(.invalidInput, "\(label) must be int32 or int64, \(tensor.dtype) came")
    }
  }

  private static func indices<T: FixedWidthInteger>(
    _ from: UnsafeBufferPointer<T>, _ extent: Int, _ label: String
  ) throws -> [Int] {
    var isInside = true
    let out = [Int](unsafeUninitializedCapacity: from.count) { to, count in
      for i in 0..<from.count {
        let raw = Int(truncatingIfNeeded: from[i])
        let index = raw < 0 ? raw &+ extent : raw
        isInside = isInside && index >= 0 && index < extent
        to[i] = index
      }
      count = from.count
    }
    guard isInside else {
      let bad = from.first { Int(truncatingIfNeeded: $0) >= extent || Int(truncatingIfNeeded: $0) < -extent }
      throw GraphError(
        .invalidInput, "\(label) holds \(bad.map { "\($0)" } ?? "a value") outside -\(extent)...\(extent - 1)")
    }
    return out
  }

  /// `axis` counted from the front.
  static func axis(_ axis: Int, rank: Int) throws -> Int {
    let found = axis < 0 ? axis &+ rank : axis
    guard found >= 0, found < rank else {
      throw GraphError(.invalidInput, "axis \(axis) does not exist in a tensor of rank \(rank)")
    }
    return found
  }

  /// `axes` counted from the front, each at most once.
  static func axes(_ axes: [Int], rank: Int) throws -> [Int] {
    let found = try axes.map { try axis($0, rank: rank) }
    guard Set(found).count == found.count else { throw GraphError(.invalidInput, "axes \(axes) name an axis twice") }
    return found
  }

  /// Input `index`, which must be a sequence: its elements and their type.
  static func sequence(_ inputs: [Value?], _ index: Int, _ label: String) throws -> ([Value], ValueType) {
    let value = try value(inputs, index, label)
    guard case .sequence(let items, let element) = value else {
      throw GraphError(.invalidInput, "input \(index) (\(label)) must be a sequence, a \(value.type) came")
    }
    return (items, element)
  }
}
