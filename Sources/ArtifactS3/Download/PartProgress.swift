import Synchronization

/// Which parts of a download are there, how far they reach without a gap, and how many bytes have arrived.
final class PartProgress: Sendable {
  private struct State {
    var done: [Bool]
    var next = 0
    /// Parts without a gap from the first.
    var whole = 0
    var bytes: Int
  }

  private let state: Mutex<State>
  private let frontier: AsyncStream<Int>.Continuation
  private let report: @Sendable (Int) -> Void

  /// - Parameters:
  ///   - frontier: told how many parts there are without a gap, whenever that grows; ends with the last.
  ///   - report: told the bytes that have arrived.
  init(
    done: [Bool], bytes: Int, frontier: AsyncStream<Int>.Continuation, report: @escaping @Sendable (Int) -> Void
  ) {
    state = Mutex(State(done: done, bytes: bytes))
    self.frontier = frontier
    self.report = report
    advance()
    if bytes > 0 { report(bytes) }
  }

  /// The next part that nobody fetches yet.
  func take() -> Int? {
    state.withLock { state in
      while state.next < state.done.count {
        defer { state.next += 1 }
        if !state.done[state.next] { return state.next }
      }
      return nil
    }
  }

  func finish(_ part: Int) {
    state.withLock { $0.done[part] = true }
    advance()
  }

  func add(_ bytes: Int) {
    let sum = state.withLock { state in
      state.bytes += bytes
      return state.bytes
    }
    report(sum)
  }

  private func advance() {
    let (whole, isOver) = state.withLock { state in
      while state.whole < state.done.count, state.done[state.whole] { state.whole += 1 }
      return (state.whole, state.whole == state.done.count)
    }
    frontier.yield(whole)
    if isOver { frontier.finish() }
  }
}
