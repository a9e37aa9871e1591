import InferenceGraph
public import ModelLoading
public import TensorCore

/// Inputs made up from a model's signature, for measuring it.
public struct SyntheticInputs: Sendable {
  /// The extent of the first axis where it is free.
  public var batch: Int
  /// The extent of other free axes.
  public var free: Int
  /// Shapes given by input name.
  public var shapes: [String: [Int]]

  public init(batch: Int = 1, free: Int = 128, shapes: [String: [Int]] = [:]) {
    self.batch = batch
    self.free = free
    self.shapes = shapes
  }

  /// The most elements that an input is made up with.
  public static let maxElements = 1 << 30

  /// One value for each input of `model`: small pseudo-random numbers, the same at every call; integers are 0 or 1
  /// for indices' sake, masks (`*mask*`) are ones, strings are `"a"`.
  ///
  /// - Throws: `ToolError` when a given shape does not fit the input or names none.
  public func values(for model: PreparedModel) throws -> [Value?] {
    let graph = model.optimized
    let names = Set(graph.inputs.map { graph[$0].name })
    for name in shapes.keys where !names.contains(name) {
      throw ToolError(
        "--shape names no input: \(name); the inputs are \(names.sorted().joined(separator: ", "))", isUsage: true)
    }
    return try graph.inputs.map { id in
      let fact = graph.fact(id)
      let name = graph[id].name
      guard case .tensor(let dtype)? = fact.type else {
        throw ToolError(
          "input \(name) is \(fact.type.map { "\($0)" } ?? "of unknown type"): only tensors can be made up",
          isUsage: true)
      }
      let shape = try shape(name, fact)
      guard let count = shape.checkedElementCount, count <= Self.maxElements else {
        throw ToolError(
          "input \(name) of shape \(shape) is too large to be made up: give --shape \(name)=...", isUsage: true)
      }
      return .tensor(fill(dtype, shape, mask: name.contains("mask")))
    }
  }

  private func shape(_ name: String, _ fact: Fact) throws -> Shape {
    if let given = shapes[name] {
      if let declared = fact.shape {
        let fits = declared.count == given.count && zip(declared, given).allSatisfy { ($0.value ?? $1) == $1 }
        guard fits else { throw ToolError("--shape \(name)=\(Shape(given)) does not fit \(fact)", isUsage: true) }
      }
      return Shape(given)
    }
    guard let declared = fact.shape else {
      throw ToolError("input \(name) has no declared rank: give --shape \(name)=...", isUsage: true)
    }
    return Shape(declared.enumerated().map { axis, dim in dim.value ?? (axis == 0 ? batch : free) })
  }

  private func fill(_ dtype: DType, _ shape: Shape, mask: Bool) -> Tensor {
    var state: UInt64 = 0x9E37_79B9_7F4A_7C15
    func next() -> UInt64 {
      state ^= state << 13
      state ^= state >> 7
      state ^= state << 17
      return state
    }
    if dtype == .string {
      let out = Tensor(uninitialized: .string, shape)
      out.unsafeSetStrings([String](repeating: "a", count: shape.elementCount))
      return out
    }
    let out = Tensor(zeros: dtype, shape)
    func each<T: BitwiseCopyable>(_ make: (UInt64) -> T) {
      let to = out.unsafeMutableElements(of: T.self)
      for i in 0..<to.count { to[i] = make(next()) }
    }
    func unit(_ bits: UInt64) -> Double { Double(bits >> 11) * 0x1p-53 }
    switch dtype {
    case .float32: each { mask ? Float(1) : Float(unit($0)) }
    case .float64: each { mask ? 1.0 : unit($0) }
    case .float16: each { Float16(unit($0)) }
    case .bfloat16: each { BFloat16(Float(unit($0))) }
    case .int64, .uint64: each { mask ? Int64(1) : Int64($0 & 1) }
    case .int32, .uint32: each { mask ? Int32(1) : Int32($0 & 1) }
    case .int16, .uint16: each { mask ? Int16(1) : Int16($0 & 1) }
    case .int8, .uint8: each { mask ? Int8(1) : Int8($0 & 1) }
    case .bool: each { mask ? true : $0 & 1 == 1 }
    default: break
    }
    return out
  }
}

/// Why a tool cannot do what it was asked.
public struct ToolError: Error, Sendable, CustomStringConvertible {
  public let description: String
  /// True when the arguments are wrong; false when a file is missing or cannot be read or written.
  public let isUsage: Bool

  public init(_ description: String, isUsage: Bool = false) {
    self.description = description
    self.isUsage = isUsage
  }
}
