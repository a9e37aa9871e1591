public import TensorCore

/// What a model takes and gives, as codecs and protocols need it: names, types, extents.
public struct ModelSignature: Sendable {
  /// One input or output.
  public struct Port: Sendable {
    public var name: String
    public var type: ValueType
    /// Extents; nil where the extent is free (batch, sequence). The whole is nil when even the rank is unknown.
    public var dims: [Int?]?
    /// Names of the free axes where the model gives them (`batch`, `sequence`), by axis.
    public var dimNames: [Int: String]
    /// False for an input that has a default inside the model.
    public var isRequired: Bool

    public init(
      name: String, type: ValueType, dims: [Int?]?, dimNames: [Int: String] = [:], isRequired: Bool = true
    ) {
      self.name = name
      self.type = type
      self.dims = dims
      self.dimNames = dimNames
      self.isRequired = isRequired
    }
  }

  public var inputs: [Port]
  public var outputs: [Port]
  /// Names of the columns of the model's tabular input, left to right, where the model carries them.
  public var columns: [String]?

  public init(inputs: [Port], outputs: [Port], columns: [String]? = nil) {
    self.inputs = inputs
    self.outputs = outputs
    self.columns = columns
  }
}

/// A loaded model as the serving layer sees it.
public protocol Predictor: Sendable {
  var signature: ModelSignature { get }

  /// Runs the model. `inputs` are in signature order, nil where an optional input was not given; `outputs` names the
  /// positions that are wanted, and the answer is in that order. Reentrant, callable from any thread.
  func predict(_ inputs: [Value?], outputs: [Int]) throws -> [Value]
}
