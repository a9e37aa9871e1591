import InferenceGraph
import Kernels
import TensorCore
import Testing

/// Runs `op` on tensors and returns its first output.
func output(_ op: any Operator, _ inputs: [Tensor?]) throws -> Tensor {
  var values = inputs.map { $0.map { Value.tensor($0) } }
  let results = try op.evaluate(&values, EvaluationContext(pool: .inline, arena: Arena()))
  return try #require(results.first?.tensor)
}

/// A tensor of the numbers 1, 2, 3, ...
func counting(_ shape: Shape) throws -> Tensor {
  try Tensor((0..<shape.elementCount).map { Float($0 + 1) }, shape: shape)
}

@Suite struct MathFactTests {
  let batch = Dim.symbol("batch")
  let sequence = Dim.symbol("sequence")

  @Test func broadcastingFollowsSymbols() throws {
    let fact = try Arithmetic(.add).outputFacts([Fact(.float32, [batch, 1, 4]), Fact(.float32, [sequence, 1])])[0]
    #expect(fact.shape == [batch, sequence, 4])
    #expect(throws: GraphError.self) {
      try Arithmetic(.add).outputFacts([Fact(.float32, [batch, 3]), Fact(.float32, [4])])
    }
    #expect(throws: GraphError.self) { try Arithmetic(.add).outputFacts([Fact(.float32, []), Fact(.int64, [])]) }
  }

  @Test func productsFollowSymbols() throws {
    let fact = try MatMul().outputFacts([Fact(.float32, [batch, sequence, 8]), Fact(.float32, [8, 16])])[0]
    #expect(fact.shape == [batch, sequence, 16])
    #expect(throws: GraphError.self) { try MatMul().outputFacts([Fact(.float32, [2, 3]), Fact(.float32, [4, 2])]) }
    let einsum = try Einsum("bhqd,bhkd->bhqk").outputFacts([
      Fact(.float32, [batch, 2, sequence, 8]), Fact(.float32, [batch, 2, sequence, 8]),
    ])[0]
    #expect(einsum.shape == [batch, 2, sequence, sequence])
  }

  @Test func shapesThatAreComputedStayKnown() throws {
    let shape = Fact(.int64, [2], elements: [batch, sequence])
    let doubled = try Arithmetic(.multiply).outputFacts([shape, Fact(constant: .tensor(Tensor([Int64(2)])))])[0]
    #expect(doubled.elements == [batch * 2, sequence * 2])
    let total = try Reduce(.product, axes: [0], keepsAxes: false).outputFacts([shape])[0]
    #expect(total.elements == [batch * sequence])
    #expect(try Cast(to: .int32).outputFacts([shape])[0].elements == [batch, sequence])
    let minusOne = Fact(constant: .tensor(Tensor([Int64(-1)])))
    let isUnset = try Comparison(.equal).outputFacts([Fact(.int64, [2], elements: [batch, sequence * 2]), minusOne])[0]
    #expect(isUnset.tensor?.array(of: Bool.self) == [false, false])
    let chosen = try Where().outputFacts([isUnset, minusOne, shape])[0]
    #expect(chosen.elements == [batch, sequence])
  }

  @Test func whatOnlyTheRunCanTellIsUnknown() throws {
    let shape = Fact(.int64, [1], elements: [batch])
    let one = Fact(constant: .tensor(Tensor([Int64(1)])))
    #expect(try Comparison(.equal).outputFacts([shape, one])[0].constant == nil)
    #expect(try Arithmetic(.divide).outputFacts([one, shape])[0].elements == [.unknown])
  }
}

@Suite struct MathEvaluationTests {
  /// Every element by its own index, against the walk that merges axes.
  @Test(arguments: [
    ([2, 3, 4], [2, 3, 4]), ([2, 3, 4], [4]), ([2, 3, 4], [3, 1]), ([2, 1, 4], [3, 1]), ([1], [2, 3]), ([], [2, 2]),
    ([2, 3, 1], [1, 1, 40]), ([5, 1, 64], [1, 3, 64]), ([2, 0, 3], [1, 3]), ([4, 1], [64]), ([3, 1, 2, 1], [2, 1, 5]),
  ])
  func broadcastingReadsTheRightElements(_ a: [Int], _ b: [Int]) throws {
    let (x, y) = (try counting(Shape(a)), try counting(Shape(b)))
    let shape = try #require(x.shape.broadcast(with: y.shape))
    let (p, q) = (x.shape.broadcastStrides(to: shape), y.shape.broadcastStrides(to: shape))
    let (u, v) = (try #require(x.array(of: Float.self)), try #require(y.array(of: Float.self)))
    let expected = (0..<shape.elementCount).map { flat -> Float in
      var (rest, i, j) = (flat, 0, 0)
      for axis in stride(from: shape.rank - 1, through: 0, by: -1) {
        i += rest % shape[axis] * p[axis]
        j += rest % shape[axis] * q[axis]
        rest /= shape[axis]
      }
      return u[i] - 1000 * v[j]
    }
    let thousand = try Tensor([Float](repeating: 1000, count: y.count), shape: y.shape)
    let out = try output(Arithmetic(.subtract), [x, try output(Arithmetic(.multiply), [y, thousand])])
    #expect(out.shape == shape)
    #expect(out.array(of: Float.self) == expected)
  }

  @Test func dyingOperandsAreOverwrittenAndOthersKept() throws {
    let kept = Tensor([Float](repeating: 2, count: 100))
    var values: [Value?] = [.tensor(Tensor([Float](repeating: 5, count: 100))), .tensor(kept)]
    let out = try Arithmetic(.divide).evaluate(&values, EvaluationContext(pool: .inline, arena: Arena()))
    #expect(out[0].tensor?.array(of: Float.self) == [Float](repeating: 2.5, count: 100))
    #expect(values[0] == nil)
    #expect(kept.array(of: Float.self) == [Float](repeating: 2, count: 100))
    var same: [Value?] = [.tensor(kept), .tensor(kept)]
    let square = try Arithmetic(.multiply).evaluate(&same, EvaluationContext(pool: .inline, arena: Arena()))
    #expect(square[0].tensor?.array(of: Float.self)?.first == 4)
    #expect(kept.array(of: Float.self)?.first == 2)
  }

  @Test func theAxisOfOldOpsetsPlacesTheSecondOperand() throws {
    let x = try counting([2, 3, 2])
    let y = Tensor([Float(10), 20, 30])
    let out = try output(Arithmetic(.add, axis: 1), [x, y])
    #expect(out.array(of: Float.self) == [11, 12, 23, 24, 35, 36, 17, 18, 29, 30, 41, 42])
    #expect(throws: GraphError.self) { try output(Arithmetic(.add, axis: 3), [x, y]) }
    #expect(throws: GraphError.self) { try output(Arithmetic(.add, axis: Int.min), [x, y]) }
  }

  @Test func oldSoftmaxJoinsTheAxesFromItsOwnOn() throws {
    let x = try Tensor([Float](repeating: 0, count: 12), shape: [2, 3, 2])
    #expect(
      try output(Softmax(.softmax, axis: 1, coerces: true), [x]).array(of: Float.self)?.allSatisfy {
        abs($0 - 1 / 6) < 1e-6
      } == true)
    #expect(
      try output(Softmax(.softmax, axis: 1), [x]).array(of: Float.self)?.allSatisfy { abs($0 - 1 / 3) < 1e-6 } == true)
  }

  @Test func reductionsOverNothingGiveTheNeutralElement() throws {
    let empty = try Tensor([Float](), shape: [2, 0])
    for (kind, value) in [
      (Reduce.Kind.sum, Float(0)), (.product, 1), (.maximum, -.infinity), (.minimum, .infinity),
      (.logSumExp, -.infinity),
    ] {
      #expect(try output(Reduce(kind, axes: [1]), [empty]).array(of: Float.self) == [value, value])
    }
  }

  @Test func reductionsOverAnyAxesAgreeWithSums() throws {
    let x = try counting([2, 3, 4, 5])
    for mask in 1..<16 {
      let axes = (0..<4).filter { mask >> $0 & 1 == 1 }
      var expected: [Int: Float] = [:]
      for flat in 0..<120 {
        var (rest, key, scale) = (flat, 0, 1)
        for axis in stride(from: 3, through: 0, by: -1) {
          let extent = x.shape[axis]
          if !axes.contains(axis) {
            key += rest % extent * scale
            scale *= extent
          }
          rest /= extent
        }
        expected[key, default: 0] += Float(flat + 1)
      }
      let out = try output(Reduce(.sum, axes: axes, keepsAxes: false), [x])
      #expect(out.array(of: Float.self) == expected.sorted { $0.key < $1.key }.map(\.value), "axes \(axes)")
    }
  }

  @Test func einsumTakesDiagonalsEllipsesAndSeveralOperands() throws {
    let square = try counting([2, 2])
    #expect(try output(Einsum("ii->i"), [square]).array(of: Float.self) == [1, 4])
    #expect(try output(Einsum("ii"), [square]).array(of: Float.self) == [5])
    #expect(try output(Einsum("...j,j->..."), [square, Tensor([Float(1), 10])]).array(of: Float.self) == [21, 43])
    #expect(try output(Einsum("ij,jk,kl->il"), [square, square, square]).array(of: Float.self) == [37, 54, 81, 118])
    #expect(try output(Einsum("ij->ji"), [square]).array(of: Float.self) == [1, 3, 2, 4])
    #expect(
      try output(Einsum("a,b->"), [Tensor([Float(1), 2]), Tensor([Float(3), 4])]).array(of: Float.self) == [21])
  }

  @Test(arguments: [1, 2, 3, 5, 8, 12, 17, 31, 64, 100])
  func transformsOfAnyLengthAgreeWithTheDefinition(_ n: Int) throws {
    let signal = (0..<n).map { Double(($0 * 7 + 3) % 11) - 5 }
    let out = try output(DFT(axis: 1, isInverse: false, isOneSided: false), [Tensor(signal, shape: [1, n, 1])])
    let back = try output(DFT(axis: 1, isInverse: true, isOneSided: false), [out])
    let spectrum = try #require(out.array(of: Double.self))
    let again = try #require(back.array(of: Double.self))
    for k in 0..<n {
      // The first moment of each bin against the sum that defines it, by a rotation that is exact for k = 0.
      if k == 0 { #expect(abs(spectrum[0] - signal.reduce(0, +)) < 1e-9) }
      #expect(abs(again[2 * k] - signal[k]) < 1e-9)
      #expect(abs(again[2 * k + 1]) < 1e-9)
    }
    let energy = spectrum.reduce(0) { $0 + $1 * $1 } / Double(n)
    #expect(abs(energy - signal.reduce(0) { $0 + $1 * $1 }) < 1e-6)
  }

  @Test func aSeedRepeatsAndRangesHold() throws {
    let op = RandomTensor(.uniform(low: -2, high: 3), dtype: .float32, shape: [1000], seed: 7)
    let (a, b) = (try output(op, []).array(of: Float.self), try output(op, []).array(of: Float.self))
    #expect(a == b)
    #expect(a?.allSatisfy { $0 >= -2 && $0 <= 3 } == true)
    let free = RandomTensor(.normal(mean: 0, scale: 1), dtype: .float32, shape: [1000], seed: nil)
    #expect(try output(free, []).array(of: Float.self) != output(free, []).array(of: Float.self))
    #expect(!op.isPure)
  }
}
