import InferenceGraph
import Kernels
import LinearModels
import TensorCore

/// An ensemble compiled for the kind of a model's input: floats, or doubles for `float64` rows.
enum ForestBody: Sendable {
  case float(Forest<Float>)
  case double(Forest<Double>)

  init(_ ensemble: Ensemble, aggregate: Ensemble.Aggregate, input: DType) {
    self =
      input == .float64
      ? .double(Forest(ensemble, aggregate: aggregate)) : .float(Forest(ensemble, aggregate: aggregate))
  }

  var maxFeature: Int {
    switch self {
    case .float(let forest): forest.maxFeature
    case .double(let forest): forest.maxFeature
    }
  }

  var targetCount: Int {
    switch self {
    case .float(let forest): forest.leaves.targetCount
    case .double(let forest): forest.leaves.targetCount
    }
  }

  /// The forest with its tables where `constants` keep them.
  func settled(in constants: Constants) -> ForestBody {
    switch self {
    case .float(let forest): .float(forest.settled(in: constants))
    case .double(let forest): .double(forest.settled(in: constants))
    }
  }

  func addHeld(to memory: inout HeldMemory) {
    switch self {
    case .float(let forest): forest.addHeld(to: &memory)
    case .double(let forest): forest.addHeld(to: &memory)
    }
  }

  var attributes: [(name: String, value: String)] {
    func describe<T>(_ forest: Forest<T>) -> [(name: String, value: String)] {
      [
        ("trees", "\(forest.treeCount)"), ("targets", "\(forest.leaves.targetCount)"),
        ("layout", forest.isCompact ? "compact" : "general"), ("aggregate", forest.aggregate.rawValue),
      ]
    }
    return switch self {
    case .float(let forest): describe(forest)
    case .double(let forest): describe(forest)
    }
  }

  /// The rows of an input as far as facts tell.
  ///
  /// - Throws: `GraphError` when the input has too few columns or another kind than the ensemble was compiled for.
  func rows(_ fact: Fact?) throws -> Dim {
    if let dtype = fact?.dtype, (dtype == .float64) != isDouble {
      throw GraphError(
        .invalidModel, "the input is \(dtype), the trees were compiled for \(isDouble ? "" : "non-")float64")
    }
    let (rows, columns) = try FeatureMatrix.extents(fact, columns: nil)
    if let columns = columns.value { try check(columns) }
    return rows
  }

  private var isDouble: Bool { if case .double = self { true } else { false } }

  private func check(_ columns: Int) throws {
    guard columns > maxFeature else {
      throw GraphError(.invalidInput, "the trees test feature \(maxFeature), the input has \(columns) columns")
    }
  }

  /// Aggregates the trees over the rows of an input and calls `finish` with each row's number, scores and marks (1 where
  /// a target got a weight; nil when all always do). Calls come from several threads.
  func run(
    _ value: Value?, _ context: EvaluationContext, rows begin: (Int) throws -> Void,
    float: (Int, UnsafeMutablePointer<Float>, UnsafePointer<UInt8>?) -> Void,
    double: (Int, UnsafeMutablePointer<Double>, UnsafePointer<UInt8>?) -> Void
  ) throws {
    switch self {
    case .float(let forest):
      let x = try FeatureMatrix(value, context)
      defer { x.recycle(context) }
      try check(x.columns)
      try begin(x.rows)
      try run(forest, x.values, x.rows, x.columns, context, float)
    case .double(let forest):
      let x = try Inputs.tensor(value)
      let (rows, columns) = try FeatureMatrix.extents(x.shape)
      guard x.dtype == .float64 else {
        throw GraphError(.invalidInput, "the input is \(x.dtype), expected float64")
      }
      try check(columns)
      try begin(rows)
      try run(forest, x.unsafeElements(of: Double.self).baseAddress!, rows, columns, context, double)
    }
  }

  private func run<T: TreeNumber & TensorElement>(
    _ forest: Forest<T>, _ x: UnsafePointer<T>, _ rows: Int, _ columns: Int, _ context: EvaluationContext,
    _ finish: (Int, UnsafeMutablePointer<T>, UnsafePointer<UInt8>?) -> Void
  ) throws {
    let count = forest.leaves.targetCount
    let sums = try context.allocate(T.dtype, [rows, count])
    let isExtreme = forest.aggregate == .min || forest.aggregate == .max
    let marks = isExtreme || !forest.leaves.reachesAll ? try context.allocate(.uint8, [rows, count]) : nil
    let out = sums.unsafeMutableElements(of: T.self).baseAddress!
    let seen = marks?.unsafeMutableElements(of: UInt8.self).baseAddress
    // A node takes a nanosecond or so; a thread is worth some tens of microseconds.
    context.pool.parallelFor(rows, grain: Swift.max(16, 30_000 / forest.visits)) { lower, upper in
      forest.run(ForestRows(x: x, columns: columns, rows: lower..<upper, out: out, seen: seen))
      for row in lower..<upper {
        finish(row, out + row &* count, seen.map { UnsafePointer($0 + row &* count) })
      }
    }
    context.arena.recycle(.tensor(sums))
    if let marks { context.arena.recycle(.tensor(marks)) }
  }
}
