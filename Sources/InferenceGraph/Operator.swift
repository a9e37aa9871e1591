public import TensorCore

/// A graph primitive: what it is called, what comes out of it, and how it is computed.
///
/// Conforming types are values that hold their attributes. One primitive (or one family that shares its loop) is one
/// file under `Operators/`. An operator checks its inputs' kinds and shapes and throws `GraphError`; it never traps on
/// what a model or a request says.
public protocol Operator: Sendable {
  /// The name in dumps and messages, such as `Conv`.
  var name: String { get }

  /// Attributes for dumps, in reading order.
  var attributes: [(name: String, value: String)] { get }

  /// The facts of the outputs. Runs when the graph is built: throws when no input of these facts can be right.
  /// An absent optional input is nil.
  func outputFacts(_ inputs: [Fact?]) throws -> [Fact]

  /// Computes the outputs.
  ///
  /// Inputs stay alive for the call. An element that the operator takes out of `inputs` (sets to nil) and holds alone
  /// (`Tensor.isUniquelyHeld`) may be overwritten: see `EvaluationContext.reuse(_:at:dtype:shape:)`.
  func evaluate(_ inputs: inout [Value?], _ context: EvaluationContext) throws -> [Value]

  /// The same computation specialised for what is known: constants packed, checks done once. Called once a node after
  /// the passes. nil: stay as it is. `kept` lists the positions of the inputs that the new operator still takes; what the
  /// new operator makes of the others, it makes in `constants`.
  func specialized(_ inputs: [Fact?], _ constants: Constants) throws -> (operator: any Operator, kept: [Int])?

  /// True when equal inputs always give equal outputs, so that constants may be folded.
  var isPure: Bool { get }

  /// Graphs that the operator runs inside (branches, loop bodies).
  var subgraphs: [Graph] { get }

  /// Counts the memory of what the operator itself holds (packed constants, tables).
  func addHeld(to memory: inout HeldMemory)
}

extension Operator {
  public var attributes: [(name: String, value: String)] { [] }
  public func specialized(
    _ inputs: [Fact?], _ constants: Constants
  ) throws -> (operator: any Operator, kept: [Int])? { nil }
  public var isPure: Bool { true }
  public var subgraphs: [Graph] { [] }
  public func addHeld(to memory: inout HeldMemory) {}
}

extension Operator {
  /// `specialized`, with the constants that the new operator no longer takes out of memory where they are of a mapped file:
  /// packed weights take the place of the model's own, not a second one.
  func specializedInPlace(
    _ inputs: [Fact?], _ constants: Constants
  ) throws -> (operator: any Operator, kept: [Int])? {
    guard let special = try specialized(inputs, constants) else { return nil }
    for (position, fact) in inputs.enumerated() where !special.kept.contains(position) {
      fact?.tensor?.dropMappedPages()
    }
    return special
  }
}
