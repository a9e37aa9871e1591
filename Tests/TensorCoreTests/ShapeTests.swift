import TensorCore
import Testing

@Suite struct ShapeTests {
  @Test(arguments: [
    ([2, 3], [3], [2, 3]), ([2, 1, 4], [3, 1], [2, 3, 4]), ([], [5], [5]), ([1], [0], [0]), ([4, 1], [1, 5], [4, 5]),
  ])
  func broadcastFollowsNumPy(_ a: [Int], _ b: [Int], _ want: [Int]) {
    #expect(Shape(a).broadcast(with: Shape(b)) == Shape(want))
    #expect(Shape(b).broadcast(with: Shape(a)) == Shape(want))
  }

  @Test func shapesThatDoNotBroadcastGiveNil() {
    #expect(Shape([2, 3]).broadcast(with: [2]) == nil)
    #expect(Shape([0]).broadcast(with: [3]) == nil)
  }

  @Test func stretchedAxesHaveStrideZero() {
    #expect(Shape([3, 1]).broadcastStrides(to: [2, 3, 4]) == [0, 1, 0])
  }

  @Test func countsThatOverflowOrAreNegativeAreNil() {
    #expect(Shape([1 << 40, 1 << 40]).checkedElementCount == nil)
    #expect(Shape([3, -1]).checkedElementCount == nil)
    #expect(Shape([1 << 40, 1 << 40, 0]).checkedElementCount == nil)
    #expect(Shape([1 << 40, 0]).checkedElementCount == 0)
    #expect(Shape.scalar.checkedElementCount == 1)
  }
}

@Suite struct TensorTests {
  @Test func reshapeSharesStorageAndKeepsElements() throws {
    let t = try Tensor([1, 2, 3, 4, 5, 6] as [Float], shape: [2, 3])
    let r = try t.reshaped([3, 2])
    #expect(r.storage === t.storage)
    #expect(r.array(of: Float.self) == [1, 2, 3, 4, 5, 6])
    #expect(throws: TensorError.self) { try t.reshaped([4, 2]) }
  }

  @Test func rowsAreAWindowOntoTheOutermostAxis() throws {
    let t = try Tensor([1, 2, 3, 4, 5, 6] as [Int32], shape: [3, 2])
    #expect(try t.rows(1..<3).array(of: Int32.self) == [3, 4, 5, 6])
    #expect(throws: TensorError.self) { try t.rows(2..<4) }
    let s = try Tensor(strings: ["a", "b", "c"], shape: [3])
    #expect(try Array(s.rows(1..<2).strings) == ["b"])
  }

  @Test func storageThatIsTooSmallIsRefused() {
    let storage = TensorStorage(byteCount: 16)
    #expect(throws: TensorError.self) { try Tensor(dtype: .float32, shape: [5], storage: storage) }
    #expect(throws: TensorError.self) { try Tensor(dtype: .float32, shape: [4], storage: storage, offset: 1) }
    #expect(throws: TensorError.self) { try Tensor(dtype: .float64, shape: [Int.max / 4], storage: storage) }
  }

  @Test func elementsOfAnotherTypeAreNil() {
    #expect(Tensor([1, 2] as [Int64]).array(of: Float.self) == nil)
  }
}

@Suite struct BFloat16Tests {
  @Test(
    arguments: [
      (1, 0x3F80), (Float(bitPattern: 0x3F80_8000), 0x3F80), (Float(bitPattern: 0x3F81_8000), 0x3F82),
      (.infinity, 0x7F80), (.greatestFiniteMagnitude, 0x7F80), (-0.0, 0x8000),
    ] as [(Float, UInt16)])
  func roundsToNearestEven(_ value: Float, _ bits: UInt16) {
    #expect(BFloat16(value).bitPattern == bits)
  }

  @Test func nanStaysNaN() {
    #expect(BFloat16(Float(bitPattern: 0x7F80_0001)).float.isNaN)
  }
}
