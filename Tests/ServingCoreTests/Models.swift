import ServingCore
import ServingTesting
import TensorCore
import Testing

/// Small models that the suites share.
enum Models {
  static func port(_ name: String, _ dtype: DType, _ dims: [Int?]?, required: Bool = true) -> ModelSignature.Port {
    ModelSignature.Port(name: name, type: .tensor(dtype), dims: dims, isRequired: required)
  }

  /// A service whose model answers the row numbers and keeps what it was given.
  static func recorder(
    _ inputs: [ModelSignature.Port], columns: [String]? = nil, configuration: ModelService.Configuration = .init()
  ) throws -> (service: ModelService, predictor: FixedPredictor) {
    let signature = ModelSignature(inputs: inputs, outputs: [port("y", .int64, [nil])], columns: columns)
    let predictor = FixedPredictor(signature) { values in
      let rows = values.compactMap { $0?.tensor?.shape.dims.first }.first ?? 1
      return [.tensor(Tensor((0..<rows).map { Int64($0) }))]
    }
    return (try ModelService(predictor, configuration: configuration), predictor)
  }

  static func matrix(_ width: Int? = 4, _ dtype: DType = .float32, columns: [String]? = nil) throws
    -> (service: ModelService, predictor: FixedPredictor)
  {
    try recorder([port("x", dtype, [nil, width])], columns: columns)
  }

  /// A classifier of two rows: string labels and a sequence of maps.
  static func classifier(_ configuration: ModelService.Configuration = .init()) throws -> ModelService {
    let signature = ModelSignature(
      inputs: [port("x", .float32, [nil, 1])],
      outputs: [
        port("label", .string, [nil]),
        .init(name: "probabilities", type: .sequence(.map(key: .string, value: .tensor(.float32))), dims: nil),
      ])
    return try ModelService(
      FixedPredictor(signature) { _ in
        let keys = try Tensor(strings: ["setosa", "versi\"color"], shape: [2])
        return [
          .tensor(try Tensor(strings: ["setosa", "a,b"], shape: [2])),
          .sequence(
            [
              .map(TensorMap(keys: keys, values: Tensor([Float(0.9), 0.1]))),
              .map(TensorMap(keys: keys, values: Tensor([Float(0.25), 0.75]))),
            ], element: .map(key: .string, value: .tensor(.float32))),
        ]
      }, configuration: configuration)
  }

  /// A service that answers `values` whatever it is asked.
  static func answering(_ values: [(name: String, value: Value)]) throws -> ModelService {
    let signature = ModelSignature(
      inputs: [port("x", .float32, [nil, 1])],
      outputs: values.map { ModelSignature.Port(name: $0.name, type: $0.value.type, dims: nil) })
    let all = values.map(\.value)
    return try ModelService(FixedPredictor(signature) { _ in all })
  }
}

extension InvocationResponse {
  var text: String { String(decoding: body, as: UTF8.self) }
}

extension FixedPredictor {
  /// The shape and elements of the tensor that input `i` was given last.
  func given<T: TensorElement>(_ type: T.Type, _ i: Int = 0) -> (shape: [Int], elements: [T])? {
    guard i < inputs.count, let tensor = inputs[i]?.tensor, let elements = tensor.array(of: type) else { return nil }
    return (tensor.shape.dims, elements)
  }

  func givenStrings(_ i: Int = 0) -> [String]? {
    i < inputs.count ? inputs[i]?.tensor.map { Array($0.strings) } : nil
  }
}

/// Runs `body` and returns the error it throws.
func failure(_ service: ModelService, _ body: some Sequence<UInt8>, _ type: String = "application/json") throws
  -> ServingError
{
  do {
    let response = try service.call(body, contentType: type)
    throw Unexpected(what: "answered \(response.text)")
  } catch let error as ServingError {
    return error
  }
}

struct Unexpected: Error { var what: String }
