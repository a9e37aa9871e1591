import KernelChecks
import Kernels
import Testing

@Suite struct KernelTableTests {
  static let names = KernelTable.runnable.map { "\($0.name)" }

  private func expectPassing(_ name: String, _ run: (inout Checker) -> Void) throws {
    var checker = Checker(try #require(KernelTable.select(named: name)))
    run(&checker)
    #expect(checker.checks > 0)
    #expect(checker.failures == 0)
  }

  @Test("elementwise kernels agree with their definitions to a few units in the last place", arguments: names)
  func elementwise(name: String) throws {
    try expectPassing(name) {
      $0.checkUnary()
      $0.checkBinary()
    }
  }

  @Test("row kernels agree with their definitions", arguments: names)
  func rows(name: String) throws { try expectPassing(name) { $0.checkRows() } }

  @Test("products agree with their definition for every tile height, layout and epilogue", arguments: names)
  func products(name: String) throws { try expectPassing(name) { $0.checkGemm() } }

  @Test("products of 8-bit integers are exact, and what becomes of them agrees with its definition", arguments: names)
  func integerProducts(name: String) throws { try expectPassing(name) { $0.checkIntegerGemm() } }

  @Test("quantising and its reverse agree with their definitions", arguments: names)
  func quantising(name: String) throws { try expectPassing(name) { $0.checkQuantize() } }

  @Test("conversions of 16-bit floats round once", arguments: names)
  func halves(name: String) throws { try expectPassing(name) { $0.checkHalf() } }

  @Test("pools and depthwise convolutions agree with their definitions for runs of every length", arguments: names)
  func windows(name: String) throws { try expectPassing(name) { $0.checkWindows() } }

  @Test("masks of trees find the leaves that walking from the root finds", arguments: names)
  func trees(name: String) throws { try expectPassing(name) { $0.checkTrees() } }

  @Test("the baseline kernels run everywhere and unknown names select nothing")
  func selection() {
    #expect(Self.names.last == "baseline")
    #expect(Self.names.allSatisfy(KernelTable.names.contains))
    #expect(KernelTable.select(named: "z80") == nil)
    #expect(throws: KernelChoiceError.self) { try KernelTable.use(named: "z80") }
  }
}
