public import InferenceGraph
public import JSONDocument
public import ModelLoading
public import TensorCore

#if canImport(Glibc)
import Glibc
#elseif canImport(Musl)
import Musl
#elseif canImport(Darwin)
import Darwin
#endif

/// Measures a model's runs in this process.
public struct ModelBench: Sendable {
  /// What was measured. Times are in seconds, of single runs.
  public struct Result: Sendable {
    public var median: Double
    public var p99: Double
    public var minimum: Double
    public var rowsPerSecond: Double
    public var runs: Int
  }

  /// How long to measure, in seconds.
  public var seconds: Double
  /// Runs at least, however long they take.
  public var minimumRuns = 3

  public init(seconds: Double = 5) { self.seconds = seconds }

  /// Runs `model` on `inputs` until the time is up, after a warm-up of a tenth of it.
  ///
  /// - Throws: what the model throws.
  public func run(_ model: PreparedModel, _ inputs: [Value?], rows: Int, profile: Profile? = nil) throws -> Result {
    let warmUntil = ModelBench.now() + seconds / 10
    repeat { _ = try run(model, inputs) } while ModelBench.now() < warmUntil
    var times: [Double] = []
    let until = ModelBench.now() + seconds
    while times.count < minimumRuns || ModelBench.now() < until {
      let start = ModelBench.now()
      _ = try run(model, inputs, profile)
      times.append(ModelBench.now() - start)
    }
    let total = times.reduce(0, +)
    times.sort()
    return Result(
      median: times[times.count / 2], p99: times[Swift.min(times.count - 1, times.count * 99 / 100)], minimum: times[0],
      rowsPerSecond: Double(rows * times.count) / total, runs: times.count)
  }

  /// A run with a deadline far away: as it is served, where the clock is looked at.
  private func run(_ model: PreparedModel, _ inputs: [Value?], _ profile: Profile? = nil) throws -> [Value] {
    try model.session.run(inputs, until: .now + .seconds(86_400), profile: profile)
  }

  /// Seconds of the monotonic clock.
  static func now() -> Double {
    var t = timespec()
    clock_gettime(CLOCK_MONOTONIC, &t)
    return Double(t.tv_sec) + Double(t.tv_nsec) * 1e-9
  }
}

extension ModelBench.Result {
  /// The object that `swiftlet bench --json` prints.
  public var json: JSONDocument {
    [
      "median_s": .number(median), "p99_s": .number(p99), "min_s": .number(minimum),
      "rows_per_s": .number(rowsPerSecond), "runs": .number(runs),
    ]
  }
}
