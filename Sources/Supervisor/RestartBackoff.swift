/// When to start again what has died: at once, and later and later only while it dies before it was up.
public struct RestartBackoff: Sendable, Equatable {
  /// Deaths in a row before the process was up.
  public private(set) var earlyDeaths = 0

  /// The second start after an early death waits this long, each further one twice as long as the one before.
  public static let first: Duration = .milliseconds(100)
  public static let longest: Duration = .seconds(10)

  public init() {}

  /// How long to wait before the next start.
  public mutating func delay(afterDeathBeforeUp isEarly: Bool) -> Duration {
    guard isEarly else {
      earlyDeaths = 0
      return .zero
    }
    earlyDeaths += 1
    guard earlyDeaths > 1 else { return .zero }
    return min(Self.longest, Self.first * (1 << min(earlyDeaths - 2, 20)))
  }
}
