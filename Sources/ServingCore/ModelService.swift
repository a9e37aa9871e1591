import Synchronization
import TensorCore

/// A model behind its codecs: negotiates the media types, decodes into tensors, predicts, encodes.
///
/// The answer's media type follows `Accept`; without one it is the setting's default (`SAGEMAKER_DEFAULT_INVOCATIONS_ACCEPT`),
/// and that is `application/json` as in SageMaker's inference toolkit. Which outputs it carries: `outputs=a,b` in the custom
/// attributes, else the setting, else all. The headers are judged before the body is read.
public final class ModelService: InvocationHandler {
  /// What a user may set.
  public struct Configuration: Sendable {
    /// The media type of answers when a request accepts anything.
    public var defaultAccept: String
    /// Names of the outputs that answers carry; empty means all.
    public var outputs: [String]
    public var limits: CodecLimits
    public var codecs: CodecTable

    public init(
      defaultAccept: String = "application/json", outputs: [String] = [], limits: CodecLimits = CodecLimits(),
      codecs: CodecTable = .standard
    ) {
      self.defaultAccept = defaultAccept
      self.outputs = outputs
      self.limits = limits
      self.codecs = codecs
    }
  }

  public let layout: InputLayout
  let predictor: any Predictor
  private let configuration: Configuration
  private let selection: OutputSelection
  private let batchAxes: BatchAxes
  private let preferred: CodecTable.Choice
  private let measured = Atomic<UInt64>(.max)

  /// - Throws: `ServingError` naming the setting whose value the model or the codecs do not know.
  public init(_ predictor: any Predictor, configuration: Configuration = Configuration()) throws(ServingError) {
    self.predictor = predictor
    self.configuration = configuration
    layout = InputLayout(predictor.signature)
    batchAxes = BatchAxes(predictor.signature)
    selection = try OutputSelection(predictor.signature, wanted: configuration.outputs)
    preferred = try configuration.codecs.choice(named: configuration.defaultAccept)
  }

  /// What the codecs read and write, with samples for this model.
  public var documentation: [CodecTable.Entry] { configuration.codecs.documentation(for: layout) }

  /// The greatest value until `warmUp` has measured a call.
  public var expectedNanoseconds: UInt64 { measured.load(ordering: .relaxed) }

  func setExpected(nanoseconds: UInt64) { measured.store(nanoseconds, ordering: .relaxed) }

  public func invoke(_ request: InvocationRequest) throws(ServingError) -> InvocationResponse {
    let decoder = try configuration.codecs.decoder(contentType: request.contentType, layout: layout)
    let encoder = try configuration.codecs.encoder(accept: request.accept, preferred: preferred)
    if request.body.isEmpty { throw .emptyBody }
    var positions = try selection.positions(customAttributes: request.customAttributes)
    let decoded = try decoder.decode(request.body, for: layout, limits: configuration.limits)
    if encoder.codec.encodesFirstOutputOnly { positions.removeSubrange(1...) }
    return try answer(decoded, positions, encoder)
  }

  /// Runs the model on `decoded` and writes the outputs at `positions`.
  func answer(
    _ decoded: DecodedRequest, _ positions: [Int], _ encoder: CodecTable.Choice
  ) throws(ServingError) -> InvocationResponse {
    var values: [Value]
    do {
      values = try predictor.predict(decoded.inputs, outputs: positions)
    } catch let error as ServingError {
      throw error
    } catch {
      throw ServingError(.modelFailure, "The model failed: \(error)")
    }
    guard values.count == positions.count else {
      throw ServingError(
        .modelFailure, "The model gave \(values.count) outputs where \(positions.count) were asked for.")
    }
    if !decoded.isNamed && encoder.codec.encodesRows { values = batchAxes.rowsFirst(values, positions) }
    let names = positions.map { layout.signature.outputs[$0].name }
    var sink = ByteSink()
    try encoder.codec.encode(Answer(names: names, values: values, isNamed: decoded.isNamed), into: &sink)
    return InvocationResponse(contentType: encoder.mediaType, body: sink.finish())
  }
}

extension ModelService {
  var preferredAnswer: CodecTable.Choice { preferred }
  var standingOutputs: [Int] { get throws(ServingError) { try selection.positions(customAttributes: nil) } }
}
