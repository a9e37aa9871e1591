import TensorCore

/// Reading of facts, and of optional operands.
extension Operand {
  /// Operand `index` as a tensor, nil when it is not given.
  static func optional(_ inputs: [Value?], _ index: Int, _ what: String = "") throws -> Tensor? {
    guard index < inputs.count, let value = inputs[index] else { return nil }
    guard let tensor = value.tensor else {
      throw GraphError(.invalidInput, "input \(label(index, what)) must be a tensor and is a \(value.type)")
    }
    return tensor
  }

  /// Operand `index`'s fact, known to be a tensor's or of unknown type.
  static func fact(_ inputs: [Fact?], _ index: Int, _ what: String = "") throws -> Fact {
    guard let fact = try optionalFact(inputs, index, what) else {
      throw GraphError(.invalidModel, "input \(label(index, what)) is required and missing")
    }
    return fact
  }

  /// Operand `index`'s fact, nil when it is not given.
  static func optionalFact(_ inputs: [Fact?], _ index: Int, _ what: String = "") throws -> Fact? {
    guard index < inputs.count, let fact = inputs[index] else { return nil }
    if let type = fact.type, type.dtype == nil {
      throw GraphError(.invalidModel, "input \(label(index, what)) must be a tensor and is a \(type)")
    }
    return fact
  }

  /// The error for an element type that the operator does not take.
  static func unsupported(_ dtype: DType, _ expected: String) -> GraphError {
    GraphError(.invalidModel, "elements of type \(dtype) came where \(expected) were expected")
  }

  /// Checks that two operands have one element type.
  static func sameType(_ a: DType?, _ b: DType?) throws {
    if let a, let b, a != b {
      throw GraphError(.invalidModel, "operands must have one element type and are \(a) and \(b)")
    }
  }

  /// Checks that a fact may be that of square matrices of floating-point numbers in the last two axes.
  static func squareMatrices(_ x: Fact) throws {
    if let dtype = x.dtype, !dtype.isReal { throw unsupported(dtype, "floating-point numbers") }
    guard let shape = x.shape else { return }
    guard shape.count >= 2, !shape[shape.count - 1].isProvablyDifferent(from: shape[shape.count - 2]) else {
      throw GraphError(.invalidModel, "square matrices are expected; the shape is \(shape.text)")
    }
  }

  /// The rows and columns of the square matrices of floating-point numbers that the last two axes hold.
  static func squareMatrices(_ x: Tensor) throws -> Int {
    let rank = x.shape.rank
    guard rank >= 2, x.shape[rank - 1] == x.shape[rank - 2], x.dtype.isReal else {
      throw GraphError(.invalidInput, "square matrices of floats are expected; \(x.dtype) of shape \(x.shape) came")
    }
    return x.shape[rank - 1]
  }

  private static func label(_ index: Int, _ what: String) -> String {
    what.isEmpty ? "\(index)" : "\(index) (\(what))"
  }
}

extension [Dim] {
  /// `1x3xbatch`, for messages.
  var text: String { isEmpty ? "scalar" : map(\.description).joined(separator: "x") }

  /// The extents as a shape where all are known.
  var known: Shape? {
    var dims: [Int] = []
    for d in self {
      guard let v = d.value else { return nil }
      dims.append(v)
    }
    return Shape(dims)
  }

  /// The shape that two shapes broadcast to.
  ///
  /// - Throws: `GraphError` when they provably cannot.
  func broadcast(with other: [Dim]) throws -> [Dim] {
    let rank = Swift.max(count, other.count)
    return try (0..<rank).map { i in
      let a = i < rank - count ? Dim(1) : self[i - (rank - count)]
      let b = i < rank - other.count ? Dim(1) : other[i - (rank - other.count)]
      guard let d = a.broadcast(with: b) else {
        throw GraphError(.invalidModel, "shapes \(text) and \(other.text) cannot be broadcast together")
      }
      return d
    }
  }
}

extension Shape {
  /// The shape that several shapes broadcast to.
  ///
  /// - Throws: `GraphError` when they cannot.
  static func broadcasting(_ shapes: [Shape]) throws -> Shape {
    var out = shapes.first ?? .scalar
    for shape in shapes.dropFirst() {
      guard let next = out.broadcast(with: shape) else {
        let list = shapes.map(\.description).joined(separator: ", ")
        throw GraphError(.invalidInput, "shapes \(list) cannot be broadcast together")
      }
      out = next
    }
    return out
  }

  /// `axis` counted from the front.
  ///
  /// - Throws: `GraphError` when it lies outside the rank.
  func checkedAxis(_ axis: Int) throws -> Int {
    guard let found = self.axis(axis) else {
      throw GraphError(.invalidModel, "axis \(axis) lies outside \(-rank)..<\(rank)")
    }
    return found
  }
}
