public import InferenceGraph
public import LinearModels
public import TensorCore

/// An ensemble whose scores choose a class: labels, and one score a class.
///
/// Two classes with weights for one of them only are decided by the sign of the sum, or by one half where all weights are
/// positive (they are probabilities then); the second column is made from the first. Two classes that both have weights
/// are decided by the sign of the second score. These are the conventions of ONNX Runtime, which converters rely on.
public struct TreeEnsembleClassifier: Operator {
  public let name = "TreeEnsembleClassifier"
  private var body: ForestBody
  private let baseValues: [Double]
  private let transform: PostTransform
  private let labels: ClassLabels
  /// Of two classes the only one that has weights.
  private let onlyClass: Int?
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
    let first = ensemble.leaves.targets.first
    let isOnly = labels.count == 2 && first != nil && ensemble.leaves.targets.allSatisfy { $0 == first }
    onlyClass = isOnly ? first.map { Int($0) } : nil
    body = ForestBody(isOnly ? try ensemble.withSingleTarget() : ensemble, aggregate: .sum, input: input)
    allPositive = ensemble.leaves.weights.allSatisfy { $0 >= 0 }
    self.baseValues = baseValues
    self.transform = transform
    self.labels = labels
  }

  public var attributes: [(name: String, value: String)] {
    body.attributes + [("classes", "\(labels.count)"), ("post_transform", transform.rawValue)]
  }

  /// Without a class that alone has weights, one or two integer classes are answered as 0 and 1, as by ONNX Runtime.
  private var answersNumbers: Bool {
    labels.count == 1 || labels.count == 2 && onlyClass == nil && labels.dtype == .int64
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
    let named = answersNumbers ? .negativeAndPositive(like: labels) : labels
    let label = try named.gather(rowCount, context) { Int(choice[$0]) }
    context.arena.recycle(.tensor(chosen))
    return [.tensor(label), .tensor(scores)]
  }

  /// Writes a row's scores and returns its label's position.
  @inline(__always)
  private func finish<T: TreeNumber>(
    _ sums: UnsafeMutablePointer<T>, _ seen: UnsafePointer<UInt8>?, _ out: UnsafeMutablePointer<Float>
  ) -> Int {
    switch labels.count {
    case 1: return finishOne(sums[0], out)
    case 2:
      if let onlyClass { return finishTwo(sums[0], sums[0], onlyClass == 0, onlyClass == 1, out) }
      return finishTwo(sums[0], sums[1], seen.map { $0[0] != 0 } ?? true, seen.map { $0[1] != 0 } ?? true, out)
    default: return finishMany(sums, seen, out)
    }
  }

  @inline(__always)
  private func finishOne<T: TreeNumber>(_ sum: T, _ out: UnsafeMutablePointer<Float>) -> Int {
    let score = sum + T(baseValues.first ?? 0)
    out[0] = transform == .probit ? PostTransform.probit(Float(score)) : Float(score)
    return score > 0 ? 1 : 0
  }

  @inline(__always)
  private func finishMany<T: TreeNumber>(
    _ sums: UnsafeMutablePointer<T>, _ seen: UnsafePointer<UInt8>?, _ out: UnsafeMutablePointer<Float>
  ) -> Int {
    let count = labels.count
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

  /// Two classes, of which a row may have got weights for one only. The rules are ONNX Runtime's.
  @inline(__always)
  private func finishTwo<T: TreeNumber>(
    _ first: T, _ second: T, _ hasFirst: Bool, _ hasSecond: Bool, _ out: UnsafeMutablePointer<Float>
  ) -> Int {
    var a = hasFirst ? first : 0
    var b = hasSecond ? second : 0
    if baseValues.count == 2 {
      if hasSecond {
        b = T(baseValues[1]) + a
        a = -b
      } else {
        a += T(baseValues[0])
      }
    } else if let base = baseValues.first {
      a += T(base)
    }
    let deciding = hasSecond ? b : hasFirst ? a : 0
    let usesHalf = onlyClass != nil && allPositive
    if hasSecond || baseValues.count == 2 {
      // A score that got no weight stays zero, whatever its base value.
      out[0] = hasFirst ? Float(a) : 0
      out[1] = Float(b)
      transform.apply(UnsafeMutableBufferPointer(start: out, count: 2))
    } else {
      (usesHalf ? SecondScore.complement : .negation).write(Float(a), transform, to: out)
    }
    return deciding > (usesHalf ? 0.5 : 0) ? 1 : 0
  }

  public func addHeld(to memory: inout HeldMemory) { body.addHeld(to: &memory) }

  /// The same with the tables where `constants` keep them.
  public func specialized(
    _ inputs: [Fact?], _ constants: Constants
  ) throws -> (operator: any Operator, kept: [Int])? {
    guard constants.areKept else { return nil }
    var settled = self
    settled.body = body.settled(in: constants)
    return (settled, Array(inputs.indices))
  }
}

extension Ensemble {
  /// The same trees with every weight for target 0 of one.
  func withSingleTarget() throws -> Ensemble {
    var leaves = self.leaves
    leaves.targets = [Int32](repeating: 0, count: leaves.targets.count)
    return try Ensemble(splits: splits, leaves: leaves, roots: roots, targetCount: 1, sets: sets)
  }
}
