import TensorCore

/// Puts a batch normalisation with constant statistics into the weights of the convolution before it.
struct FoldBatchNormalization: Pass {
  static let name = "fold-batch-normalization"
  init() {}

  func next(_ graph: Graph, _: Constants) throws -> GraphPatch? {
    let view = GraphView(graph)
    for (index, node) in graph.nodes.enumerated() {
      guard let normalization = node.operator as? BatchNormalization, !normalization.trains, normalization.isSpatial,
        let x = node.inputs.first ?? nil, view.isReadOnce(x), let before = view.producer(x),
        let conv = before.node.operator as? Conv, conv.activation == .none, !conv.addsResidual,
        before.node.inputs.count >= 2, let weights = view.floats(before.node.inputs[1]), weights.shape.rank >= 3
      else { continue }
      let channels = weights.shape[0]
      let parameters = node.inputs[1...].compactMap { view.floats($0)?.array(of: Float.self) }
      guard parameters.count == 4, parameters.allSatisfy({ $0.count == channels }) else { continue }
      var bias = [Float](repeating: 0, count: channels)
      if before.node.inputs.count > 2, let id = before.node.inputs[2] {
        guard let own = view.floats(id)?.array(of: Float.self), own.count == channels else { continue }
        bias = own
      }
      let factor = (0..<channels).map {
        Double(parameters[0][$0]) / (Double(parameters[3][$0]) + Double(normalization.epsilon)).squareRoot()
      }
      for m in 0..<channels {
        bias[m] = Float((Double(bias[m]) - Double(parameters[2][m])) * factor[m] + Double(parameters[1][m]))
      }
      let scaled = try scale(weights, factor)
      var patch = GraphPatch(Self.name, of: graph)
      let folded = patch.constant(.tensor(scaled), name: "\(before.node.name).weight")
      let added = patch.constant(.tensor(Tensor(bias)), name: "\(before.node.name).bias")
      let out = try patch.add(
        conv, [before.node.inputs[0], folded, added], name: before.node.name, before: index, in: graph)
      patch.replace(node.outputs[0], with: out[0])
      patch.drop(before.index)
      patch.drop(index)
      return patch
    }
    return nil
  }

  /// The weights with each output channel multiplied, when they are read: a convolution packs them, and then neither they
  /// nor what they are made of is needed any more.
  private func scale(_ weights: Tensor, _ factor: [Double]) throws -> Tensor {
    let each = weights.shape.product(1..<weights.shape.rank)
    let width = MemoryLayout<Float>.size
    let late = LateBytes(weights.byteCount) { range, address in
      let elements = range.lowerBound / width..<range.upperBound / width
      weights.withElements(elements) { (from: UnsafePointer<Float>) in
        let to = address.assumingMemoryBound(to: Float.self)
        var done = 0
        while done < elements.count {
          let channel = (elements.lowerBound + done) / each
          let end = min((channel + 1) * each, elements.upperBound) - elements.lowerBound
          let scale = factor[channel]
          for i in done..<end { to[i] = Float(Double(from[i]) * scale) }
          done = end
        }
      }
    }
    return try Tensor(dtype: .float32, shape: weights.shape, storage: TensorStorage(late))
  }
}
