import InferenceGraph
import Testing

@Suite struct DimTests {
  let n = Dim.symbol("n")
  let s = Dim.symbol("s")

  @Test func algebraIsCanonical() {
    #expect((n + 1) * 2 == n * 2 + 2)
    #expect(n * s == s * n)
    #expect((n - n).value == 0)
    #expect((n * 12 * s).divided(exactlyBy: n * 3) == s * 4)
    #expect((n * 12 + 1).divided(exactlyBy: 12) == nil)
  }

  @Test func unknownIsEqualToNothing() {
    #expect(!Dim.unknown.isProvablyEqual(to: .unknown))
    #expect((Dim.unknown * 0).value == 0)
    #expect(!n.isProvablyDifferent(from: s))
    #expect(n.isProvablyDifferent(from: n + 1))
  }

  @Test func symbolsResolve() {
    #expect((n * s * 2 + 3).resolved(["n": 4, "s": 5]) == 43)
    #expect((n * s).resolved(["n": 4]) == nil)
    #expect((n * n * n).resolved(["n": 1 << 40]) == nil)
  }

  @Test func overflowIsUnknownAndNeverTraps() {
    let big = Dim(Int.max)
    #expect(!(big + 1).isProvablyEqual(to: big))
    #expect((big * 2).value == nil)
    #expect((n * big * 2).value == nil)
    var d = n
    for _ in 0..<20 { d = d * d }
    #expect(d.value == nil)
  }

  @Test func broadcastKeepsWhatIsKnown() {
    #expect(n.broadcast(with: 1) == n)
    #expect(Dim(3).broadcast(with: 4) == nil)
    #expect(n.broadcast(with: 3) == Dim(3))
  }

  @Test func descriptionsReadAsAlgebra() {
    #expect("\(n * s * 2 + 1)" == "2*n*s+1")
    #expect("\(Dim.unknown)" == "?")
  }
}
