public import TensorCore

/// What is known of a value before running: its type, its extents, and its contents where those are known.
public struct Fact: Sendable {
  /// The type; nil only for an output whose operator cannot tell.
  public var type: ValueType?
  /// The extents of a tensor; nil when even the rank is unknown (and for values that are no tensors).
  public var shape: [Dim]?
  /// The value, where it is a constant of the model or follows from constants.
  public var constant: Value?
  /// The elements of a small integer tensor (a shape, an index list) as extents, where `constant` is not known but they
  /// follow from other shapes. Row-major; the tensor has rank 0 or 1.
  public var elements: [Dim]?

  public init(type: ValueType?, shape: [Dim]?, constant: Value? = nil, elements: [Dim]? = nil) {
    self.type = type
    self.shape = shape
    self.constant = constant
    self.elements = elements
  }

  /// A tensor of known kind.
  public init(_ dtype: DType, _ shape: [Dim]?, elements: [Dim]? = nil) {
    self.init(type: .tensor(dtype), shape: shape, elements: elements)
  }

  /// The fact of a constant.
  public init(constant: Value) {
    self.init(type: constant.type, shape: constant.tensor.map { $0.shape.dims.map { Dim($0) } }, constant: constant)
    if let t = constant.tensor, t.shape.rank <= 1, t.count <= Fact.maxElements {
      if let v = t.array(of: Int64.self) { elements = v.map { Dim(Int($0)) } }
      if let v = t.array(of: Int32.self) { elements = v.map { Dim(Int($0)) } }
    }
  }

  /// The longest integer tensor whose elements are followed symbolically.
  public static let maxElements = 64

  /// The element kind where the type is a tensor's.
  public var dtype: DType? { type?.dtype }
  /// The rank where it is known.
  public var rank: Int? { shape?.count }
  /// An extent; nil where the shape is not known or has no such axis.
  public func extent(_ axis: Int) -> Dim? {
    guard let shape, shape.indices.contains(axis) else { return nil }
    return shape[axis]
  }
  /// The constant as a tensor.
  public var tensor: Tensor? { constant?.tensor }

  /// The elements of a constant integer tensor of any integer kind, or nil.
  public var constantIntegers: [Int]? {
    guard let tensor else { return nil }
    return tensor.integers
  }
}

extension Fact: CustomStringConvertible {
  /// Such as `float32[batch,3,224,224]`.
  public var description: String {
    let kind = type.map { $0.dtype.map { $0.name } ?? "\($0)" } ?? "?"
    guard type?.dtype != nil || shape != nil else { return kind }
    return kind + "[" + (shape.map { $0.map(\.description).joined(separator: ",") } ?? "...") + "]"
  }
}

extension Tensor {
  /// The elements of an `int64` or `int32` (or narrower integer) tensor as `Int`, or nil for other kinds.
  public var integers: [Int]? {
    if let v = array(of: Int64.self) { return v.map { Int($0) } }
    if let v = array(of: Int32.self) { return v.map { Int($0) } }
    if let v = array(of: Int16.self) { return v.map { Int($0) } }
    if let v = array(of: Int8.self) { return v.map { Int($0) } }
    if let v = array(of: UInt8.self) { return v.map { Int($0) } }
    if let v = array(of: UInt16.self) { return v.map { Int($0) } }
    if let v = array(of: UInt32.self) { return v.map { Int($0) } }
    if let v = array(of: UInt64.self) { return v.map { Int(clamping: $0) } }
    return nil
  }
}
