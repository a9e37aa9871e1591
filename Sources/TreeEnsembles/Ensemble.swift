import InferenceGraph

/// A sum (or mean, least, greatest) of decision trees, as a format describes it: splits, leaves and roots by index.
///
/// The description is checked when it is made: every index lies in range and no split is its own descendant. Splits and
/// leaves may be shared (a directed acyclic graph), as converters of categorical splits write them.
public struct Ensemble: Sendable {
  /// The test of a split. Its true child follows when the feature's value stands in this relation to the threshold.
  public enum Mode: UInt8, Sendable, CaseIterable {
    case lessOrEqual, less, greaterOrEqual, greater, equal, notEqual
    /// The value is one of a set.
    case member
  }

  /// A child: a split or a leaf.
  public struct Child: Sendable, Hashable {
    /// The split's index, or the complement of the leaf's.
    let code: Int32

    public static func split(_ index: Int) -> Child { Child(code: Int32(clamping: index)) }
    public static func leaf(_ index: Int) -> Child { Child(code: ~Int32(clamping: index)) }

    var split: Int? { code >= 0 ? Int(code) : nil }
    var leaf: Int { Int(~code) }
  }

  /// An inner node.
  public struct Split: Sendable {
    public var feature: Int
    public var mode: Mode
    /// The threshold; for `member` the index into `Ensemble.sets`.
    public var threshold: Double
    /// A missing value (NaN) goes to the true child. Otherwise the test decides, which for NaN fails but for `notEqual`.
    public var missingTracksTrue: Bool
    public var whenTrue: Child
    public var whenFalse: Child

    public init(
      feature: Int, mode: Mode, threshold: Double, missingTracksTrue: Bool, whenTrue: Child, whenFalse: Child
    ) {
      self.feature = feature
      self.mode = mode
      self.threshold = threshold
      self.missingTracksTrue = missingTracksTrue
      self.whenTrue = whenTrue
      self.whenFalse = whenFalse
    }
  }

  /// What leaves add to which targets, leaf after leaf.
  public struct Leaves: Sendable {
    /// Where each leaf's entries begin, and the number of entries at the end.
    public internal(set) var starts: [Int32] = [0]
    public internal(set) var targets: [Int32] = []
    public internal(set) var weights: [Double] = []

    public init() {}

    public var count: Int { starts.count - 1 }

    public mutating func reserve(leaves: Int, weights: Int) {
      starts.reserveCapacity(leaves + 1)
      targets.reserveCapacity(weights)
      self.weights.reserveCapacity(weights)
    }

    /// Adds an entry to the leaf that `endLeaf` will end.
    public mutating func add(target: Int, weight: Double) {
      targets.append(Int32(clamping: target))
      weights.append(weight)
    }

    /// Ends a leaf and returns its index.
    @discardableResult
    public mutating func endLeaf() -> Int {
      starts.append(Int32(clamping: targets.count))
      return starts.count - 2
    }

    func entries(_ leaf: Int) -> Range<Int> { Int(starts[leaf])..<Int(starts[leaf + 1]) }
  }

  /// How the trees' weights become one score a target.
  public enum Aggregate: String, Sendable, CaseIterable {
    case sum = "SUM"
    case average = "AVERAGE"
    case min = "MIN"
    case max = "MAX"
  }

  public let splits: [Split]
  public let leaves: Leaves
  public let roots: [Child]
  public let targetCount: Int
  /// The members of `member` splits' sets.
  public let sets: [[Double]]
  /// The greatest feature index that a split names, -1 without splits.
  public let maxFeature: Int
  /// Splits on the longest way from each root to a leaf.
  let depths: [Int]

  /// The most splits that one row may have to pass, over all trees.
  public static let maxVisits = 100_000_000

  /// Checks a description.
  ///
  /// - Parameter name: what messages call a split, such as its node's number in the file.
  /// - Throws: `GraphError` that names the split or leaf at fault.
  public init(
    splits: [Split], leaves: Leaves, roots: [Child], targetCount: Int, sets: [[Double]] = [],
    name: (Int) -> String = { "split \($0)" }
  ) throws {
    func fail(_ message: String) -> GraphError { GraphError(.invalidModel, message) }
    guard splits.count < Int(Int32.max), leaves.targets.count < Int(Int32.max), leaves.count < Int(Int32.max) else {
      throw GraphError(.limit, "the ensemble has more than \(Int32.max - 1) nodes or weights")
    }
    guard targetCount > 0, targetCount <= 1 << 24 else {
      throw fail("\(targetCount) targets, expected 1 to \(1 << 24)")
    }
    guard !roots.isEmpty else { throw fail("the ensemble has no tree") }
    func isSound(_ child: Child) -> Bool { child.split.map { $0 < splits.count } ?? (child.leaf < leaves.count) }
    var top = -1
    for (i, split) in splits.enumerated() {
      guard isSound(split.whenTrue), isSound(split.whenFalse) else {
        throw fail("\(name(i)) has a child that does not exist")
      }
      guard split.feature >= 0, split.feature < Int(Int32.max) else {
        throw fail("\(name(i)) tests feature \(split.feature)")
      }
      top = Swift.max(top, split.feature)
      if split.mode == .member {
        guard let set = Int(exactly: split.threshold), sets.indices.contains(set) else {
          throw fail("\(name(i)) tests membership of no set")
        }
      }
    }
    for (i, root) in roots.enumerated() where !isSound(root) { throw fail("tree \(i) has no root") }
    for target in leaves.targets where target < 0 || Int(target) >= targetCount {
      throw fail("a leaf adds to target \(target) of \(targetCount)")
    }
    self.splits = splits
    self.leaves = leaves
    self.roots = roots
    self.targetCount = targetCount
    self.sets = sets
    maxFeature = top
    depths = try Ensemble.depths(splits, roots, name)
    guard depths.reduce(0, { Swift.min($0 + $1, Int.max / 2) }) <= Ensemble.maxVisits else {
      throw GraphError(.limit, "the trees are too deep: a row may pass more than \(Ensemble.maxVisits) splits")
    }
  }

  /// The depth below each root.
  ///
  /// - Throws: `GraphError` that names a split which is its own descendant.
  private static func depths(_ splits: [Split], _ roots: [Child], _ name: (Int) -> String) throws -> [Int] {
    enum Mark: UInt8 { case new, open, closed }
    var marks = [Mark](repeating: .new, count: splits.count)
    var depth = [Int32](repeating: 0, count: splits.count)
    func below(_ child: Child) -> Int32 { child.split.map { depth[$0] } ?? 0 }
    // A split is on the stack once to be opened and once, as its complement, to be closed.
    var stack: [Int] = []
    for root in roots {
      guard let split = root.split, marks[split] == .new else { continue }
      stack.append(split)
      while let at = stack.popLast() {
        if at < 0 {
          marks[~at] = .closed
          depth[~at] = 1 + Swift.max(below(splits[~at].whenTrue), below(splits[~at].whenFalse))
          continue
        }
        if marks[at] == .closed { continue }
        guard marks[at] == .new else {
          throw GraphError(.invalidModel, "\(name(at)) is its own descendant: the tree has a cycle")
        }
        marks[at] = .open
        stack.append(~at)
        for child in [splits[at].whenTrue, splits[at].whenFalse] {
          guard let next = child.split else { continue }
          switch marks[next] {
          case .new: stack.append(next)
          case .open: throw GraphError(.invalidModel, "\(name(next)) is its own descendant: the tree has a cycle")
          case .closed: break
          }
        }
      }
    }
    return roots.map { Int(below($0)) }
  }
}
