import InferenceGraph
import TensorCore
import Testing

/// What a model or a request may say and no operator may trap on.
@Suite struct HostileMathTests {
  @Test func integerArithmeticNeverTraps() throws {
    let least = Tensor([Int32.min, Int32.min, 5])
    let by = Tensor([Int32(-1), 0, 0])
    #expect(try output(Arithmetic(.divide), [least, by]).array(of: Int32.self) == [.min, 0, 0])
    #expect(try output(Arithmetic(.modulo), [least, by]).array(of: Int32.self) == [0, 0, 0])
    #expect(try output(Arithmetic(.remainder), [least, by]).array(of: Int32.self) == [0, 0, 0])
    #expect(try output(Arithmetic(.add), [least, by]).array(of: Int32.self) == [.max, .min, 5])
    #expect(try output(Arithmetic(.power), [least, by]).array(of: Int32.self) == [0, 1, 1])
    #expect(try output(Unary(.absolute), [least]).array(of: Int32.self) == [.min, .min, 5])
    #expect(try output(Unary(.negate), [least]).array(of: Int32.self) == [.min, .min, -5])
    #expect(try output(Reduce(.product, axes: []), [least]).array(of: Int32.self) == [0])
  }

  @Test func shiftsBeyondTheWidthLeaveTheSign() throws {
    let x = Tensor([Int8(-3), 3, -3, 3])
    let by = Tensor([Int8(8), 8, -1, -1])
    #expect(try output(Bitwise(.shiftRight), [x, by]).array(of: Int8.self) == [-1, 0, -1, 0])
    #expect(try output(Bitwise(.shiftLeft), [x, by]).array(of: Int8.self) == [0, 0, 0, 0])
  }

  @Test func operandsThatDoNotFitAreErrors() throws {
    let (a, b) = (try counting([2, 3]), try counting([2, 3]))
    #expect(throws: GraphError.self) { try output(MatMul(), [a, b]) }
    #expect(throws: GraphError.self) { try output(MatMul(), [Tensor(scalar: Float(1)), b]) }
    #expect(throws: GraphError.self) { try output(Gemm(), [a, b]) }
    #expect(throws: GraphError.self) { try output(Gemm(transposesB: true), [a, b, try counting([3])]) }
    #expect(throws: GraphError.self) { try output(Gemm(transposesB: true), [a, b, try counting([1, 2, 2])]) }
    #expect(throws: GraphError.self) { try output(Arithmetic(.add), [a, try counting([4])]) }
    #expect(throws: GraphError.self) { try output(Arithmetic(.add), [a, Tensor([Int64(1)])]) }
    #expect(throws: GraphError.self) { try output(Arithmetic(.add), [a, nil]) }
    #expect(throws: GraphError.self) { try output(Arithmetic(.add), [a]) }
    #expect(throws: GraphError.self) { try output(Unary(.exp), [Tensor([Int64(1)])]) }
    #expect(throws: GraphError.self) { try output(Where(), [a, a, a]) }
    #expect(throws: GraphError.self) { try output(Clip(), [a, Tensor([Float(0), 1])]) }
    #expect(throws: GraphError.self) { try output(Determinant(), [a]) }
  }

  @Test(arguments: [Int.min, -3, 2, Int.max])
  func axesOutsideTheRankAreErrors(_ axis: Int) throws {
    let x = try counting([2, 3])
    #expect(throws: GraphError.self) { try output(Reduce(.sum, axes: [axis]), [x]) }
    #expect(throws: GraphError.self) { try output(ArgReduce(findsMaximum: true, axis: axis), [x]) }
    #expect(throws: GraphError.self) { try output(Softmax(.softmax, axis: axis), [x]) }
    #expect(throws: GraphError.self) { try output(Cumulative(), [x, Tensor(scalar: Int64(axis))]) }
    #expect(throws: GraphError.self) { try output(DFT(axis: axis, isInverse: false, isOneSided: false), [x]) }
    #expect(throws: GraphError.self) {
      try output(QuantizeLinear(to: .uint8, axis: axis), [x, Tensor([Float(1), 1, 1])])
    }
  }

  @Test func emptyTensorsAreNoReasonToTrap() throws {
    let empty = try Tensor([Float](), shape: [2, 0])
    #expect(throws: GraphError.self) { try output(ArgReduce(findsMaximum: true, axis: 1), [empty]) }
    #expect(try output(Softmax(.softmax), [empty]).count == 0)
    #expect(
      try output(MatMul(), [empty, try Tensor([Float](), shape: [0, 3])]).array(of: Float.self) == [0, 0, 0, 0, 0, 0])
    #expect(
      try output(Einsum("ij,jk->ik"), [empty, try Tensor([Float](), shape: [0, 1])]).array(of: Float.self) == [0, 0])
    #expect(try output(Cumulative(), [empty, Tensor(scalar: Int64(1))]).count == 0)
    #expect(try output(Determinant(), [try Tensor([Float](), shape: [0, 0])]).array(of: Float.self) == [1])
    #expect(try output(DynamicQuantizeLinear(), [empty]).count == 0)
  }

  @Test func longAxesOfEmptyTensorsCostNothing() throws {
    let long = 1 << 40
    let x = try Tensor([Float](), shape: [long, 5, 0])
    #expect(try output(Reduce(.sum, axes: [0, 2]), [x]).array(of: Float.self) == [0, 0, 0, 0, 0])
    #expect(try output(Reduce(.sum, axes: [0]), [x]).count == 0)
    let wide = try Tensor([Float](), shape: [0, 5, long])
    #expect(try output(Reduce(.maximum, axes: [0, 2]), [wide]).array(of: Float.self)?.first == -.infinity)
    #expect(try output(Determinant(), [try Tensor([Float](), shape: [0, 1 << 20, 1 << 20])]).count == 0)
    #expect(try output(QuantizeLinear(to: .uint8, axis: 1), [x, Tensor([Float](repeating: 1, count: 5))]).count == 0)
    #expect(try output(Softmax(.softmax, axis: 0), [x]).count == 0)
    #expect(try output(Arithmetic(.add), [x, try Tensor([Float(1)], shape: [1, 1, 1])]).count == 0)
    #expect(try output(Cumulative(), [x, Tensor(scalar: Int64(0))]).count == 0)
    #expect(try output(Einsum("abc->b"), [x]).array(of: Float.self) == [0, 0, 0, 0, 0])
  }

  @Test(arguments: [
    "", "->", "ij", "ij,jk", "i->ii", "ij->k", "i...j...->", "ij-", "ij>", "ij..", "i1", "ij->i->j", "ijk->i", "...->é",
  ])
  func unsoundEquationsAreErrors(_ equation: String) throws {
    let x = try counting(equation == "ij" ? [2] : [2, 3])
    #expect(throws: GraphError.self) { try output(Einsum(equation), [x]) }
  }

  @Test func unsoundSignalsAndSizesAreErrors() throws {
    let signal = try counting([1, 8, 1])
    let dft = DFT(axis: 1, isInverse: false, isOneSided: false)
    for length in [Int64.min, -1, 0, 1 << 40] {
      #expect(throws: GraphError.self) { try output(dft, [signal, Tensor(scalar: length)]) }
      #expect(throws: GraphError.self) {
        try output(STFT(isOneSided: true), [signal, Tensor(scalar: Int64(1)), nil, Tensor(scalar: length)])
      }
    }
    for step in [Int64.min, -1, 0] {
      #expect(throws: GraphError.self) { try output(STFT(isOneSided: true), [signal, Tensor(scalar: step)]) }
    }
    #expect(throws: GraphError.self) { try output(CosineWindow(.hann), [Tensor(scalar: Int64(-1))]) }
    #expect(throws: GraphError.self) {
      try output(
        MelWeightMatrix(),
        [
          Tensor(scalar: Int64(8)), Tensor(scalar: Int64(16)), Tensor(scalar: Int64(8000)), Tensor(scalar: Float.nan),
          Tensor(scalar: Float(1e9)),
        ])
    }
  }

  @Test func scalesThatDoNotFitAreErrors() throws {
    let x = try counting([2, 4])
    #expect(throws: GraphError.self) { try output(QuantizeLinear(to: .int8, axis: 0), [x, Tensor([Float(1), 1, 1])]) }
    #expect(throws: GraphError.self) { try output(QuantizeLinear(to: .int8, blockSize: -2), [x, Tensor([Float(1)])]) }
    #expect(throws: GraphError.self) {
      try output(QuantizeLinear(to: .int8, blockSize: .max), [x, try counting([2, 2])])
    }
    #expect(throws: GraphError.self) {
      try output(QuantizeLinear(to: .int8), [x, Tensor(scalar: Float(1)), Tensor([Int8(1), 2])])
    }
    let wild = Tensor([Float.nan, .infinity, -.infinity, 1e38])
    #expect(
      try output(QuantizeLinear(to: .int8), [wild, Tensor(scalar: Float(0))]).array(of: Int8.self)
        == [-128, 127, -128, 127])
  }
}
