import TensorCore

extension Fact {
  /// The elements of a small integer tensor as extents, from `elements` or from the constant.
  var integerElements: [Dim]? {
    if let elements { return elements }
    guard let tensor, tensor.shape.rank <= 1, tensor.count <= Fact.maxElements else { return nil }
    return tensor.integers?.map { Dim($0) }
  }

  /// The fact of an `int64` list (or scalar) whose elements are these extents: a constant where all are known.
  static func integers(_ elements: [Dim], isScalar: Bool = false) -> Fact {
    let known = elements.compactMap(\.value)
    let shape: Shape = isScalar ? .scalar : [elements.count]
    if known.count == elements.count, let tensor = try? Tensor(known.map { Int64($0) }, shape: shape) {
      return Fact(constant: .tensor(tensor))
    }
    let isFollowed = elements.count <= Fact.maxElements && elements.contains { $0 != .unknown }
    return Fact(.int64, shape.dims.map { Dim($0) }, elements: isFollowed ? elements : nil)
  }

  /// How many elements a list has, where that is known and no more than any tensor has axes.
  var listCount: Int? {
    if let elements = integerElements { return elements.count }
    guard let shape, shape.count == 1, let count = shape[0].value, (0...1024).contains(count) else { return nil }
    return count
  }

  /// A fact of the same type with another shape and, for a list, the elements.
  func reshaped(_ shape: [Dim]?, elements: [Dim]? = nil) -> Fact {
    let isList = (shape?.count ?? 2) <= 1
    return Fact(type: type, shape: shape, elements: isList ? elements : nil)
  }
}

extension Fact {
  init(type: ValueType?, shape: [Dim]?, elements: [Dim]?) {
    self.init(type: type, shape: shape)
    if let elements, elements.count <= Fact.maxElements, elements.contains(where: { $0 != .unknown }) {
      self.elements = elements
    }
  }
}

extension [Fact?] {
  /// The fact of input `index`, which must be given.
  func required(_ index: Int, _ label: String) throws -> Fact {
    guard index < count, let fact = self[index] else {
      throw GraphError(.invalidModel, "input \(index) (\(label)) is required and missing")
    }
    return fact
  }

  /// The fact of input `index` where it is given.
  func optional(_ index: Int) -> Fact? { index < count ? self[index] : nil }
}

/// What shape inference says about axes.
enum ShapeFacts {
  /// `axis` counted from the front.
  ///
  /// - Throws: `GraphError.Code.invalidModel` when the rank does not have it.
  static func axis(_ axis: Int, rank: Int) throws -> Int {
    let found = axis < 0 ? axis &+ rank : axis
    guard found >= 0, found < rank else {
      throw GraphError(.invalidModel, "axis \(axis) does not exist in a tensor of rank \(rank)")
    }
    return found
  }

  /// `axes` counted from the front, each at most once.
  static func axes(_ axes: [Int], rank: Int) throws -> [Int] {
    let found = try axes.map { try axis($0, rank: rank) }
    guard Set(found).count == found.count else { throw GraphError(.invalidModel, "axes \(axes) name an axis twice") }
    return found
  }

  /// The product of extents.
  static func product(_ dims: some Sequence<Dim>) -> Dim { dims.reduce(Dim(1), *) }

  /// As many unknown extents.
  static func unknown(_ rank: Int) -> [Dim] { [Dim](repeating: .unknown, count: rank) }

  /// The extent that several extents which must be equal have.
  ///
  /// - Throws: `GraphError.Code.invalidModel` when two provably differ.
  static func unified(_ a: Dim, _ b: Dim, _ what: @autoclosure () -> String) throws -> Dim {
    if a.isProvablyDifferent(from: b) { throw GraphError(.invalidModel, "\(what()): \(a) and \(b) differ") }
    if a.value != nil || b == .unknown { return a }
    return b.value != nil || a == .unknown ? b : a
  }
}
