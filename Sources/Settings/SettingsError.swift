/// Why the settings cannot be used. The description is one line: the culprit, what was expected, the remedy.
public struct SettingsError: Error, Sendable, CustomStringConvertible {
  /// Where the fault lies: on the command line, or in the environment or the configuration file.
  public enum Code: String, Sendable, Hashable {
    case usage, environment, file
  }

  public let code: Code
  public let description: String

  public init(_ code: Code, _ description: String) {
    self.code = code
    self.description = description
  }
}

/// Finds what a misspelt name was meant to be.
enum NearName {
  /// The candidate with the least edit distance to `name`, when that is small for its length.
  static func closest(to name: String, among candidates: [String]) -> String? {
    guard name.utf8.count <= 80 else { return nil }
    let scored = candidates.map { ($0, distance(Array(name.utf8), Array($0.utf8))) }
    guard let best = scored.min(by: { $0.1 < $1.1 }) else { return nil }
    return best.1 <= max(2, name.utf8.count / 3) ? best.0 : nil
  }

  /// `; did you mean X?`, or the hint where all names are listed.
  static func remedy(_ name: String, among candidates: [String]) -> String {
    if let near = closest(to: name, among: candidates) { return "; did you mean \(near)?" }
    return "; `swiftlet settings` lists them"
  }

  /// Levenshtein's distance.
  private static func distance(_ a: [UInt8], _ b: [UInt8]) -> Int {
    var previous = Array(0...b.count)
    var current = previous
    for i in a.indices {
      current[0] = i + 1
      for j in b.indices {
        current[j + 1] = min(previous[j] + (a[i] == b[j] ? 0 : 1), previous[j + 1] + 1, current[j] + 1)
      }
      swap(&previous, &current)
    }
    return previous[b.count]
  }
}
