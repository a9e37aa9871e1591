/// Tells when a model's calls are more than one worker should do.
struct HotGauge {
  private var windowBegan = ContinuousClock.Instant.now
  private var calls = 0
  private var isHot = false
  private var turn = 0

  /// Calls shorter than this cost less to answer than to hand on.
  private static let leastNanoseconds: UInt64 = 50_000
  private static let window = Duration.milliseconds(200)

  /// Counts a call of `nanoseconds`.
  ///
  /// - Returns: whether it should go to any of the `workers` processes instead: while the model keeps this one busy for more
  ///   than half of the time, all calls but one in `workers` do.
  mutating func count(_ nanoseconds: UInt64, workers: Int) -> Bool {
    guard workers > 1, nanoseconds >= HotGauge.leastNanoseconds, nanoseconds < .max / 2 else { return false }
    calls += 1
    let now = ContinuousClock.now
    if now - windowBegan >= HotGauge.window {
      let busy = Double(calls) * Double(nanoseconds)
      isHot = busy > 0.5e9 * ((now - windowBegan) / .seconds(1))
      windowBegan = now
      calls = 0
    }
    guard isHot else { return false }
    turn = (turn + 1) % workers
    return turn != 0
  }
}
