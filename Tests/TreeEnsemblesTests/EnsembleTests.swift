import InferenceGraph
import Kernels
import LinearModels
import TensorCore
import Testing
import TreeEnsembles

/// A fixed sequence of numbers.
struct Numbers {
  var state: UInt64
  mutating func next() -> UInt64 {
    state ^= state << 13
    state ^= state >> 7
    state ^= state << 17
    return state
  }
  mutating func below(_ n: Int) -> Int { Int(next() >> 33) % n }
  mutating func unit() -> Double { Double(next() >> 11) / Double(1 << 53) * 2 - 1 }
}

/// A random ensemble with the lists to walk it by hand.
struct RandomEnsemble {
  var splits: [Ensemble.Split] = []
  var leaves = Ensemble.Leaves()
  var weights: [[(target: Int, weight: Double)]] = []
  var roots: [Ensemble.Child] = []
  var kinds: [(split: Int?, leaf: Int)] = []

  init(
    trees: Int, depth: Int, features: Int, targets: Int, modes: [Ensemble.Mode], entries: ClosedRange<Int>, seed: UInt64
  ) {
    var numbers = Numbers(state: seed)
    func grow(_ level: Int, _ own: inout RandomEnsemble) -> (Ensemble.Child, Int?, Int) {
      if level == 0 || numbers.below(6) == 0 {
        var list: [(target: Int, weight: Double)] = []
        var used = Set<Int>()
        for _ in 0..<(entries.lowerBound + numbers.below(entries.count)) {
          let target = numbers.below(targets)
          guard used.insert(target).inserted else { continue }
          let weight = Double(Float(numbers.unit()))
          own.leaves.add(target: target, weight: weight)
          list.append((target, weight))
        }
        own.weights.append(list)
        let leaf = own.leaves.endLeaf()
        return (.leaf(leaf), nil, leaf)
      }
      let (yes, _, _) = grow(level - 1, &own)
      let (no, _, _) = grow(level - 1, &own)
      let mode = modes[numbers.below(modes.count)]
      let isExact = mode == .equal || mode == .notEqual
      own.splits.append(
        Ensemble.Split(
          feature: numbers.below(features), mode: mode,
          threshold: isExact ? Double(numbers.below(3) - 1) : Double(Float(numbers.unit())),
          missingTracksTrue: numbers.below(2) == 0, whenTrue: yes, whenFalse: no))
      return (.split(own.splits.count - 1), own.splits.count - 1, 0)
    }
    for _ in 0..<trees {
      let (root, split, leaf) = grow(depth, &self)
      roots.append(root)
      kinds.append((split, leaf))
    }
  }

  func ensemble(targets: Int) throws -> Ensemble {
    try Ensemble(splits: splits, leaves: leaves, roots: roots, targetCount: targets)
  }

  /// The sums of a row, tree by tree.
  func sums(_ row: [Float], targets: Int) -> [Float] {
    var out = [Float](repeating: 0, count: targets)
    for (split, leaf) in kinds {
      var at = split
      var found = leaf
      while let i = at {
        let s = splits[i]
        let x = Double(row[s.feature])
        let test: Bool =
          switch s.mode {
          case .lessOrEqual: x <= s.threshold
          case .less: x < s.threshold
          case .greaterOrEqual: x >= s.threshold
          case .greater: x > s.threshold
          case .equal: x == s.threshold
          case .notEqual: x != s.threshold
          case .member: false
          }
        let child = test || x.isNaN && s.missingTracksTrue ? s.whenTrue : s.whenFalse
        at = splits.indices.first { Ensemble.Child.split($0) == child }
        if at == nil { found = weights.indices.first { Ensemble.Child.leaf($0) == child } ?? -1 }
      }
      for (target, weight) in weights[found] { out[target] += Float(weight) }
    }
    return out
  }
}

@Suite struct EnsembleTests {
  static func rows(_ n: Int, _ columns: Int, seed: UInt64, missing: Bool) -> [Float] {
    var numbers = Numbers(state: seed)
    return (0..<(n * columns)).map { _ in
      missing && numbers.below(7) == 0
        ? .nan : numbers.below(5) == 0 ? Float(numbers.below(3) - 1) : Float(numbers.unit())
    }
  }

  static func run(_ op: any Operator, _ x: [Float], columns: Int, pool: ComputePool = .inline) throws -> [Value] {
    var inputs: [Value?] = [.tensor(try Tensor(x, shape: [x.count / columns, columns]))]
    return try op.evaluate(&inputs, EvaluationContext(pool: pool, arena: Arena()))
  }

  static let thresholds: [Ensemble.Mode] = [.lessOrEqual, .less, .greaterOrEqual, .greater]

  @Test(
    "every layout adds the leaves that walking by hand finds",
    arguments: [
      (4, thresholds, 1, 1...1), (6, thresholds, 1, 1...1), (9, thresholds, 1, 1...1), (0, thresholds, 1, 1...1),
      (4, [Ensemble.Mode.lessOrEqual], 3, 1...1), (6, thresholds, 3, 0...3),
      (4, [.lessOrEqual, .equal, .notEqual, .less], 2, 1...2),
    ] as [(Int, [Ensemble.Mode], Int, ClosedRange<Int>)])
  func layouts(depth: Int, modes: [Ensemble.Mode], targets: Int, entries: ClosedRange<Int>) throws {
    let random = RandomEnsemble(
      trees: 21, depth: depth, features: 5, targets: targets, modes: modes, entries: entries, seed: 77)
    let op = try TreeEnsembleRegressor(
      random.ensemble(targets: targets), aggregate: .sum, baseValues: [], transform: .none, input: .float32,
      output: .float32)
    for missing in [false, true] {
      for n in [1, 2, 3, 8, 17, 40, 64, 131] {
        let x = Self.rows(n, 5, seed: UInt64(n) + 5, missing: missing)
        let got = try #require(try Self.run(op, x, columns: 5)[0].tensor?.array(of: Float.self))
        for i in 0..<n {
          let want = random.sums(Array(x[(i * 5)..<(i * 5 + 5)]), targets: targets)
          #expect(Array(got[(i * targets)..<((i + 1) * targets)]) == want, "row \(i) of \(n)")
        }
      }
    }
  }

  @Test("a batch of n answers what n batches of one answer, on one thread and on three")
  func batches() throws {
    let random = RandomEnsemble(
      trees: 60, depth: 7, features: 6, targets: 3, modes: Self.thresholds, entries: 1...1, seed: 3)
    let op = try TreeEnsembleClassifier(
      random.ensemble(targets: 3), labels: .strings(["a", "b", "c"]), baseValues: [0.1, 0.2, 0.3], transform: .softmax,
      input: .float32)
    let n = 700
    let x = Self.rows(n, 6, seed: 8, missing: true)
    let pool = ComputePool(threads: 3)
    let whole = try Self.run(op, x, columns: 6)
    let shared = try Self.run(op, x, columns: 6, pool: pool)
    let scores = try #require(whole[1].tensor?.array(of: Float.self))
    #expect(try #require(shared[1].tensor?.array(of: Float.self)) == scores)
    for i in 0..<n {
      let one = try Self.run(op, Array(x[(i * 6)..<(i * 6 + 6)]), columns: 6)
      #expect(one[1].tensor?.array(of: Float.self) == Array(scores[(i * 3)..<(i * 3 + 3)]))
      #expect(one[0].tensor?.strings.first == Array(whole[0].tensor?.strings ?? [])[i])
    }
  }

  @Test("doubles are compared as doubles")
  func doubles() throws {
    var leaves = Ensemble.Leaves()
    for (i, w) in [0.1, 0.2].enumerated() {
      leaves.add(target: 0, weight: w)
      #expect(leaves.endLeaf() == i)
    }
    let t = 0.3000000001
    let split = Ensemble.Split(
      feature: 0, mode: .lessOrEqual, threshold: t, missingTracksTrue: false, whenTrue: .leaf(0), whenFalse: .leaf(1))
    let ensemble = try Ensemble(splits: [split], leaves: leaves, roots: [.split(0)], targetCount: 1)
    let op = try TreeEnsembleRegressor(
      ensemble, aggregate: .sum, baseValues: [], transform: .none, input: .float64, output: .float64)
    let x = [t, t.nextUp, t.nextDown, .nan, 0.3, 1, 2, 3, 4]
    var inputs: [Value?] = [.tensor(try Tensor(x, shape: [x.count, 1]))]
    let out = try op.evaluate(&inputs, EvaluationContext(pool: .inline, arena: Arena()))
    #expect(out[0].tensor?.array(of: Double.self) == [0.1, 0.2, 0.1, 0.2, 0.1, 0.2, 0.2, 0.2, 0.2])
  }

  @Test("shared subtrees that would grow beyond bounds are walked as they are")
  func sharing() throws {
    var leaves = Ensemble.Leaves()
    for w in [1.0, 2.0] {
      leaves.add(target: 0, weight: w)
      leaves.endLeaf()
    }
    // Both children of every split are the next one: written out, the tree would have 2^40 leaves.
    let splits = (0..<40).map { i in
      Ensemble.Split(
        feature: 0, mode: .less, threshold: Double(i), missingTracksTrue: false,
        whenTrue: i == 39 ? .leaf(0) : .split(i + 1), whenFalse: i == 39 ? .leaf(1) : .split(i + 1))
    }
    let op = try TreeEnsembleRegressor(
      Ensemble(splits: splits, leaves: leaves, roots: [.split(0)], targetCount: 1), aggregate: .sum, baseValues: [],
      transform: .none, input: .float32, output: .float32)
    #expect(try Self.run(op, [38.5, 39], columns: 1)[0].tensor?.array(of: Float.self) == [1, 2])
  }

  @Test("cycles, missing children, and trees too deep to be walked are refused")
  func unsound() throws {
    var leaves = Ensemble.Leaves()
    leaves.add(target: 0, weight: 1)
    leaves.endLeaf()
    func split(_ yes: Ensemble.Child, _ no: Ensemble.Child) -> Ensemble.Split {
      Ensemble.Split(
        feature: 0, mode: .less, threshold: 0, missingTracksTrue: false, whenTrue: yes, whenFalse: no)
    }
    func said(_ splits: [Ensemble.Split], roots: [Ensemble.Child] = [.split(0)]) -> String {
      do {
        _ = try Ensemble(splits: splits, leaves: leaves, roots: roots, targetCount: 1)
        return "no error"
      } catch { return "\(error)" }
    }
    #expect(said([split(.leaf(0), .split(0))]).contains("cycle"))
    #expect(
      said([split(.leaf(0), .split(1)), split(.split(2), .leaf(0)), split(.split(1), .leaf(0))]).contains("cycle"))
    #expect(said([split(.leaf(0), .split(1))]).contains("does not exist"))
    #expect(said([split(.leaf(0), .leaf(3))]).contains("does not exist"))
    #expect(said([], roots: []).contains("no tree"))
    let chain = (0..<20_000).map { i in split(.leaf(0), i == 19_999 ? .leaf(0) : .split(i + 1)) }
    #expect(said(chain) == "no error")
    #expect(said(chain, roots: [Ensemble.Child](repeating: .split(0), count: 20_000)).contains("too deep"))
  }
}
