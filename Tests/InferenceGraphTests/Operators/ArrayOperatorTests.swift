import InferenceGraph
import Kernels
import TensorCore
import Testing

@Suite struct ArrayOperatorTests {
  private func run(_ op: any Operator, _ inputs: Tensor?..., pool: ComputePool = .inline) throws -> [Tensor] {
    var values: [Value?] = inputs.map { $0.map { .tensor($0) } }
    return try op.evaluate(&values, EvaluationContext(pool: pool, arena: Arena())).compactMap(\.tensor)
  }

  private func iota(_ shape: Shape) throws -> Tensor {
    try Tensor((0..<shape.elementCount).map { Float($0) }, shape: shape)
  }

  private func ints(_ values: [Int]) -> Tensor { Tensor(values.map { Int64($0) }) }

  private func permutations(_ rank: Int) -> [[Int]] {
    rank == 0
      ? [[]]
      : permutations(rank - 1).flatMap { tail in
        (0..<rank).map { at in
          var out = tail
          out.insert(rank - 1, at: at)
          return out
        }
      }
  }

  @Test func transposeAgreesWithItsDefinition() throws {
    let pool = ComputePool(threads: 3)
    for shape: Shape in [[5, 1, 7, 3], [17, 33, 2], [40, 70], [2, 3, 4, 5]] {
      let data = try iota(shape)
      let strides = shape.strides
      for order in permutations(shape.rank) {
        let out = try run(Transpose(order), data, pool: pool)[0]
        let found = try #require(out.array(of: Float.self))
        let outStrides = out.shape.strides
        for (position, value) in found.enumerated() {
          var from = 0
          for axis in 0..<shape.rank { from += position / outStrides[axis] % out.shape[axis] * strides[order[axis]] }
          #expect(value == Float(from))
        }
      }
    }
  }

  @Test func largeTransposesAgreeAcrossThreads() throws {
    let data = try iota([300, 500])
    let out = try run(Transpose([1, 0]), data, pool: ComputePool(threads: 4))[0]
    let found = try #require(out.array(of: Float.self))
    #expect(found.indices.allSatisfy { found[$0] == Float($0 % 300 * 500 + $0 / 300) })
  }

  @Test func viewsShareStorage() throws {
    let data = try iota([2, 3])
    for out in [
      try run(Reshape(), data, ints([3, -1])), try run(Flatten(axis: 0), data), try run(Unsqueeze(), data, ints([1])),
      try run(Transpose([1, 0]), try iota([1, 6])), try run(Expand(), data, ints([1, 1])),
      try run(Slice(), data, ints([1]), ints([2]), ints([0])), try run(Gather(axis: 0), data, Tensor(scalar: Int64(1))),
    ] {
      #expect(out[0].storage === data.storage || out[0].shape == [6, 1])
    }
  }

  @Test(arguments: [2, -3, 99, Int.max, Int.min])
  func gatherRefusesIndicesOutsideTheAxis(_ index: Int) throws {
    let data = try iota([2, 3])
    #expect(throws: GraphError.self) { try run(Gather(axis: 0), data, ints([0, index])) }
    #expect(throws: GraphError.self) {
      try run(GatherElements(axis: 0), data, try Tensor([Int64(index)], shape: [1, 1]))
    }
    #expect(throws: GraphError.self) { try run(GatherND(), data, try Tensor([Int64(index)], shape: [1, 1])) }
    #expect(throws: GraphError.self) {
      try run(ScatterElements(axis: 0), data, try Tensor([Int64(index)], shape: [1, 1]), try iota([1, 1]))
    }
    #expect(throws: GraphError.self) {
      try run(ScatterND(), data, try Tensor([Int64(index)], shape: [1, 1]), try iota([1, 3]))
    }
  }

  @Test func indicesCountFromTheEnd() throws {
    let data = try iota([3, 2])
    #expect(try run(Gather(axis: 0), data, ints([-1, 0]))[0].array(of: Float.self) == [4, 5, 0, 1])
    #expect(try run(GatherND(), data, try Tensor([Int64(-1), -2], shape: [1, 2]))[0].array(of: Float.self) == [4])
  }

  @Test func gatherElementsRefusesIndicesWiderThanTheData() throws {
    let wide = try Tensor([Int64](repeating: 0, count: 6), shape: [3, 2])
    #expect(throws: GraphError.self) { try run(GatherElements(axis: 1), try iota([2, 2]), wide) }
  }

  @Test func sliceClampsWhatItIsGiven() throws {
    let data = try iota([5])
    func slice(_ start: Int, _ end: Int, _ step: Int) throws -> [Float]? {
      try run(Slice(), data, ints([start]), ints([end]), ints([0]), ints([step]))[0].array(of: Float.self)
    }
    #expect(try slice(Int.min, Int.max, 2) == [0, 2, 4])
    #expect(try slice(Int.max, Int.min, -2) == [4, 2, 0])
    #expect(try slice(1, 4, Int.max) == [1])
    #expect(try slice(3, 0, Int.min) == [3])
    #expect(try slice(4, 2, 1) == [])
    #expect(try slice(-2, -5, -1) == [3, 2, 1])
    #expect(throws: GraphError.self) { try slice(0, 5, 0) }
  }

  @Test func hostileSizesAreRefused() throws {
    let data = try iota([2, 3])
    let huge = Int.max / 2
    #expect(throws: GraphError.self) { try run(Reshape(), data, ints([-1, huge, huge])) }
    #expect(throws: GraphError.self) { try run(Reshape(), data, ints([0, 0, 0])) }
    #expect(throws: GraphError.self) { try run(Reshape(), data, ints([-2])) }
    #expect(throws: GraphError.self) { try run(Reshape(), data, ints([-1, -1])) }
    #expect(throws: GraphError.self) { try run(Expand(), data, ints([huge, huge, 1, 1])) }
    #expect(throws: GraphError.self) { try run(Expand(), data, ints([-1, 3])) }
    #expect(throws: GraphError.self) { try run(Tile(), data, ints([huge, huge])) }
    #expect(throws: GraphError.self) { try run(Tile(), data, ints([-1, 1])) }
    #expect(throws: GraphError.self) { try run(Pad(mode: .constant), data, ints([huge, huge, huge, huge])) }
    #expect(throws: GraphError.self) { try run(Pad(mode: .edge), data, ints([Int.min, 0, 0, 0])) }
    #expect(throws: GraphError.self) { try run(Pad(mode: .reflect), try iota([0]), ints([1, 1])) }
    #expect(throws: GraphError.self) { try run(ConstantOfShape(value: Tensor(scalar: Float(0))), ints([huge, huge])) }
    #expect(throws: GraphError.self) { try run(ConstantOfShape(value: Tensor(scalar: Float(0))), ints([-1])) }
    #expect(throws: GraphError.self) {
      try run(NumberRange(), Tensor(scalar: Int64.min), Tensor(scalar: Int64.max), Tensor(scalar: Int64(1)))
    }
    #expect(throws: GraphError.self) {
      try run(NumberRange(), Tensor(scalar: Float(0)), Tensor(scalar: Float(1)), Tensor(scalar: Float(0)))
    }
    #expect(throws: GraphError.self) {
      try run(OneHot(axis: -1), ints([0]), Tensor(scalar: Int64.max), Tensor([Float(0), 1]))
    }
    #expect(throws: GraphError.self) { try run(TopK(axis: 0), data, ints([3])) }
    #expect(throws: GraphError.self) { try run(TopK(axis: 0), data, ints([-1])) }
    #expect(throws: GraphError.self) { try run(CenterCropPad(axes: nil), data, ints([-1, 2])) }
    #expect(throws: GraphError.self) { try run(Unsqueeze(), data, ints([0, 0])) }
    #expect(throws: GraphError.self) { try run(Squeeze(), data, ints([0])) }
    #expect(throws: GraphError.self) {
      try run(Split(axis: 0, sizes: nil, outputCount: 2, mayBeUneven: true), data, ints([Int.max, Int.max]))
    }
  }

  @Test func topKPutsTiesInOrderAndNaNAboveAll() throws {
    let data = Tensor([Float(1), .nan, 3, 3, -0.0, 0, -.infinity])
    let top = try run(TopK(axis: 0), data, ints([4]))[1]
    #expect(top.array(of: Int64.self) == [1, 2, 3, 0])
    let least = try run(TopK(axis: 0, largest: false), data, ints([4]))[1]
    #expect(least.array(of: Int64.self) == [6, 4, 5, 0])
    let unsigned = Tensor([UInt64.max, 0, 1 << 63])
    #expect(try run(TopK(axis: 0), unsigned, ints([3]))[1].array(of: Int64.self) == [0, 2, 1])
  }

  @Test func stringsMoveLikeNumbers() throws {
    let data = try Tensor(strings: ["a", "b", "c", "d"], shape: [2, 2])
    #expect(try Array(run(Transpose(), data)[0].strings) == ["a", "c", "b", "d"])
    #expect(try Array(run(Pad(mode: .constant), data, ints([0, 1, 0, 0]))[0].strings) == ["", "a", "b", "", "c", "d"])
    #expect(
      try Array(run(Concat(axis: 1), data, try Tensor(strings: ["e", "f"], shape: [2, 1]))[0].strings)
        == ["a", "b", "e", "c", "d", "f"])
    let places = try Tensor([Int64(1)], shape: [1, 1])
    let update = try Tensor(strings: ["z"], shape: [1, 1])
    #expect(try Array(run(ScatterElements(axis: 1), data, places, update)[0].strings) == ["a", "z", "c", "d"])
  }

  @Test func dropoutDrawsAsNumPyDoes() throws {
    // numpy.random.RandomState(0).uniform(0, 1, 4) is 0.5488135, 0.71518937, 0.60276338, 0.54488318.
    let out = try run(
      Dropout(seed: 0), Tensor([Float(1), 1, 1, 1]), Tensor(scalar: Float(0.6)), Tensor(scalar: true))
    #expect(out[1].array(of: Bool.self) == [false, true, true, false])
    // In float32, as the ratio is: 1 / (1 - 0.6) is a little above 2.5.
    let kept = 1 / (1 - Float(0.6))
    #expect(out[0].array(of: Float.self) == [0, kept, kept, 0])
  }

  @Test func everyInputMayBeOfTheWrongKind() {
    let operators: [any Operator] = [
      Reshape(), Flatten(axis: 1), Squeeze(), Unsqueeze(), ShapeOf(), SizeOf(), Transpose(), Concat(axis: 0),
      Split(axis: 0, sizes: nil, outputCount: 2, mayBeUneven: true), Slice(), Gather(axis: 0), GatherND(),
      GatherElements(axis: 0), ScatterElements(axis: 0), ScatterND(), TensorScatter(axis: 1, isCircular: false),
      Expand(),
      Tile(), Pad(mode: .edge), CenterCropPad(axes: nil), NumberRange(), EyeLike(diagonal: 0, dtype: nil),
      Trilu(isUpper: true), OneHot(axis: 0), NonZero(), Compress(axis: nil), Unique(axis: nil, isSorted: true),
      TopK(axis: 0), DepthToSpace(block: 2, order: .depthColumnRow), SpaceToDepth(block: 2, order: .depthColumnRow),
      ReverseSequence(batchAxis: 0, timeAxis: 1), NonMaxSuppression(isCentered: false), StringConcat(),
      StringSplit(delimiter: nil, limit: nil), SequenceAt(), SequenceInsert(), SequenceErase(), SequenceLength(),
      ConcatFromSequence(axis: 0, makesAxis: false), SplitToSequence(axis: 0, keepsAxis: true),
    ]
    let values: [Value?] = [
      nil, .sequence([], element: .tensor(.float32)), .tensor(Tensor(scalar: Float(1))),
      .tensor(Tensor([Int64](0..<3))),
      .tensor(Tensor([Bool]())), .tensor(Tensor(zeros: .float32, [0, 4])), .tensor(Tensor(zeros: .string, [2, 2])),
      .tensor(Tensor(scalar: Int64.min)), .tensor(Tensor(zeros: .complex128, [1, 2, 2])),
      .optional(nil, element: .tensor(.bool)),
    ]
    // Whatever comes, the answer is a value or an error.
    for op in operators {
      for a in values {
        for b in values {
          for c in values {
            var inputs = [a, b, c]
            _ = try? op.outputFacts(inputs.map { $0.map { Fact(constant: $0) } })
            _ = try? op.evaluate(&inputs, EvaluationContext(pool: .inline, arena: Arena()))
          }
        }
      }
    }
  }
}
