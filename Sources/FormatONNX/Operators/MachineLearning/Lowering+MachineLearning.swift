import InferenceGraph
import LinearModels
import TensorCore

/// The domain of classical machine learning operators.
let machineLearningDomain = "ai.onnx.ml"

extension Lowering {
  /// A string attribute as a case of an enumeration.
  ///
  /// - Throws: `GraphError` that lists the names when the attribute is none of them.
  func choice<T: RawRepresentable & CaseIterable>(_ attribute: String, default value: T) throws -> T
  where T.RawValue == String {
    guard let name = try string(attribute) else { return value }
    guard let found = T(rawValue: name) else {
      let names = T.allCases.map { "\"\($0.rawValue)\"" }.joined(separator: ", ")
      throw GraphError(.invalidModel, "attribute \"\(attribute)\" is \"\(name)\", expected one of \(names)")
    }
    return found
  }

  /// Class labels: the strings where there are some, else the integers.
  ///
  /// - Throws: `GraphError` when both are missing.
  func labels(_ integers: String, _ strings: String) throws -> ClassLabels {
    if let labels = try self.strings(strings), !labels.isEmpty { return .strings(labels) }
    if let labels = try ints(integers), !labels.isEmpty { return .integers(labels.map { Int64($0) }) }
    throw GraphError(.invalidModel, "attributes \"\(integers)\" and \"\(strings)\" are both missing or empty")
  }
}
