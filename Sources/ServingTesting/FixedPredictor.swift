public import ServingCore
import Synchronization
public import TensorCore

/// A predictor for tests: remembers the inputs of its last call, and answers with what a closure makes of them.
public final class FixedPredictor: Predictor {
  public let signature: ModelSignature
  private let answer: @Sendable ([Value?]) throws -> [Value]
  private let last = Mutex<[Value?]>([])

  /// `answer` gives a value for every output of the signature.
  public init(_ signature: ModelSignature, answer: @escaping @Sendable ([Value?]) throws -> [Value]) {
    self.signature = signature
    self.answer = answer
  }

  /// The inputs of the last call.
  public var inputs: [Value?] { last.withLock { $0 } }

  public func predict(_ inputs: [Value?], outputs: [Int]) throws -> [Value] {
    last.withLock { $0 = inputs }
    let values = try answer(inputs)
    return outputs.map { values[$0] }
  }
}

extension ModelService {
  /// Invokes with a body held as text or bytes.
  public func call(
    _ body: some Sequence<UInt8>, contentType: String?, accept: String? = nil, attributes: String? = nil
  ) throws(ServingError) -> InvocationResponse {
    let bytes = Array(body)
    let result = bytes.withUnsafeBytes { buffer -> Result<InvocationResponse, ServingError> in
      Result { () throws(ServingError) in
        try invoke(
          InvocationRequest(contentType: contentType, accept: accept, customAttributes: attributes, body: buffer))
      }
    }
    return try result.get()
  }
}
