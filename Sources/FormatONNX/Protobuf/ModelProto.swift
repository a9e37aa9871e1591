public import TensorCore

/// `onnx.ModelProto`: what this engine uses of it, as read.
public struct ModelProto {
  public var irVersion = 0
  public var producerName = ""
  public var producerVersion = ""
  public var domain = ""
  public var modelVersion = 0
  public var docString = ""
  public var graph: GraphProto?
  /// Opset versions by domain; `ai.onnx` is the empty domain.
  public var opsets: [String: Int] = [:]
  public var metadata: [String: String] = [:]
  public var functions: [FunctionProto] = []
  /// Nodes in all graphs and functions.
  public var nodeCount = 0
}

/// `onnx.GraphProto`.
public struct GraphProto: Sendable {
  public var name = ""
  public var nodes: [NodeProto] = []
  public var initializers: [(name: String, tensor: Tensor)] = []
  public var inputs: [ValueInfoProto] = []
  public var outputs: [ValueInfoProto] = []
  public var valueInfos: [ValueInfoProto] = []
}

/// `onnx.NodeProto`.
public struct NodeProto: Sendable {
  public var name = ""
  public var opType = ""
  public var domain = ""
  public var overload = ""
  public var inputs: [String] = []
  public var outputs: [String] = []
  public var attributes: [AttributeProto] = []

  /// The attribute called `name`.
  public func attribute(_ name: String) -> AttributeProto? { attributes.first { $0.name == name } }
}

/// `onnx.AttributeProto`.
public struct AttributeProto: Sendable {
  /// What an attribute holds.
  public indirect enum Value: Sendable {
    case float(Float), int(Int), string(String), tensor(Tensor), graph(GraphProto), type(TypeProto)
    case floats([Float]), ints([Int]), strings([String]), tensors([Tensor]), graphs([GraphProto]), types([TypeProto])
    /// In a function body: the attribute of the calling node that is meant.
    case reference(String)
    case none

    /// The kind as the standard names it.
    public var kind: String {
      switch self {
      case .float: "FLOAT"
      case .int: "INT"
      case .string: "STRING"
      case .tensor: "TENSOR"
      case .graph: "GRAPH"
      case .type: "TYPE_PROTO"
      case .floats: "FLOATS"
      case .ints: "INTS"
      case .strings: "STRINGS"
      case .tensors: "TENSORS"
      case .graphs: "GRAPHS"
      case .types: "TYPE_PROTOS"
      case .reference: "reference"
      case .none: "UNDEFINED"
      }
    }
  }

  public var name = ""
  public var value = Value.none
}

/// `onnx.ValueInfoProto`.
public struct ValueInfoProto: Sendable {
  public var name = ""
  public var type: TypeProto?
}

/// `onnx.TypeProto`.
public indirect enum TypeProto: Sendable {
  /// Extents: a value, a name, or nil; the whole is nil when the rank is not declared.
  case tensor(DType, [DimProto]?)
  case sequence(TypeProto)
  case optional(TypeProto)
  case map(key: DType, value: TypeProto)

  /// One extent of a declared shape.
  public enum DimProto: Sendable {
    case value(Int)
    case parameter(String)
    case unknown
  }

  /// The type without extents.
  public var valueType: ValueType {
    switch self {
    case .tensor(let d, _): .tensor(d)
    case .sequence(let e): .sequence(e.valueType)
    case .optional(let e): .optional(e.valueType)
    case .map(let k, let v): .map(key: k, value: v.valueType)
    }
  }
}

/// `onnx.FunctionProto`: a model-local function.
public struct FunctionProto {
  public var name = ""
  public var domain = ""
  public var overload = ""
  public var inputs: [String] = []
  public var outputs: [String] = []
  /// Attribute defaults.
  public var defaults: [AttributeProto] = []
  public var nodes: [NodeProto] = []
  public var opsets: [String: Int] = [:]
}

extension DType {
  /// The dtype that `onnx.TensorProto.DataType` calls `code`, or nil.
  public init?(onnx code: Int) {
    switch code {
    case 1: self = .float32
    case 2: self = .uint8
    case 3: self = .int8
    case 4: self = .uint16
    case 5: self = .int16
    case 6: self = .int32
    case 7: self = .int64
    case 8: self = .string
    case 9: self = .bool
    case 10: self = .float16
    case 11: self = .float64
    case 12: self = .uint32
    case 13: self = .uint64
    case 14: self = .complex64
    case 15: self = .complex128
    case 16: self = .bfloat16
    case 17: self = .float8E4M3FN
    case 18: self = .float8E4M3FNUZ
    case 19: self = .float8E5M2
    case 20: self = .float8E5M2FNUZ
    case 21: self = .uint4
    case 22: self = .int4
    case 23: self = .float4E2M1
    case 24: self = .float8E8M0
    case 25: self = .uint2
    case 26: self = .int2
    default: return nil
    }
  }
}
