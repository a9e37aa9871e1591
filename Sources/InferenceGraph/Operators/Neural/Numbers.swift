import TensorCore

/// Tensors of any arithmetic kind as doubles, for operators that are rare enough to compute in double precision.
enum Numbers {
  /// The elements; `false` and `true` are 0 and 1.
  ///
  /// - Throws: `GraphError` for other kinds.
  static func read(_ tensor: Tensor) throws -> [Double] {
    if let flags = tensor.array(of: Bool.self) { return flags.map { $0 ? 1 : 0 } }
    guard let values = try tensor.dtype.withNumeric(Read(tensor: tensor)) else {
      throw Operand.unsupported(tensor.dtype, "numbers")
    }
    return values
  }

  /// A tensor that holds `values`, rounded once (integers saturate).
  ///
  /// - Throws: `GraphError` when the kind is no arithmetic one or the shape is too large.
  static func write(
    _ values: [Double], _ dtype: DType, _ shape: Shape, _ context: EvaluationContext
  ) throws -> Value {
    let out = try context.allocate(dtype, shape)
    if dtype == .bool {
      let to = out.unsafeMutableElements(of: Bool.self)
      for i in 0..<Swift.min(to.count, values.count) { to[i] = values[i] != 0 }
    } else if try dtype.withNumeric(Write(tensor: out, values: values)) == nil {
      throw Operand.unsupported(dtype, "numbers")
    }
    return .tensor(out)
  }

  /// The number of elements of an output that is held as doubles.
  ///
  /// - Throws: `GraphError.Code.limit` when the shape is too large.
  static func count(_ shape: Shape) throws -> Int {
    guard let count = shape.checkedElementCount, count <= 1 << 32 else {
      throw GraphError(.limit, "an output of shape \(shape) is too large")
    }
    return count
  }

  private struct Read: NumericBody {
    let tensor: Tensor
    func run<E: NumericElement>(_ type: E.Type) throws -> [Double] {
      tensor.unsafeElements(of: E.self).map { $0.wide.double }
    }
  }

  private struct Write: NumericBody {
    let tensor: Tensor
    let values: [Double]
    func run<E: NumericElement>(_ type: E.Type) throws {
      let to = tensor.unsafeMutableElements(of: E.self)
      for i in 0..<Swift.min(to.count, values.count) { to[i] = E(wide: E.Wide(double: values[i])) }
    }
  }
}
