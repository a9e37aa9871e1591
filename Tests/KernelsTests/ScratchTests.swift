import Kernels
import Testing

@Suite struct ScratchTests {
  @Test("nested uses do not overlap and are aligned")
  func nesting() {
    for count in [1, 1000, 300_000, 3_000_000] {
      Scratch.with(floats: count) { outer in
        outer[0] = 1
        outer[count - 1] = 2
        Scratch.with(floats: count) { inner in
          inner.update(repeating: 9, count: count)
          #expect(Int(bitPattern: inner) % 64 == 0)
        }
        #expect(outer[count - 1] == 2)
        #expect(Int(bitPattern: outer) % 64 == 0)
      }
    }
  }
}
