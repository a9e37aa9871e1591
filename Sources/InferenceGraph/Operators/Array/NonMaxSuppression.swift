public import TensorCore

/// The boxes that remain when of boxes that overlap much only the one with the highest score is kept, by batch entry
/// and class. Inputs: boxes, scores, boxes kept per class (optional), overlap allowed (optional), least score
/// (optional). Output: rows of batch, class, box. ONNX `NonMaxSuppression`.
public struct NonMaxSuppression: Operator {
  /// Whether a box is its centre and extents instead of two opposite corners.
  public let isCentered: Bool

  public init(isCentered: Bool) { self.isCentered = isCentered }

  public var name: String { "NonMaxSuppression" }
  public var attributes: [(name: String, value: String)] { [("center_point_box", isCentered ? "1" : "0")] }

  public func outputFacts(_ inputs: [Fact?]) throws -> [Fact] {
    for (index, label) in ["boxes", "scores"].enumerated() {
      let fact = try inputs.required(index, label)
      guard fact.dtype == nil || fact.dtype == .float32, fact.rank == nil || fact.rank == 3 else {
        throw GraphError(.invalidModel, "\(label) must be float32 of rank 3: \(fact)")
      }
    }
    return [Fact(.int64, [.unknown, 3])]
  }

  public func evaluate(_ inputs: inout [Value?], _ context: EvaluationContext) throws -> [Value] {
    let boxes = try Operand.tensor(inputs, 0, "boxes")
    let scores = try Operand.tensor(inputs, 1, "scores")
    guard boxes.dtype == .float32, scores.dtype == .float32, boxes.shape.rank == 3, scores.shape.rank == 3,
      boxes.shape[2] == 4, boxes.shape[0] == scores.shape[0], boxes.shape[1] == scores.shape[2]
    else {
      throw GraphError(
        .invalidInput,
        "boxes must be float32 [batch, n, 4] and scores float32 [batch, classes, n]: shapes "
          + "\(boxes.shape) and \(scores.shape) came")
    }
    let most = try Operand.optionalTensor(inputs, 2, "max_output_boxes_per_class").map {
      try Operand.integer($0, "max_output_boxes_per_class")
    }
    let overlap = try threshold(inputs, 3, "iou_threshold") ?? 0
    let least = try threshold(inputs, 4, "score_threshold")
    let count = boxes.shape[1]
    let classes = scores.shape[1]
    let values = scores.unsafeElements(of: Float.self)
    let corners = boxes.unsafeElements(of: Float.self)
    var rows: [Int64] = []
    let limit = Swift.min(Swift.max(most ?? 0, 0), count)
    for batch in 0..<(limit > 0 ? boxes.shape[0] : 0) {
      let all = (0..<count).map { Box(corners, (batch * count + $0) * 4, isCentered: isCentered) }
      for kind in 0..<classes {
        let first = (batch * classes + kind) * count
        var candidates = (0..<count).filter { least == nil || values[first + $0] > least! }
        candidates.sort {
          let (a, b) = (values[first + $0], values[first + $1])
          return a != b ? a > b : $0 < $1
        }
        var kept: [Int] = []
        for candidate in candidates {
          if kept.count == limit { break }
          if kept.contains(where: { all[candidate].overlaps(all[$0], above: overlap) }) { continue }
          kept.append(candidate)
          rows += [Int64(batch), Int64(kind), Int64(candidate)]
        }
      }
    }
    return [.tensor(try Tensor(rows, shape: [rows.count / 3, 3]))]
  }

  private func threshold(_ inputs: [Value?], _ index: Int, _ label: String) throws -> Float? {
    guard let tensor = try Operand.optionalTensor(inputs, index, label) else { return nil }
    guard tensor.count == 1, let value = tensor.array(of: Float.self)?.first else {
      throw GraphError(.invalidInput, "\(label) must be one float32, a \(tensor.dtype) of shape \(tensor.shape) came")
    }
    return value
  }

  private struct Box {
    var left: Float
    var right: Float
    var top: Float
    var bottom: Float

    init(_ from: UnsafeBufferPointer<Float>, _ at: Int, isCentered: Bool) {
      if isCentered {
        left = from[at] - from[at + 2] / 2
        right = from[at] + from[at + 2] / 2
        top = from[at + 1] - from[at + 3] / 2
        bottom = from[at + 1] + from[at + 3] / 2
      } else {
        left = Swift.min(from[at + 1], from[at + 3])
        right = Swift.max(from[at + 1], from[at + 3])
        top = Swift.min(from[at], from[at + 2])
        bottom = Swift.max(from[at], from[at + 2])
      }
    }

    private var area: Float { (right - left) * (bottom - top) }

    /// Whether the common area is more than `share` of the area that either covers.
    func overlaps(_ other: Box, above share: Float) -> Bool {
      let width = Swift.min(right, other.right) - Swift.max(left, other.left)
      let height = Swift.min(bottom, other.bottom) - Swift.max(top, other.top)
      guard width > 0, height > 0, area > 0, other.area > 0 else { return false }
      let common = width * height
      let union = area + other.area - common
      return union > 0 && common / union > share
    }
  }
}
