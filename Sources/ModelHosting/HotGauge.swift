/// Tells when a model's calls are more than one worker should do.
package struct HotGauge {
  private var windowBegan: ContinuousClock.Instant
  private var busyBefore: UInt64 = 0
  private var calls: UInt64 = 0
  private var isHot = false
  private var turn = 0

  /// Calls shorter than this cost less to answer than to hand on.
  private static let leastNanoseconds: UInt64 = 50_000
  private static let window = Duration.milliseconds(200)

  package init(at now: ContinuousClock.Instant = .now) { windowBegan = now }

  /// Counts a call of a model that has computed for `busy` nanoseconds so far.
  ///
  /// - Returns: whether it should go to any of the `workers` processes instead: while the model keeps this one busy for more
  ///   than half of the time, all calls but one in `workers` do.
  package mutating func count(busy: UInt64, workers: Int, at now: ContinuousClock.Instant = .now) -> Bool {
    guard workers > 1 else { return false }
    calls += 1
    if now - windowBegan >= HotGauge.window {
      let spent = busy >= busyBefore ? busy - busyBefore : 0
      isHot =
        Double(spent) > 0.5e9 * ((now - windowBegan) / .seconds(1)) && spent / calls >= HotGauge.leastNanoseconds
      windowBegan = now
      busyBefore = busy
      calls = 0
    }
    guard isHot else { return false }
    turn = (turn + 1) % workers
    return turn != 0
  }
}
