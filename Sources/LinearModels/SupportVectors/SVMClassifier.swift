public import InferenceGraph
import Kernels
public import TensorCore

/// A support vector classifier: one decision a pair of classes (libsvm), or one linear score a class (liblinear).
public struct SVMClassifier: Operator {
  public let name = "SVMClassifier"
  let kernel: SVMKernel
  let vectors: [Float]
  let coefficients: [Float]
  let rho: [Float]
  let probA: [Float]
  let probB: [Float]
  let labels: ClassLabels
  let transform: PostTransform
  /// Support vectors before each class's, and their number at the end; empty for the linear form.
  let starts: [Int]
  let columns: Int
  let allPositive: Bool

  /// - Parameters:
  ///   - vectorsPerClass: support vectors of each class, in the order of `labels`; empty for the linear form.
  ///   - coefficients: `[classes - 1, vectors]`, or `[classes, features]` in the linear form.
  ///   - rho: one a pair of classes, or one.
  ///   - probA, probB: Platt's parameters, one a pair, or none.
  /// - Throws: `GraphError` naming the attribute whose length does not fit.
  public init(
    kernel: SVMKernel, vectors: [Float], vectorsPerClass: [Int], coefficients: [Float], rho: [Float], probA: [Float],
    probB: [Float], labels: ClassLabels, transform: PostTransform
  ) throws {
    func check(_ holds: Bool, _ attribute: String, _ got: Int, _ expected: Int) throws {
      guard holds else {
        throw GraphError(.invalidModel, "attribute \"\(attribute)\" has \(got) values, expected \(expected)")
      }
    }
    let classes = labels.count
    guard classes > 0, classes < 65536 else {
      throw GraphError(.invalidModel, "attribute \"classlabels\" has \(classes) values, expected 1 to 65535")
    }
    guard !coefficients.isEmpty else { throw GraphError(.invalidModel, "attribute \"coefficients\" is empty") }
    guard !rho.isEmpty else { throw GraphError(.invalidModel, "attribute \"rho\" is empty") }
    try check(probA.count == probB.count, "prob_b", probB.count, probA.count)
    var starts = [0]
    for n in vectorsPerClass {
      guard n >= 0, n <= vectors.count else {
        throw GraphError(.invalidModel, "attribute \"vectors_per_class\" has the value \(n)")
      }
      let (sum, overflow) = starts[starts.count - 1].addingReportingOverflow(n)
      guard !overflow else { throw GraphError(.invalidModel, "attribute \"vectors_per_class\" overflows") }
      starts.append(sum)
    }
    let total = starts[starts.count - 1]
    if total > 0 {
      try check(vectorsPerClass.count == classes, "vectors_per_class", vectorsPerClass.count, classes)
      guard vectors.count >= total, vectors.count % total == 0 else {
        throw GraphError(
          .invalidModel,
          "attribute \"support_vectors\" has \(vectors.count) values, which do not divide by \(total) vectors")
      }
      let pairs = classes * (classes - 1) / 2
      let (needed, overflow) = (classes - 1).multipliedReportingOverflow(by: total)
      try check(!overflow && coefficients.count >= needed, "coefficients", coefficients.count, needed)
      try check(rho.count >= pairs, "rho", rho.count, pairs)
      try check(probA.isEmpty || probA.count >= pairs, "prob_a", probA.count, pairs)
      self.kernel = kernel
      self.starts = starts
      columns = vectors.count / total
    } else {
      try check(coefficients.count % classes == 0, "coefficients", coefficients.count, classes)
      self.kernel = try SVMKernel(.linear, parameters: [])
      self.starts = []
      columns = coefficients.count / classes
    }
    self.vectors = vectors
    self.coefficients = coefficients
    self.rho = rho
    self.probA = probA
    self.probB = probB
    self.labels = labels
    self.transform = transform
    allPositive = coefficients.allSatisfy { $0 >= 0 }
  }

  public var attributes: [(name: String, value: String)] {
    [
      ("features", "\(columns)"), ("vectors", "\(starts.last ?? 0)"), ("kernel", kernel.kind.rawValue),
      ("classes", "\(labels.count)"), ("post_transform", transform.rawValue),
    ]
  }

  private var isLinear: Bool { starts.isEmpty }
  private var hasProbabilities: Bool { !probA.isEmpty && !isLinear }
  private var classes: Int { labels.count }
  private var pairs: Int { classes * (classes - 1) / 2 }
  private var outputColumns: Int { isLinear || hasProbabilities ? classes : classes > 2 ? pairs : 2 }

  public func outputFacts(_ inputs: [Fact?]) throws -> [Fact] {
    let (rows, _) = try FeatureMatrix.extents(inputs.first ?? nil, columns: columns)
    return [Fact(labels.dtype, [rows]), Fact(.float32, [rows, Dim(outputColumns)])]
  }

  public func evaluate(_ inputs: inout [Value?], _ context: EvaluationContext) throws -> [Value] {
    let x = try FeatureMatrix(inputs[0], columns: columns, context)
    defer { x.recycle(context) }
    let width = outputColumns
    let scores = try context.allocate(.float32, [x.rows, width])
    let chosen = try context.allocate(.int32, [x.rows])
    let out = scores.unsafeMutableElements(of: Float.self).baseAddress!
    let choice = chosen.unsafeMutableElements(of: Int32.self).baseAddress!
    let work = Swift.max(coefficients.count, vectors.count)
    context.pool.parallelFor(x.rows, grain: 1 + 100_000 / Swift.max(1, work)) { lower, upper in
      withUnsafeTemporaryAllocation(of: Float.self, capacity: scratchCount) { scratch in
        for i in lower..<upper {
          choice[i] = Int32(truncatingIfNeeded: decide(x.row(i), scratch.baseAddress!, out + i &* width))
        }
      }
    }
    let named: ClassLabels = pairs == 1 && classes != 2 ? .negativeAndPositive(like: labels) : labels
    let label = try named.gather(x.rows, context) { Int(choice[$0]) }
    context.arena.recycle(.tensor(chosen))
    return [.tensor(label), .tensor(scores)]
  }

  /// Floats of scratch a row needs: kernels, pairwise scores, votes, pairwise probabilities, coupling.
  private var scratchCount: Int {
    (starts.last ?? 0) + pairs + classes + (hasProbabilities ? 2 * classes * classes + classes : 0) + 1
  }

  /// Writes a row's scores and returns the index of its label.
  private func decide(
    _ row: UnsafePointer<Float>, _ scratch: UnsafeMutablePointer<Float>, _ out: UnsafeMutablePointer<Float>
  ) -> Int {
    if isLinear {
      coefficients.withUnsafeBufferPointer {
        kernel.evaluate(row, columns, $0.baseAddress!, classes, shift: rho[0], out)
      }
      let best = argMax(out, classes)
      let top = out[best]
      transform.apply(UnsafeMutableBufferPointer(start: out, count: classes > 1 ? classes : 0))
      if classes != 2 || hasProbabilities { return best }
      return (allPositive && top >= 0.5) || (top > 0 && !allPositive) ? 1 : best
    }
    let total = starts[classes]
    let kernels = scratch
    let decisions = scratch + total
    let votes = decisions + pairs
    vectors.withUnsafeBufferPointer { kernel.evaluate(row, columns, $0.baseAddress!, total, kernels) }
    pairwise(kernels, decisions, votes)
    let best = argMax(votes, classes)
    if hasProbabilities {
      couple(decisions, votes + classes, out)
      transform.apply(UnsafeMutableBufferPointer(start: out, count: classes > 1 ? classes : 0))
    } else if classes > 2 {
      out.update(from: decisions, count: pairs)
      transform.apply(UnsafeMutableBufferPointer(start: out, count: pairs))
    } else if pairs == 1 {
      (transform == .none ? SecondScore.negation : .complement).write(decisions[0], transform, to: out)
    } else {
      out[0] = 0
      out[1] = 0
    }
    return best
  }

  /// One decision and one vote a pair of classes.
  private func pairwise(
    _ kernels: UnsafePointer<Float>, _ decisions: UnsafeMutablePointer<Float>, _ votes: UnsafeMutablePointer<Float>
  ) {
    let total = starts[classes]
    for i in 0..<classes { votes[i] = 0 }
    var pair = 0
    coefficients.withUnsafeBufferPointer { coefficients in
      for i in 0..<classes {
        for j in (i + 1)..<Swift.max(classes, i + 1) {
          var sum = 0.0
          let ofJ = coefficients.baseAddress! + (j - 1) * total
          for v in starts[i]..<starts[i + 1] { sum += Double(ofJ[v] * kernels[v]) }
          let ofI = coefficients.baseAddress! + i * total
          for v in starts[j]..<starts[j + 1] { sum += Double(ofI[v] * kernels[v]) }
          sum += Double(rho[pair])
          decisions[pair] = Float(sum)
          votes[sum > 0 ? i : j] += 1
          pair += 1
        }
      }
    }
  }

  /// Class probabilities from the pairs' decisions.
  private func couple(
    _ decisions: UnsafePointer<Float>, _ scratch: UnsafeMutablePointer<Float>, _ out: UnsafeMutablePointer<Float>
  ) {
    var pair = 0
    for i in 0..<classes {
      scratch[i * classes + i] = 0
      for j in (i + 1)..<Swift.max(classes, i + 1) {
        let p = PairwiseCoupling.probability(decisions[pair], probA[pair], probB[pair])
        scratch[i * classes + j] = p
        scratch[j * classes + i] = 1 - p
        pair += 1
      }
    }
    PairwiseCoupling.solve(classes, scratch, work: scratch + classes * classes, out: out)
  }

  public func addHeld(to memory: inout HeldMemory) {
    memory.add(privateBytes: (vectors.count + coefficients.count) * 4)
  }
}
