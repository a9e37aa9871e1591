public import TensorCore

/// An optional that holds the input, or nothing. ONNX `Optional`.
public struct MakeOptional: Operator {
  /// The type of what it may hold, where there is no input.
  public let element: ValueType?

  public init(element: ValueType?) { self.element = element }

  public var name: String { "Optional" }

  public func outputFacts(_ inputs: [Fact?]) throws -> [Fact] {
    guard let type = inputs.optional(0)?.type ?? element else {
      throw GraphError(.invalidModel, "neither an input nor attribute \"type\" says what the optional may hold")
    }
    return [Fact(type: .optional(type), shape: nil)]
  }

  public func evaluate(_ inputs: inout [Value?], _ context: EvaluationContext) throws -> [Value] {
    let value = inputs.first ?? nil
    guard let type = value?.type ?? element else { throw GraphError(.invalidInput, "the optional has no type") }
    return [.optional(value, element: type)]
  }
}

/// Whether there is a value: not for an empty optional or an absent input. ONNX `OptionalHasElement`.
public struct OptionalHasElement: Operator {
  public init() {}

  public var name: String { "OptionalHasElement" }

  public func outputFacts(_ inputs: [Fact?]) throws -> [Fact] { [Fact(.bool, [])] }

  public func evaluate(_ inputs: inout [Value?], _ context: EvaluationContext) throws -> [Value] {
    let isThere =
      switch inputs.first ?? nil {
      case nil, .optional(nil, _)?: false
      default: true
      }
    return [.tensor(Tensor(scalar: isThere))]
  }
}

/// What an optional holds; a value that is no optional is itself. ONNX `OptionalGetElement`.
public struct OptionalGetElement: Operator {
  public init() {}

  public var name: String { "OptionalGetElement" }

  public func outputFacts(_ inputs: [Fact?]) throws -> [Fact] {
    let input = try inputs.required(0, "input")
    guard case .optional(let element)? = input.type else { return [input.withoutContents] }
    return [Fact(type: element, shape: nil)]
  }

  public func evaluate(_ inputs: inout [Value?], _ context: EvaluationContext) throws -> [Value] {
    let value = try Operand.value(inputs, 0, "input")
    guard case .optional(let held, _) = value else { return [value] }
    guard let held else { throw GraphError(.invalidInput, "the optional is empty") }
    return [held]
  }
}
