public import TensorCore

/// One body format: how its bytes become input tensors, and how answers become its bytes.
///
/// A new media type is one file with a conforming type and one line in `CodecTable`. Codecs hold no state, trust no byte
/// of a body, and throw `ServingError` of a 4xx code for whatever is wrong with one.
public protocol Codec: Sendable {
  /// The media types the codec answers to, lower case, the canonical one first.
  var mediaTypes: [String] { get }
  /// What the bodies look like, one or two sentences for the README, the 415 body and OpenAPI.
  var summary: String { get }
  /// True when request bodies may have this type.
  var canDecode: Bool { get }
  /// True when answers may have this type.
  var canEncode: Bool { get }
  /// True when an answer carries the first wanted output alone, so that the others need not be computed.
  var encodesFirstOutputOnly: Bool { get }
  /// True when an answer has an entry for each row; false when it has the arrays as the model gives them.
  var encodesRows: Bool { get }

  /// Reads the inputs out of a body that is not empty.
  func decode(
    _ body: UnsafeRawBufferPointer, for layout: InputLayout, limits: CodecLimits
  ) throws(ServingError) -> DecodedRequest

  /// Appends the answer.
  func encode(_ answer: Answer, into sink: inout ByteSink) throws(ServingError)

  /// A body of one row that the model accepts, or nil when this format cannot carry the model's inputs.
  func sample(for layout: InputLayout) -> [UInt8]?
}

extension Codec {
  /// The canonical media type.
  public var mediaType: String { mediaTypes[0] }

  public func decode(
    _ body: UnsafeRawBufferPointer, for layout: InputLayout, limits: CodecLimits
  ) throws(ServingError) -> DecodedRequest {
    throw ServingError(.unsupportedMediaType, "\(mediaType) is not a request format")
  }

  public func encode(_ answer: Answer, into sink: inout ByteSink) throws(ServingError) {
    throw ServingError(.notAcceptable, "\(mediaType) is not an answer format")
  }

  public func sample(for layout: InputLayout) -> [UInt8]? { nil }
}

/// What a body held.
public struct DecodedRequest: Sendable {
  /// Values in signature order; nil for optional inputs that were not given.
  public var inputs: [Value?]
  /// True when the body was `{"inputs": {name: tensor}}`, whose JSON answer is `{"outputs": {name: tensor}}`.
  public var isNamed: Bool

  public init(inputs: [Value?], isNamed: Bool = false) {
    self.inputs = inputs
    self.isNamed = isNamed
  }
}

/// What the model gave, ready to be written.
public struct Answer: Sendable {
  /// The wanted outputs' names and values, in the wanted order; never empty.
  public var names: [String]
  public var values: [Value]
  /// True for the `{"outputs": {name: tensor}}` form.
  public var isNamed: Bool

  public init(names: [String], values: [Value], isNamed: Bool = false) {
    self.names = names
    self.values = values
    self.isNamed = isNamed
  }
}

/// Bounds on what a body may ask of a codec; the body's own length is bounded before it comes here.
public struct CodecLimits: Sendable {
  /// Arrays and objects inside each other in JSON.
  public var depth: Int
  /// Bytes that a compressed body may inflate to.
  public var inflatedBytes: Int
  /// Members of a zip archive.
  public var archiveMembers: Int

  public init(depth: Int = 64, inflatedBytes: Int = 100 << 20, archiveMembers: Int = 1024) {
    self.depth = depth
    self.inflatedBytes = inflatedBytes
    self.archiveMembers = archiveMembers
  }
}
