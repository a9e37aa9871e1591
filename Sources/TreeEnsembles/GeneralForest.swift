import TensorCore

/// Trees with any tests, walked one row and one tree at a time: for ensembles that have no compact form.
struct GeneralForest<T: TreeNumber>: Sendable {
  private let ensemble: Ensemble
  private(set) var leaves: LeafTable<T>
  private let sets: [Set<Double>]

  init(_ ensemble: Ensemble, leaves: LeafTable<T>) {
    self.ensemble = ensemble
    self.leaves = leaves
    sets = ensemble.sets.map { Set($0) }
  }

  func with(_ leaves: LeafTable<T>) -> GeneralForest {
    var forest = self
    forest.leaves = leaves
    return forest
  }

  /// Calls `leaf` with the payload of every tree's leaf for one row, in the order of the trees.
  ///
  /// - Parameter x: at least `maxFeature + 1` values.
  func walk(_ x: UnsafePointer<T>, _ leaf: (T) -> Void) {
    ensemble.splits.withUnsafeBufferPointer { splits in
      for root in ensemble.roots {
        var at = root
        while let index = at.split {
          let split = splits[index]
          let value = Double(x[split.feature])
          at = isTrue(split, value) ? split.whenTrue : split.whenFalse
        }
        leaf(leaves.payload(at.leaf))
      }
    }
  }

  private func isTrue(_ split: Ensemble.Split, _ value: Double) -> Bool {
    if split.missingTracksTrue && value.isNaN { return true }
    switch split.mode {
    case .lessOrEqual: return value <= split.threshold
    case .less: return value < split.threshold
    case .greaterOrEqual: return value >= split.threshold
    case .greater: return value > split.threshold
    case .equal: return value == split.threshold
    case .notEqual: return value != split.threshold
    case .member: return sets[Int(split.threshold)].contains(value)
    }
  }

  func addHeld(to memory: inout HeldMemory) {
    let leaves = ensemble.leaves
    memory.add(
      privateBytes: ensemble.splits.count * MemoryLayout<Ensemble.Split>.stride + leaves.starts.count * 4
        + leaves.targets.count * 4 + leaves.weights.count * 8 + ensemble.roots.count * 12
        + ensemble.sets.reduce(0) { $0 + $1.count * 24 })
  }
}
