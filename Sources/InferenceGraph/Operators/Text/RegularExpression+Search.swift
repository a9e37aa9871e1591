extension RegularExpression {
  /// How a match is chosen among those that begin at one place.
  enum Preference: Sendable {
    /// The longest.
    case longest
    /// What the pattern prefers: earlier alternatives, more repetitions (as Perl does).
    case first
  }

  /// What a search found.
  enum Found: Sendable {
    case match(Range<Int>)
    case nothing
    /// The steps that were left are used up.
    case exhausted
  }

  /// The leftmost match in `scalars` that begins at `start` or later. What stands before `start` counts for assertions.
  func search(
    _ scalars: [Unicode.Scalar], from start: Int, _ preference: Preference, work: inout Int
  ) -> Found {
    work -= program.count
    var now = States(program.count)
    var next = States(program.count)
    for first in start...Swift.max(start, scalars.count) where first <= scalars.count {
      now.removeAll()
      follow(0, &now, first > 0 ? scalars[first - 1] : nil, first < scalars.count ? scalars[first] : nil, &work)
      var end: Int?
      var at = first
      while !now.list.isEmpty {
        let scalar = at < scalars.count ? scalars[at] : nil
        next.removeAll()
        states: for state in now.list {
          work -= 1
          switch program[state] {
          case .accept:
            end = at
            // The states behind this one are those that the pattern prefers less.
            if preference == .first { break states }
          case .take(let set):
            if let scalar, set.contains(scalar) {
              follow(state + 1, &next, scalar, at + 1 < scalars.count ? scalars[at + 1] : nil, &work)
            }
          default: break
          }
        }
        if work < 0 { return .exhausted }
        swap(&now, &next)
        at += 1
      }
      if let end { return .match(first..<end) }
    }
    return .nothing
  }
}
