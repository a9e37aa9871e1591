/// A pattern in RE2's syntax (github.com/google/re2/wiki/Syntax), matched in time linear in the text: all ways through the
/// pattern are followed at once (Thompson 1968), so no text makes it try again.
///
/// Not supported, and refused by name: `\C` and Unicode scripts (`\p{Greek}`); Unicode general categories are.
public struct RegularExpression: Sendable {
  /// The pattern as given.
  public let pattern: String
  let program: [Instruction]
  /// True when a repetition prefers to be short (`*?`), which matters where a match is searched for.
  let isLazy: Bool

  /// One step of the machine.
  enum Instruction: Sendable {
    /// Takes one scalar of the set.
    case take(ScalarSet)
    /// Goes on where the place in the text is such.
    case check(Assertion)
    /// Goes on at both.
    case fork(Int, Int)
    case jump(Int)
    case accept
  }

  /// A condition on a place in the text.
  enum Assertion: Sendable {
    case textStart, textEnd, lineStart, lineEnd, wordBoundary, noWordBoundary
  }

  /// The longest program, in instructions: repetitions are written out.
  static let maxProgram = 50_000
  /// Steps that the matching of one tensor may take.
  public static let maxWork = 1 << 29

  /// Reads a pattern.
  ///
  /// - Throws: `GraphError` with the place in the pattern.
  public init(_ pattern: String) throws {
    self.pattern = pattern
    var parser = RegularExpressionParser(pattern)
    let tree = try parser.parse()
    isLazy = parser.isLazy
    var compiler = Compiler()
    try compiler.add(tree)
    compiler.program.append(.accept)
    program = compiler.program
  }

  /// Whether the pattern matches `text` from its beginning to its end; nil when `work` (steps left) is used up.
  func matches(whole text: String, work: inout Int) -> Bool? {
    var now = States(program.count)
    var next = States(program.count)
    var scalars = text.unicodeScalars.makeIterator()
    var current = scalars.next()
    follow(0, &now, nil, current, &work)
    while let scalar = current {
      if now.list.isEmpty { return false }
      let following = scalars.next()
      next.removeAll()
      for state in now.list {
        if case .take(let set) = program[state], set.contains(scalar) {
          follow(state + 1, &next, scalar, following, &work)
        }
      }
      work -= now.list.count
      if work < 0 { return nil }
      swap(&now, &next)
      current = following
    }
    return now.list.contains { if case .accept = program[$0] { true } else { false } }
  }

  /// Adds every state that is reached from `start` without taking a scalar.
  func follow(
    _ start: Int, _ states: inout States, _ last: Unicode.Scalar?, _ next: Unicode.Scalar?, _ work: inout Int
  ) {
    var open = [start]
    while let state = open.popLast() {
      work -= 1
      guard states.insert(state) else { continue }
      switch program[state] {
      case .take, .accept: states.list.append(state)
      case .check(let assertion): if assertion.holds(last, next) { open.append(state + 1) }
      case .fork(let a, let b):
        open.append(b)
        open.append(a)
      case .jump(let to): open.append(to)
      }
    }
  }

  /// The states that the machine is in.
  struct States {
    var list: [Int] = []
    private var marks: [UInt32]
    private var round: UInt32 = 1

    init(_ count: Int) { marks = [UInt32](repeating: 0, count: count) }

    mutating func insert(_ state: Int) -> Bool {
      if marks[state] == round { return false }
      marks[state] = round
      return true
    }

    mutating func removeAll() {
      list.removeAll(keepingCapacity: true)
      if round == .max {
        marks = [UInt32](repeating: 0, count: marks.count)
        round = 0
      }
      round += 1
    }
  }

  /// A parsed pattern.
  indirect enum Tree {
    case empty
    case set(ScalarSet)
    case check(Assertion)
    case sequence([Tree])
    case choice([Tree])
    case repeated(Tree, least: Int, most: Int?)
  }

  private struct Compiler {
    var program: [Instruction] = []

    private mutating func emit(_ instruction: Instruction) throws {
      guard program.count < maxProgram else {
        throw GraphError(.limit, "the pattern takes more than \(maxProgram) instructions")
      }
      program.append(instruction)
    }

    mutating func add(_ tree: Tree) throws {
      switch tree {
      case .empty: break
      case .set(let set): try emit(.take(set))
      case .check(let assertion): try emit(.check(assertion))
      case .sequence(let parts): for part in parts { try add(part) }
      case .choice(let parts):
        var ends: [Int] = []
        for part in parts.dropLast() {
          let fork = program.count
          try emit(.jump(0))
          try add(part)
          ends.append(program.count)
          try emit(.jump(0))
          program[fork] = .fork(fork + 1, program.count)
        }
        if let last = parts.last { try add(last) }
        for end in ends { program[end] = .jump(program.count) }
      case .repeated(let part, let least, let most):
        for _ in 0..<least { try add(part) }
        if let most {
          var forks: [Int] = []
          for _ in least..<Swift.max(least, most) {
            forks.append(program.count)
            try emit(.jump(0))
            try add(part)
          }
          for fork in forks { program[fork] = .fork(fork + 1, program.count) }
        } else {
          let fork = program.count
          try emit(.jump(0))
          try add(part)
          try emit(.jump(fork))
          program[fork] = .fork(fork + 1, program.count)
        }
      }
    }
  }
}

extension RegularExpression.Assertion {
  func holds(_ last: Unicode.Scalar?, _ next: Unicode.Scalar?) -> Bool {
    switch self {
    case .textStart: last == nil
    case .textEnd: next == nil
    case .lineStart: last == nil || last == "\n"
    case .lineEnd: next == nil || next == "\n"
    case .wordBoundary: isWord(last) != isWord(next)
    case .noWordBoundary: isWord(last) == isWord(next)
    }
  }

  private func isWord(_ scalar: Unicode.Scalar?) -> Bool { scalar.map { ScalarSet.word.contains($0) } ?? false }
}
