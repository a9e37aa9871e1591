import InferenceGraph

extension OperatorTable {
  static let depthToSpace = ONNXOperator("DepthToSpace", versions: [1, 11, 13, 28]) { n in
    [try n.add(DepthToSpace(block: n.blockSize(), order: n.blockOrder()), n.required(0))]
  }

  static let spaceToDepth = ONNXOperator("SpaceToDepth", versions: [1, 13, 28]) { n in
    [try n.add(SpaceToDepth(block: n.blockSize(), order: n.blockOrder()), n.required(0))]
  }
}

extension Lowering {
  fileprivate func blockSize() throws -> Int {
    guard let size = try int("blocksize"), size > 0, size < 1 << 20 else {
      throw GraphError(.invalidModel, "attribute \"blocksize\" must be a number above 0")
    }
    return size
  }

  fileprivate func blockOrder() throws -> BlockOrder {
    let name = try string("mode", default: "DCR")
    guard let order = BlockOrder(rawValue: name) else {
      throw GraphError(.invalidModel, "mode \"\(name)\" is neither DCR nor CRD")
    }
    return order
  }
}
