import Synchronization
import TensorCore
import Testing

@Suite struct LateBytesTests {
  /// A tensor whose element i is i, and how many elements were computed.
  private func counted(_ count: Int) throws -> (tensor: Tensor, computed: @Sendable () -> Int) {
    final class Counter: Sendable { let value = Atomic<Int>(0) }
    let counter = Counter()
    let late = LateBytes(count * 4) { range, address in
      let to = address.assumingMemoryBound(to: Float.self)
      for i in 0..<range.count / 4 { to[i] = Float(range.lowerBound / 4 + i) }
      counter.value.add(range.count / 4, ordering: .relaxed)
    }
    let tensor = try Tensor(dtype: .float32, shape: [count], storage: TensorStorage(late))
    return (tensor, { counter.value.load(ordering: .relaxed) })
  }

  @Test func `what is computed is computed where it is read, once where it stays`() throws {
    let (tensor, computed) = try counted(1000)
    #expect(computed() == 0)
    let part = tensor.withTransientBytes(40..<48) { address in
      let from = address.assumingMemoryBound(to: Float.self)
      return [from[0], from[1]]
    }
    #expect(part == [10, 11])
    #expect(computed() == 2)
    #expect(tensor.withTransientBytes { $0.assumingMemoryBound(to: Float.self)[999] } == 999)
    #expect(computed() == 1002)
    #expect(tensor.array(of: Float.self) == (0..<1000).map(Float.init))
    #expect(tensor.array(of: Float.self)?.count == 1000)
    #expect(computed() == 2002)
    // What stays is what parts are read of.
    #expect(tensor.withTransientBytes(4..<8) { $0.assumingMemoryBound(to: Float.self)[0] } == 1)
    #expect(computed() == 2002)
  }

  @Test func `a part of a tensor that is a view begins where the view does`() throws {
    let (tensor, _) = try counted(100)
    let view = try Tensor(dtype: .float32, shape: [10], storage: tensor.storage, offset: 80)
    #expect(view.withTransientBytes(8..<12) { $0.assumingMemoryBound(to: Float.self)[0] } == 22)
    view.dropMappedPages()
    #expect(view.array(of: Float.self)?.first == 20)
  }
}
