/// What flows along a graph edge: a tensor, or one of ONNX's compound types.
public indirect enum Value: Sendable {
  case tensor(Tensor)
  case sequence([Value], element: ValueType)
  case optional(Value?, element: ValueType)
  case map(TensorMap)

  /// The tensor, or nil for another kind.
  @inlinable public var tensor: Tensor? {
    if case .tensor(let t) = self { t } else { nil }
  }

  /// The value's type.
  public var type: ValueType {
    switch self {
    case .tensor(let t): .tensor(t.dtype)
    case .sequence(_, let element): .sequence(element)
    case .optional(_, let element): .optional(element)
    case .map(let m): .map(key: m.keys.dtype, value: .tensor(m.values.dtype))
    }
  }
}

extension Value {
  /// Bytes of all tensors inside; values that share storage count each.
  public var heldBytes: Int {
    switch self {
    case .tensor(let t): t.byteCount
    case .sequence(let items, _): items.reduce(0) { $0 + $1.heldBytes }
    case .optional(let item, _): item?.heldBytes ?? 0
    case .map(let m): m.keys.byteCount + m.values.byteCount
    }
  }
}

/// A map whose keys are the elements of `keys` (strings or integers) and whose values those of `values`, in order.
///
/// The first axis of both has the same extent. A sequence of maps that share one `keys` tensor (ZipMap's output) costs
/// one slice a row.
public struct TensorMap: Sendable {
  public let keys: Tensor
  public let values: Tensor

  public init(keys: Tensor, values: Tensor) {
    self.keys = keys
    self.values = values
  }
}

/// The type of a `Value`.
public indirect enum ValueType: Hashable, Sendable, CustomStringConvertible {
  case tensor(DType)
  case sequence(ValueType)
  case optional(ValueType)
  case map(key: DType, value: ValueType)

  /// The element kind of a tensor type, or nil.
  @inlinable public var dtype: DType? {
    if case .tensor(let d) = self { d } else { nil }
  }

  public var description: String {
    switch self {
    case .tensor(let d): "tensor(\(d))"
    case .sequence(let e): "seq(\(e))"
    case .optional(let e): "optional(\(e))"
    case .map(let k, let v): "map(\(k),\(v))"
    }
  }
}
