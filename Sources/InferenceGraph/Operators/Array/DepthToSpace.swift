public import TensorCore

/// In which order a block's elements lie along the channels.
public enum BlockOrder: String, Sendable {
  /// Depth, column, row: the block position is the outer part of a channel number.
  case depthColumnRow = "DCR"
  /// Column, row, depth: the block position is the inner part.
  case columnRowDepth = "CRD"
}

/// Channels into blocks of rows and columns. ONNX `DepthToSpace`.
public struct DepthToSpace: DataMovement {
  public let block: Int
  public let order: BlockOrder

  public init(block: Int, order: BlockOrder) {
    self.block = block
    self.order = order
  }

  public var name: String { "DepthToSpace" }
  public var attributes: [(name: String, value: String)] { [("blocksize", "\(block)"), ("mode", order.rawValue)] }

  public func outputFacts(_ inputs: [Fact?]) throws -> [Fact] {
    let data = try inputs.required(0, "input")
    guard let shape = data.shape else { return [Fact(type: data.type, shape: ShapeFacts.unknown(4))] }
    guard shape.count == 4 else { throw GraphError(.invalidModel, "the input must have rank 4: \(data)") }
    let area = block &* block
    if let channels = shape[1].value, channels % area != 0 {
      throw GraphError(.invalidModel, "\(channels) channels are not divisible by \(area)")
    }
    return [
      Fact(
        type: data.type,
        shape: [shape[0], shape[1].floorDivided(by: area), shape[2] * Dim(block), shape[3] * Dim(block)])
    ]
  }

  public func move(_ inputs: inout [Value?], _ context: EvaluationContext) throws -> [Value] {
    let data = try Operand.tensor(inputs, 0, "input")
    guard data.shape.rank == 4, data.shape[1] % (block * block) == 0 else {
      throw GraphError(.invalidInput, "an input of shape \(data.shape) has no blocks of \(block)")
    }
    let (n, depth, h, w) = (data.shape[0], data.shape[1] / (block * block), data.shape[2], data.shape[3])
    let split: [Int]
    let permutation: [Int]
    switch order {
    case .depthColumnRow:
      split = [n, block, block, depth, h, w]
      permutation = [0, 3, 4, 1, 5, 2]
    case .columnRowDepth:
      split = [n, depth, block, block, h, w]
      permutation = [0, 1, 4, 2, 5, 3]
    }
    var value: [Value?] = [.tensor(try data.viewed(Shape(split)))]
    let moved = try Transpose(permutation).move(&value, context)
    guard let tensor = moved[0].tensor else { return moved }
    return [.tensor(try tensor.viewed([n, depth, h * block, w * block]))]
  }
}

/// Blocks of rows and columns into channels. ONNX `SpaceToDepth`.
public struct SpaceToDepth: DataMovement {
  public let block: Int
  public let order: BlockOrder

  public init(block: Int, order: BlockOrder) {
    self.block = block
    self.order = order
  }

  public var name: String { "SpaceToDepth" }
  public var attributes: [(name: String, value: String)] { [("blocksize", "\(block)"), ("mode", order.rawValue)] }

  public func outputFacts(_ inputs: [Fact?]) throws -> [Fact] {
    let data = try inputs.required(0, "input")
    guard let shape = data.shape else { return [Fact(type: data.type, shape: ShapeFacts.unknown(4))] }
    guard shape.count == 4 else { throw GraphError(.invalidModel, "the input must have rank 4: \(data)") }
    for extent in shape[2...] {
      if let known = extent.value, known % block != 0 {
        throw GraphError(.invalidModel, "an extent of \(known) is not divisible by \(block)")
      }
    }
    return [
      Fact(
        type: data.type,
        shape: [
          shape[0], shape[1] * Dim(block &* block), shape[2].floorDivided(by: block), shape[3].floorDivided(by: block),
        ])
    ]
  }

  public func move(_ inputs: inout [Value?], _ context: EvaluationContext) throws -> [Value] {
    let data = try Operand.tensor(inputs, 0, "input")
    guard data.shape.rank == 4, data.shape[2] % block == 0, data.shape[3] % block == 0 else {
      throw GraphError(.invalidInput, "an input of shape \(data.shape) has no blocks of \(block)")
    }
    let (n, depth, h, w) = (data.shape[0], data.shape[1], data.shape[2] / block, data.shape[3] / block)
    let permutation = order == .depthColumnRow ? [0, 3, 5, 1, 2, 4] : [0, 1, 3, 5, 2, 4]
    var value: [Value?] = [.tensor(try data.viewed([n, depth, h, block, w, block]))]
    let moved = try Transpose(permutation).move(&value, context)
    guard let tensor = moved[0].tensor else { return moved }
    return [.tensor(try tensor.viewed([n, depth * block * block, h, w]))]
  }
}
