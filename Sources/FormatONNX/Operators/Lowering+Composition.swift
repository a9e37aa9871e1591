import InferenceGraph
import TensorCore

/// What operators that are compositions of primitives are put together from.
extension Lowering {
  func sum(_ a: ValueID, _ b: ValueID) throws -> ValueID { try add(Arithmetic(.add), a, b) }
  func difference(_ a: ValueID, _ b: ValueID) throws -> ValueID { try add(Arithmetic(.subtract), a, b) }
  func product(_ a: ValueID, _ b: ValueID) throws -> ValueID { try add(Arithmetic(.multiply), a, b) }
  func quotient(_ a: ValueID, _ b: ValueID) throws -> ValueID { try add(Arithmetic(.divide), a, b) }
  func squareRoot(_ x: ValueID) throws -> ValueID { try add(Unary(.squareRoot), x) }

  /// The element type of a value.
  ///
  /// - Throws: `GraphError` when it is not known while the model is loaded.
  func elementType(_ id: ValueID, _ what: String) throws -> DType {
    guard let dtype = fact(id).dtype else {
      throw GraphError(.unsupported, "the element type of \(what) is not known when the model is loaded")
    }
    return dtype
  }

  /// A number as a constant without axes.
  func scalar(_ value: Float, as dtype: DType = .float32) throws -> ValueID {
    try cast(constant(Tensor(scalar: value)), to: dtype)
  }

  /// The value with elements of type `dtype`.
  func cast(_ id: ValueID, to dtype: DType) throws -> ValueID {
    fact(id).dtype == dtype ? id : try add(Cast(to: dtype), id)
  }

  /// Extents `start..<end` of a value as a list of `int64`.
  func extents(_ id: ValueID, _ start: Int = 0, _ end: Int? = nil) throws -> ValueID {
    try add(ShapeOf(start: start, end: end), id)
  }

  /// Lists one after the other.
  func list(_ parts: [ValueID]) throws -> ValueID { try add(Concat(axis: 0), parts)[0] }

  func reshaped(_ id: ValueID, _ shape: [Int]) throws -> ValueID { try add(Reshape(), id, integers(shape)) }
  func reshaped(_ id: ValueID, _ shape: ValueID) throws -> ValueID { try add(Reshape(), id, shape) }
  func transposed(_ id: ValueID, _ order: [Int]) throws -> ValueID { try add(Transpose(order), id) }
  func unsqueezed(_ id: ValueID, _ axes: [Int]) throws -> ValueID { try add(Unsqueeze(), id, integers(axes)) }

  /// Entries from `start` on, up to `end` (a list of one number each), of an axis.
  func slice(_ id: ValueID, axis: Int, from start: ValueID, to end: ValueID? = nil) throws -> ValueID {
    try add(Slice(), id, start, end ?? integers([Int(Int32.max)]), integers([axis]))
  }

  /// Equal parts of an axis.
  func parts(_ id: ValueID, axis: Int, count: Int) throws -> [ValueID] {
    try add(Split(axis: axis, sizes: nil, outputCount: count, mayBeUneven: false), [id])
  }

  /// A tensor of the shape that a list gives, filled with one number.
  func filled(_ value: Float, as dtype: DType, shape: ValueID) throws -> ValueID {
    try add(Expand(), scalar(value, as: dtype), shape)
  }

  /// `[batch, length, heads * size]` as `[batch, heads, length, size]`.
  func headsApart(_ id: ValueID, _ heads: Int) throws -> ValueID {
    try transposed(reshaped(id, [0, 0, heads, -1]), [0, 2, 1, 3])
  }

  /// `[batch, heads, length, size]` as `[batch, length, heads * size]`.
  func headsTogether(_ id: ValueID) throws -> ValueID {
    try reshaped(transposed(id, [0, 2, 1, 3]), [0, 0, -1])
  }

  /// An attribute that must be given.
  func requiredInt(_ name: String) throws -> Int {
    guard let value = try int(name) else {
      throw GraphError(.invalidModel, "attribute \"\(name)\" is required and missing")
    }
    return value
  }

  /// An attribute that must be given and positive, and small enough to reckon with.
  func positiveInt(_ name: String) throws -> Int {
    let value = try requiredInt(name)
    guard value > 0, value < 1 << 30 else {
      throw GraphError(.invalidModel, "attribute \"\(name)\" is \(value) and must be positive")
    }
    return value
  }
}
