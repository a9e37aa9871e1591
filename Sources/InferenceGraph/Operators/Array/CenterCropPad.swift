public import TensorCore

/// A tensor cut or filled with zeros, evenly at both ends, to the extents that input 1 lists. ONNX `CenterCropPad`.
public struct CenterCropPad: DataMovement {
  public let axes: [Int]?

  public init(axes: [Int]?) { self.axes = axes }

  public var name: String { "CenterCropPad" }
  public var attributes: [(name: String, value: String)] { axes.map { [("axes", "\($0)")] } ?? [] }

  public func outputFacts(_ inputs: [Fact?]) throws -> [Fact] {
    let data = try inputs.required(0, "input_data")
    let target = try inputs.required(1, "shape")
    guard var shape = data.shape else { return [Fact(type: data.type, shape: nil)] }
    let list = try ShapeFacts.axes(axes ?? Array(shape.indices), rank: shape.count)
    if let count = target.listCount, count != list.count {
      throw GraphError(.invalidModel, "\(count) extents for \(list.count) axes")
    }
    let extents = target.integerElements ?? ShapeFacts.unknown(list.count)
    for (axis, extent) in zip(list, extents) { shape[axis] = extent }
    return [Fact(type: data.type, shape: shape)]
  }

  public func move(_ inputs: inout [Value?], _ context: EvaluationContext) throws -> [Value] {
    let data = try Operand.tensor(inputs, 0, "input_data")
    let extents = try Operand.integers(inputs, 1, "shape")
    let list = try Operand.axes(axes ?? Array(0..<data.shape.rank), rank: data.shape.rank)
    guard extents.count == list.count, extents.allSatisfy({ $0 >= 0 }) else {
      throw GraphError(.invalidInput, "extents \(extents) for \(list.count) axes")
    }
    var before = [Int](repeating: 0, count: data.shape.rank)
    var after = before
    for (axis, extent) in zip(list, extents) {
      let more = extent - data.shape[axis]
      // The odd entry is put, or cut, at the end.
      before[axis] = more / 2
      after[axis] = more - more / 2
    }
    return [.tensor(try PadFrame(data.shape, before, after).constant(data, nil, context))]
  }
}
