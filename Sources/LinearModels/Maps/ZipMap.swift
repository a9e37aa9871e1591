public import InferenceGraph
public import TensorCore

/// Turns every row of scores into a map from class label to score. All maps share one tensor of keys.
public struct ZipMap: Operator {
  public let name = "ZipMap"
  let keys: Tensor
  let keyCount: Int

  public init(_ labels: ClassLabels) {
    keys = labels.tensor
    keyCount = labels.count
  }

  public var attributes: [(name: String, value: String)] { [("classes", "\(keyCount)")] }

  private var mapType: ValueType { .map(key: keys.dtype, value: .tensor(.float32)) }

  public func outputFacts(_ inputs: [Fact?]) throws -> [Fact] {
    _ = try FeatureMatrix.extents(inputs.first ?? nil, columns: keyCount)
    return [Fact(type: .sequence(mapType), shape: nil)]
  }

  public func evaluate(_ inputs: inout [Value?], _ context: EvaluationContext) throws -> [Value] {
    let x = try Inputs.tensor(inputs[0])
    let (rows, columns) = try FeatureMatrix.extents(x.shape)
    guard x.dtype == .float32, columns == keyCount else {
      throw GraphError(
        .invalidInput, "the input is \(x.dtype) of shape \(x.shape), expected float32 with \(keyCount) columns")
    }
    let matrix = try x.reshaped([rows, columns])
    let shape: Shape = [columns]
    var maps: [Value] = []
    maps.reserveCapacity(rows)
    for i in 0..<rows {
      maps.append(.map(TensorMap(keys: keys, values: try matrix.rows(i..<(i + 1)).reshaped(shape))))
    }
    return [.sequence(maps, element: mapType)]
  }
}
