public import InferenceGraph
public import LinearModels
public import TensorCore

/// An ensemble whose scores choose a class: labels, and one score a class.
///
/// Two classes with weights for one of them only are decided by the sign of the sum, or by one half where all weights are
/// positive (they are probabilities then); the second column is made from the first.
public struct TreeEnsembleClassifier: Operator {
  public let name = "TreeEnsembleClassifier"
  private let body: ForestBody
  private let baseValues: [Double]
  private let transform: PostTransform
  private let labels: ClassLabels
  /// Two classes, weights for one.
  private let isBinary: Bool
  private let allPositive: Bool

  /// - Parameters:
  ///   - ensemble: targets are positions in `labels`.
  ///   - baseValues: added to the scores: at most one a class.
  ///   - input: the kind of the rows. For `float64` all is computed in doubles, otherwise in floats.
  /// - Throws: `GraphError` when targets or base values do not suit the labels.
  public init(
    _ ensemble: Ensemble, labels: ClassLabels, baseValues: [Double], transform: PostTransform, input: DType
  ) throws {
    guard ensemble.targetCount == labels.count else {
      throw GraphError(.invalidModel, "\(ensemble.targetCount) targets, but \(labels.count) class labels")
    }
    guard baseValues.count <= labels.count else {
      throw GraphError(
        .invalidModel, "attribute \"base_values\" has \(baseValues.count) values, expected at most \(labels.count)")
    }
    let only = ensemble.leaves.targets.first
    isBinary = labels.count == 2 && only != nil && ensemble.leaves.targets.allSatisfy { $0 == only }
    body = ForestBody(isBinary ? try ensemble.withSingleTarget() : ensemble, aggregate: .sum, input: input)
    allPositive = ensemble.leaves.weights.allSatisfy { $0 >= 0 }
    self.baseValues = baseValues
    self.transform = transform
    self.labels = labels
  }

  public var attributes: [(name: String, value: String)] {
    body.attributes + [("classes", "\(labels.count)"), ("post_transform", transform.rawValue)]
  }

  public func outputFacts(_ inputs: [Fact?]) throws -> [Fact] {
    let rows = try body.rows(inputs.first ?? nil)
    return [Fact(labels.dtype, [rows]), Fact(.float32, [rows, Dim(labels.count)])]
  }

  public func evaluate(_ inputs: inout [Value?], _ context: EvaluationContext) throws -> [Value] {
    var rowCount = 0
    var tensors: (scores: Tensor, chosen: Tensor)?
    let width = labels.count
    var out: UnsafeMutablePointer<Float>!
    var choice: UnsafeMutablePointer<Int32>!
    try body.run(inputs[0], context) { rows in
      rowCount = rows
      let scores = try context.allocate(.float32, [rows, width])
      let chosen = try context.allocate(.int32, [rows])
      out = scores.unsafeMutableElements(of: Float.self).baseAddress
      choice = chosen.unsafeMutableElements(of: Int32.self).baseAddress
      tensors = (scores, chosen)
    } float: { row, scores, seen in
      choice[row] = Int32(truncatingIfNeeded: finish(scores, seen, out + row &* width))
    } double: { row, scores, seen in
      choice[row] = Int32(truncatingIfNeeded: finish(scores, seen, out + row &* width))
    }
    guard let (scores, chosen) = tensors else { throw GraphError(.invalidInput, "the input has no rows to answer") }
    let named: ClassLabels = width == 1 ? .negativeAndPositive(like: labels) : labels
    let label = try named.gather(rowCount, context) { Int(choice[$0]) }
    context.arena.recycle(.tensor(chosen))
    return [.tensor(label), .tensor(scores)]
  }

  /// Writes a row's scores and returns its label's position.
  @inline(__always)
  private func finish<T: TreeNumber>(
    _ sums: UnsafeMutablePointer<T>, _ seen: UnsafePointer<UInt8>?, _ out: UnsafeMutablePointer<Float>
  ) -> Int {
    if isBinary { return finishBinary(sums[0], out) }
    let count = labels.count
    if count == 1 {
      let score = sums[0] + T(baseValues.first ?? 0)
      out[0] = Float(score)
      if transform == .probit { out[0] = PostTransform.probit(out[0]) }
      return score > 0 ? 1 : 0
    }
    var best = -1
    for t in 0..<count {
      var isSeen = seen.map { $0[t] != 0 } ?? true
      if t < baseValues.count {
        sums[t] += T(baseValues[t])
        isSeen = true
      }
      if isSeen && (best < 0 || sums[t] > sums[best]) { best = t }
      out[t] = Float(sums[t])
    }
    transform.apply(UnsafeMutableBufferPointer(start: out, count: count))
    return Swift.max(best, 0)
  }

  @inline(__always)
  private func finishBinary<T: TreeNumber>(_ sum: T, _ out: UnsafeMutablePointer<Float>) -> Int {
    if baseValues.count == 2 {
      let score = sum + T(baseValues[1])
      out[0] = Float(-score)
      out[1] = Float(score)
      transform.apply(UnsafeMutableBufferPointer(start: out, count: 2))
      return score > (allPositive ? 0.5 : 0) ? 1 : 0
    }
    let score = sum + T(baseValues.first ?? 0)
    if transform == .probit {
      out[0] = PostTransform.probit(Float(score))
      out[1] = out[0]
    } else {
      (allPositive ? SecondScore.complement : .negation).write(Float(score), transform, to: out)
    }
    return score > (allPositive ? 0.5 : 0) ? 1 : 0
  }

  public var heldBytes: Int { body.heldBytes }
}

extension Ensemble {
  /// The same trees with every weight for target 0 of one.
  func withSingleTarget() throws -> Ensemble {
    var leaves = self.leaves
    leaves.targets = [Int32](repeating: 0, count: leaves.targets.count)
    return try Ensemble(splits: splits, leaves: leaves, roots: roots, targetCount: 1, sets: sets)
  }
}
