import TensorCore

/// The numbers that thresholds and weights are kept in.
protocol TreeNumber: BinaryFloatingPoint, BitwiseCopyable, Sendable {
  /// A value that carries an index in its bits.
  init(index: Int)
  /// The index that `init(index:)` put in.
  var index: Int { get }
  /// The trees of a forest as masks, for the numbers that there are kernels for.
  static func masks(_ forest: CompactForest<Self>) -> MaskForest?
  /// Walks rows through masks, and through `compact` what has none.
  static func walk(
    _ rows: ForestRows<Self>, _ forest: Forest<Self>, _ compact: CompactForest<Self>, _ masks: MaskForest)
}

extension TreeNumber {
  static func masks(_ forest: CompactForest<Self>) -> MaskForest? { nil }
  static func walk(
    _ rows: ForestRows<Self>, _ forest: Forest<Self>, _ compact: CompactForest<Self>, _ masks: MaskForest
  ) {}
}

extension Float: TreeNumber {
  @inline(__always) init(index: Int) { self.init(bitPattern: UInt32(truncatingIfNeeded: index)) }
  @inline(__always) var index: Int { Int(bitPattern) }
}

extension Double: TreeNumber {
  @inline(__always) init(index: Int) { self.init(bitPattern: UInt64(truncatingIfNeeded: index)) }
  @inline(__always) var index: Int { Int(truncatingIfNeeded: bitPattern) }
}

/// What a leaf adds, in the form that the ensemble's shape allows.
///
/// The leaf's payload is a weight's bits (`single`) or its number among the leaves.
struct LeafTable<T: TreeNumber>: Sendable {
  enum Form: Sendable {
    /// One target in all: the payload is the weight.
    case single
    /// Every leaf adds one weight to one target.
    case one
    /// Every leaf adds a weight to each target, in order.
    case dense
    case sparse
  }

  let form: Form
  let targetCount: Int
  private(set) var starts: ConstantArray<Int32>
  private(set) var targets: ConstantArray<Int32>
  private(set) var weights: ConstantArray<T>
  /// Every row gets a weight for every target, so that none has to be tracked.
  let reachesAll: Bool

  /// - Parameter isSum: several weights of one leaf for a single target may be added beforehand.
  init(_ ensemble: Ensemble, isSum: Bool) {
    let leaves = ensemble.leaves
    targetCount = ensemble.targetCount
    let counts = (0..<leaves.count).map { Int(leaves.starts[$0 + 1] - leaves.starts[$0]) }
    let allOne = counts.allSatisfy { $0 == 1 }
    if targetCount == 1 && (allOne || isSum) {
      form = .single
      weights = ConstantArray(
        (0..<leaves.count).map { leaf in leaves.entries(leaf).reduce(T(0)) { $0 + T(leaves.weights[$1]) } })
      starts = ConstantArray([])
      targets = ConstantArray([])
      reachesAll = true
      return
    }
    let count = targetCount
    let isDense =
      counts.allSatisfy { $0 == count } && leaves.targets.indices.allSatisfy { leaves.targets[$0] == $0 % count }
    form = allOne ? .one : isDense ? .dense : .sparse
    starts = ConstantArray(leaves.starts)
    targets = ConstantArray(leaves.targets)
    weights = ConstantArray(leaves.weights.map { T($0) })
    reachesAll = isDense || LeafTable.reachesAll(ensemble)
  }

  /// The bits that a leaf's node holds.
  func payload(_ leaf: Int) -> T { form == .single ? weights[leaf] : T(index: leaf) }

  func settled(in constants: Constants) -> LeafTable {
    var table = self
    table.starts = starts.settled(in: constants, as: "leaf starts")
    table.targets = targets.settled(in: constants, as: "leaf targets")
    table.weights = weights.settled(in: constants, as: "leaf weights")
    return table
  }

  func addHeld(to memory: inout HeldMemory) {
    memory.add(starts)
    memory.add(targets)
    memory.add(weights)
  }

  /// True when for every target some tree adds to it in all its leaves; false also where that would take long to tell.
  private static func reachesAll(_ ensemble: Ensemble) -> Bool {
    let count = ensemble.targetCount
    var reached = [Bool](repeating: false, count: count)
    var hits = [Int](repeating: 0, count: count)
    var lastLeaf = [Int](repeating: -1, count: count)
    var budget = 4 * (ensemble.splits.count + ensemble.leaves.targets.count) + 4096
    var visit = 0
    for root in ensemble.roots {
      var stack = [root]
      var leafCount = 0
      var touched: [Int] = []
      while let child = stack.popLast() {
        budget -= 1
        if budget < 0 { return false }
        if let split = child.split {
          stack.append(ensemble.splits[split].whenTrue)
          stack.append(ensemble.splits[split].whenFalse)
          continue
        }
        leafCount += 1
        visit += 1
        for e in ensemble.leaves.entries(child.leaf) {
          budget -= 1
          let target = Int(ensemble.leaves.targets[e])
          if lastLeaf[target] == visit { continue }
          lastLeaf[target] = visit
          if hits[target] == 0 { touched.append(target) }
          hits[target] += 1
        }
      }
      for target in touched {
        if hits[target] == leafCount { reached[target] = true }
        hits[target] = 0
      }
    }
    return reached.allSatisfy { $0 }
  }
}
