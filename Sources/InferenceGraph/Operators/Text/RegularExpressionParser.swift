/// Reads RE2's syntax.
struct RegularExpressionParser {
  typealias Tree = RegularExpression.Tree

  private let scalars: [Unicode.Scalar]
  private var at = 0
  private var depth = 0
  private var flags = Flags()
  /// True once a repetition was read that prefers to be short.
  private(set) var isLazy = false

  private struct Flags {
    var ignoresCase = false
    var isMultiline = false
    var dotTakesNewline = false
  }

  /// Groups within groups at most.
  private static let maxDepth = 200
  /// The highest count of a repetition, as in RE2.
  private static let maxRepeat = 1000

  init(_ pattern: String) { scalars = Array(pattern.unicodeScalars) }

  mutating func parse() throws -> Tree {
    let tree = try choice()
    if at < scalars.count { throw error("unexpected \")\"") }
    return tree
  }

  private func error(_ what: String, _ code: GraphError.Code = .invalidModel) -> GraphError {
    GraphError(code, "pattern \"\(String(String.UnicodeScalarView(scalars)))\", place \(at): \(what)")
  }

  private var peek: Unicode.Scalar? { at < scalars.count ? scalars[at] : nil }

  private mutating func take(_ scalar: Unicode.Scalar) -> Bool {
    guard peek == scalar else { return false }
    at += 1
    return true
  }

  private mutating func take(_ text: String) -> Bool {
    let wanted = Array(text.unicodeScalars)
    guard scalars.count - at >= wanted.count, scalars[at..<(at + wanted.count)].elementsEqual(wanted) else {
      return false
    }
    at += wanted.count
    return true
  }

  // MARK: Structure

  private mutating func choice() throws -> Tree {
    guard depth < Self.maxDepth else { throw error("groups are nested more than \(Self.maxDepth) deep", .limit) }
    depth += 1
    defer { depth -= 1 }
    var parts = [try sequence()]
    while take("|") { parts.append(try sequence()) }
    return parts.count == 1 ? parts[0] : .choice(parts)
  }

  private mutating func sequence() throws -> Tree {
    var parts: [Tree] = []
    while let next = peek, next != "|", next != ")" {
      if take("\\Q") {
        let first = parts.count
        while at < scalars.count, !take("\\E") {
          parts.append(literal(scalars[at]))
          at += 1
        }
        // What follows the quotation repeats its last character.
        if parts.count > first, let count = try repetition(), let last = parts.popLast() {
          parts.append(.repeated(last, least: count.least, most: count.most))
        }
        continue
      }
      guard let atom = try atom() else { continue }
      if let count = try repetition() {
        parts.append(.repeated(atom, least: count.least, most: count.most))
      } else {
        parts.append(atom)
      }
    }
    return parts.isEmpty ? .empty : .sequence(parts)
  }

  /// One repetition operator; whether it is greedy does not change what a whole match is and is only noted.
  private mutating func repetition() throws -> (least: Int, most: Int?)? {
    guard let count = try bareRepetition() else { return nil }
    if take("?") { isLazy = true }
    let place = at
    if try bareRepetition() != nil {
      at = place
      throw error("a repetition of a repetition")
    }
    return count
  }

  private mutating func bareRepetition() throws -> (least: Int, most: Int?)? {
    if take("*") { return (0, nil) }
    if take("+") { return (1, nil) }
    if take("?") { return (0, 1) }
    let start = at
    guard take("{"), let least = number() else {
      at = start
      return nil
    }
    var most: Int? = least
    if take(",") { most = number() }
    guard take("}") else {
      at = start
      return nil
    }
    guard least <= Self.maxRepeat, most ?? 0 <= Self.maxRepeat, least <= most ?? least else {
      throw error("a count above \(Self.maxRepeat) or out of order")
    }
    return (least, most)
  }

  private mutating func number() -> Int? {
    var value: Int?
    while let digit = peek, ("0"..."9").contains(digit) {
      value = Swift.min((value ?? 0) * 10 + Int(digit.value - 48), 1 << 20)
      at += 1
    }
    return value
  }

  // MARK: Atoms

  private func literal(_ scalar: Unicode.Scalar) -> Tree { .set(set([scalar.value...scalar.value])) }

  private func set(_ ranges: [ClosedRange<UInt32>]) -> ScalarSet {
    var set = ScalarSet(ranges)
    set.foldsCase = flags.ignoresCase
    return set
  }

  /// nil: flags were set, which is nothing to match.
  private mutating func atom() throws -> Tree? {
    let scalar = scalars[at]
    switch scalar {
    case "(": return try group()
    case "[": return .set(try characterClass())
    case "\\": return try escape()
    case "*", "+", "?": throw error("nothing to repeat before \"\(scalar)\"")
    default: break
    }
    at += 1
    switch scalar {
    case ".": return .set(flags.dotTakesNewline ? ScalarSet().inverted : ScalarSet([10...10]).inverted)
    case "^": return .check(flags.isMultiline ? .lineStart : .textStart)
    case "$": return .check(flags.isMultiline ? .lineEnd : .textEnd)
    default: return literal(scalar)
    }
  }

  private mutating func group() throws -> Tree? {
    at += 1
    let saved = flags
    if take("?") {
      if take("P<") || take("<") {
        let start = at
        while let next = peek, ScalarSet.word.contains(next) { at += 1 }
        guard at > start, take(">") else { throw error("a group's name is not closed by \">\"") }
      } else if try !groupFlags() {
        return nil
      }
    }
    let tree = try choice()
    guard take(")") else { throw error("\")\" is missing") }
    flags = saved
    return tree
  }

  /// Flags after `(?`. True: they hold for a group that follows; false: for the rest of the group around them.
  private mutating func groupFlags() throws -> Bool {
    var isOn = true
    while let next = peek {
      at += 1
      switch next {
      case ":": return true
      case ")": return false
      case "-": isOn = false
      case "i": flags.ignoresCase = isOn
      case "m": flags.isMultiline = isOn
      case "s": flags.dotTakesNewline = isOn
      case "U": isLazy = true
      default: throw error("unknown group flag \"\(next)\"")
      }
    }
    throw error("\")\" is missing")
  }

  private mutating func escape() throws -> Tree {
    at += 1
    guard let next = peek else { throw error("the pattern ends with \"\\\"") }
    switch next {
    case "A", "z", "b", "B":
      at += 1
      return .check(next == "A" ? .textStart : next == "z" ? .textEnd : next == "b" ? .wordBoundary : .noWordBoundary)
    case "C": throw error("\\C is not supported", .unsupported)
    default: break
    }
    if let found = try escapedClass() { return .set(found) }
    return literal(try escapedScalar())
  }

  /// A class after the backslash: `d`, `W`, `pL`, `P{Lu}`.
  private mutating func escapedClass() throws -> ScalarSet? {
    guard let next = peek else { return nil }
    var found: ScalarSet
    switch next {
    case "d", "D": found = .digit
    case "s", "S": found = .space
    case "w", "W": found = .word
    case "p", "P": return try category(isNegated: next == "P")
    default: return nil
    }
    at += 1
    if next.properties.isUppercase { found = found.inverted }
    return found
  }

  private mutating func category(isNegated: Bool) throws -> ScalarSet {
    at += 1
    var isNegated = isNegated
    var name = ""
    if take("{") {
      if take("^") { isNegated.toggle() }
      while let next = peek, next != "}" {
        name.unicodeScalars.append(next)
        at += 1
      }
      guard take("}") else { throw error("\"}\" is missing") }
    } else if let next = peek {
      name.unicodeScalars.append(next)
      at += 1
    }
    guard ScalarSet.categoryNames.contains(name) else {
      throw error("\"\(name)\" is no Unicode general category (scripts are not supported)", .unsupported)
    }
    var set = ScalarSet()
    set.categories = [(name, isNegated)]
    set.foldsCase = flags.ignoresCase
    return set
  }

  private mutating func escapedScalar() throws -> Unicode.Scalar {
    guard let next = peek else { throw error("the pattern ends with \"\\\"") }
    at += 1
    switch next {
    case "a": return "\u{07}"
    case "f": return "\u{0C}"
    case "t": return "\t"
    case "n": return "\n"
    case "r": return "\r"
    case "v": return "\u{0B}"
    case "x":
      let isBraced = take("{")
      var value: UInt32 = 0
      var digits = 0
      while let digit = peek?.hexDigit, digits < (isBraced ? 8 : 2) {
        value = value &* 16 &+ digit
        digits += 1
        at += 1
      }
      guard digits > 0, isBraced ? take("}") : digits == 2, let scalar = Unicode.Scalar(value) else {
        throw error("\\x needs two hexadecimal digits, or some in braces")
      }
      return scalar
    case "0"..."7":
      var value = next.value - 48
      guard next == "0" || peek.map({ ("0"..."7").contains($0) }) == true else {
        throw error("there are no references")
      }
      for _ in 0..<2 {
        guard let digit = peek, ("0"..."7").contains(digit) else { break }
        value = value * 8 + digit.value - 48
        at += 1
      }
      return Unicode.Scalar(value) ?? "\0"
    default:
      guard next.value < 128, !ScalarSet.word.contains(next) || next == "_" else {
        throw error("unknown escape \"\\\(next)\"")
      }
      return next
    }
  }

  private mutating func characterClass() throws -> ScalarSet {
    at += 1
    var out = ScalarSet()
    out.foldsCase = flags.ignoresCase
    out.isNegated = take("^")
    var isFirst = true
    while isFirst || peek != "]" {
      guard let next = peek else { throw error("\"]\" is missing") }
      isFirst = false
      if next == "[", at + 1 < scalars.count, scalars[at + 1] == ":" {
        out.parts.append(try posixClass())
        continue
      }
      if next == "\\" {
        at += 1
        if let found = try escapedClass() {
          out.parts.append(found)
          continue
        }
        at -= 1
      }
      let lower = try classScalar()
      var upper = lower
      if peek == "-", at + 1 < scalars.count, scalars[at + 1] != "]" {
        at += 1
        upper = try classScalar()
      }
      guard lower <= upper else { throw error("a range out of order") }
      out.ranges.append(lower.value...upper.value)
    }
    at += 1
    return out
  }

  private mutating func classScalar() throws -> Unicode.Scalar {
    guard let next = peek else { throw error("\"]\" is missing") }
    at += 1
    return next == "\\" ? try escapedScalar() : next
  }

  private mutating func posixClass() throws -> ScalarSet {
    at += 2
    let isNegated = take("^")
    var name = ""
    while let next = peek, next != ":" {
      name.unicodeScalars.append(next)
      at += 1
    }
    guard take(":]"), let found = ScalarSet.posix(name) else { throw error("\"\(name)\" is no character class") }
    return isNegated ? found.inverted : found
  }
}

extension Unicode.Scalar {
  fileprivate var hexDigit: UInt32? {
    switch self {
    case "0"..."9": value - 48
    case "a"..."f": value - 87
    case "A"..."F": value - 55
    default: nil
    }
  }
}
