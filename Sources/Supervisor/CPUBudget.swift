import CProcess

#if canImport(Glibc)
import Glibc
#elseif canImport(Musl)
import Musl
#elseif canImport(Darwin)
import Darwin
#endif

/// How many cores this process may use: the least of the machine, its affinity and its control group's quota.
public struct CPUBudget: Sendable, Equatable {
  /// At least 1.
  public var cores: Int

  public init(cores: Int) { self.cores = max(1, cores) }

  /// - Parameters:
  ///   - processors: processors that the scheduler may use.
  ///   - quota: the quota in processors, if there is one; half a processor counts as a whole one.
  public init(processors: Int, quota: Double?) {
    let limit = quota.map { $0 >= 1 ? Int(min($0, 1e6).rounded()) : 1 } ?? processors
    self.init(cores: min(processors, limit))
  }

  /// The budget of this process.
  public static func current() -> CPUBudget {
    let allowed = Int(swiftlet_allowed_processors())
    let processors = allowed > 0 ? allowed : Int(sysconf(Int32(_SC_NPROCESSORS_ONLN)))
    return CPUBudget(processors: processors, quota: quota { SmallFile.read($0) })
  }

  /// The least quota on the way from this process's control group to the root, version 2 before version 1.
  ///
  /// - Parameter read: the text of a file, nil where there is none.
  package static func quota(_ read: (String) -> String?) -> Double? {
    var quotas: [Double] = []
    for line in (read("/proc/self/cgroup") ?? "").split(separator: "\n") {
      let fields = line.split(separator: ":", maxSplits: 2, omittingEmptySubsequences: false)
      guard fields.count == 3 else { continue }
      let isUnified = fields[0] == "0" && fields[1].isEmpty
      guard isUnified || fields[1].split(separator: ",").contains("cpu") else { continue }
      let root = isUnified ? "/sys/fs/cgroup" : "/sys/fs/cgroup/cpu"
      for folder in ancestors(fields[2]) {
        if isUnified {
          if let text = read("\(root)\(folder)/cpu.max"), let quota = quota(cpuMax: text) { quotas.append(quota) }
        } else if let quota = read("\(root)\(folder)/cpu.cfs_quota_us").flatMap(number),
          let period = read("\(root)\(folder)/cpu.cfs_period_us").flatMap(number), quota > 0, period > 0
        {
          quotas.append(quota / period)
        }
      }
    }
    return quotas.min()
  }

  /// The quota in a `cpu.max` file: `$MAX $PERIOD` in microseconds, where `$MAX` may be `max`.
  package static func quota(cpuMax text: String) -> Double? {
    let words = text.split { $0 == " " || $0 == "\n" }
    guard words.count == 2, let limit = number(String(words[0])), let period = number(String(words[1])), limit > 0,
      period > 0
    else { return nil }
    return limit / period
  }

  private static func number(_ text: String) -> Double? {
    text.split { $0 == " " || $0 == "\n" }.first.flatMap { Int($0) }.map(Double.init)
  }

  /// `/a/b`, `/a` and the root as an empty text.
  private static func ancestors(_ path: Substring) -> [String] {
    var names = path.split(separator: "/").prefix(64)
    var out: [String] = []
    while !names.isEmpty {
      out.append("/" + names.joined(separator: "/"))
      names.removeLast()
    }
    return out + [""]
  }
}
