public import TensorCore

/// An operator that moves elements without looking at them: defined for every element kind, strings included.
public protocol DataMovement: Operator {
  /// Computes the outputs for tensors whose elements are bytes.
  func move(_ inputs: inout [Value?], _ context: EvaluationContext) throws -> [Value]
}

extension DataMovement {
  /// Runs `move`. Strings are numbered from 1, the numbers are moved, and what comes out is looked up: the element that
  /// an operator makes by itself, zero, is the empty string.
  public func evaluate(_ inputs: inout [Value?], _ context: EvaluationContext) throws -> [Value] {
    guard inputs.contains(where: { $0?.tensor?.dtype == .string }) else { return try move(&inputs, context) }
    var texts = [""]
    for position in inputs.indices {
      guard case .tensor(let tensor)? = inputs[position], tensor.dtype == .string else { continue }
      let first = Int64(texts.count)
      texts += tensor.strings
      inputs[position] = .tensor(
        try Tensor((0..<tensor.count).map { first + Int64($0) }, shape: tensor.shape))
    }
    return try move(&inputs, context).map { value in
      guard let numbers = value.tensor, let found = numbers.array(of: Int64.self) else { return value }
      // An operand that is no data (axes, a shape) may have been the one that is text: what came out is no number of a text.
      guard found.allSatisfy({ $0 >= 0 && $0 < texts.count }) else {
        throw GraphError(.invalidInput, "\(name) takes text as data only")
      }
      return .tensor(try Tensor(strings: found.map { texts[Int($0)] }, shape: numbers.shape))
    }
  }
}

/// Work over elements of which only the width counts.
protocol WidthGeneric {
  /// Does the work for elements as wide as `T`.
  func run<T: BitwiseCopyable>(_ type: T.Type)
}

extension WidthGeneric {
  /// Does the work for elements of `width` bytes.
  func run(width: Int) {
    switch width {
    case 1: run(UInt8.self)
    case 2: run(UInt16.self)
    case 4: run(UInt32.self)
    case 8: run(UInt64.self)
    default: run(Word128.self)
    }
  }
}

extension Tensor {
  /// Fills a fresh tensor with copies of the one element of `value`, or with zeros.
  func fill(with value: Tensor?) {
    let bytes = unsafeMutableBytes
    guard let value, !value.unsafeBytes.allSatisfy({ $0 == 0 }) else {
      bytes.initializeMemory(as: UInt8.self, repeating: 0)
      return
    }
    switch dtype.byteWidth {
    case 1: fill(value, UInt8.self)
    case 2: fill(value, UInt16.self)
    case 4: fill(value, UInt32.self)
    case 8: fill(value, UInt64.self)
    default: fill(value, Word128.self)
    }
  }

  private func fill<T: BitwiseCopyable>(_ value: Tensor, _ type: T.Type) {
    let element = value.unsafeBytes.loadUnaligned(as: T.self)
    unsafeMutableElements(of: type).update(repeating: element)
  }

  /// The same elements under another shape of as many, which the caller has checked; storage is shared.
  func viewed(_ shape: Shape) throws -> Tensor {
    do { return try reshaped(shape) } catch { throw GraphError(.invalidInput, "\(error)") }
  }
}
