public import TensorCore

/// The tokens of strings, along a new last axis that is as long as the longest list of tokens; shorter ones are padded.
/// `Tokenizer` of ONNX Runtime's domain, which skl2onnx writes.
///
/// Input: strings `[c]` or `[n, c]`. Output: `[c, tokens]` or `[n, c, tokens]`, for empty inputs, too, which ONNX Runtime
/// returns as they are.
public struct Tokenizer: Operator {
  /// What tokens are.
  public enum Rule: Sendable {
    /// Every character.
    case characters
    /// What stands between matches of each of the patterns in turn.
    case separators([RegularExpression])
    /// The matches of a pattern, the longest each.
    case matches(RegularExpression)
  }

  public let rule: Rule
  public let padding: String
  /// Whether U+0002 stands before the tokens of a string, and U+0003 behind them.
  public let isMarked: Bool
  /// Shorter tokens, in characters, are left out.
  public let leastLength: Int
  public let stopWords: Set<String>

  public init(rule: Rule, padding: String, isMarked: Bool, leastLength: Int, stopWords: [String]) throws {
    guard leastLength > 0 else {
      throw GraphError(.invalidModel, "mincharnum is \(leastLength) and must be positive")
    }
    if case .separators(let patterns) = rule, let lazy = patterns.first(where: \.isLazy) {
      throw GraphError(.unsupported, "repetitions that prefer less (\"\(lazy.pattern)\") are not supported")
    }
    self.rule = rule
    self.padding = padding
    self.isMarked = isMarked
    self.leastLength = leastLength
    self.stopWords = Set(stopWords)
  }

  public var name: String { "Tokenizer" }
  public var attributes: [(name: String, value: String)] {
    switch rule {
    case .characters: [("rule", "characters")]
    case .separators(let list): [("separators", list.map(\.pattern).joined(separator: " "))]
    case .matches(let pattern): [("tokens", pattern.pattern)]
    }
  }

  public func outputFacts(_ inputs: [Fact?]) throws -> [Fact] {
    let data = try StringInput.fact(inputs, 0, "X")
    guard let shape = data.shape else { return [Fact(.string, nil)] }
    guard shape.count == 1 || shape.count == 2 else {
      throw GraphError(.invalidModel, "the input must have rank 1 or 2: \(data)")
    }
    return [Fact(.string, shape + [.unknown])]
  }

  public func evaluate(_ inputs: inout [Value?], _ context: EvaluationContext) throws -> [Value] {
    let data = try StringInput.tensor(inputs, 0, "X")
    guard data.shape.rank == 1 || data.shape.rank == 2 else {
      throw GraphError(.invalidInput, "the input must have rank 1 or 2, \(data.shape) came")
    }
    var work = RegularExpression.maxWork
    let lists = try data.strings.map { try tokens(Array($0.unicodeScalars), &work) }
    let most = lists.reduce(0) { Swift.max($0, $1.count) }
    let width = isMarked ? most + 2 : most
    let shape = Shape(data.shape.dims + [width])
    guard let count = shape.checkedElementCount, count <= context.maxTensorBytes / MemoryLayout<String>.stride else {
      throw GraphError(.limit, "an output of shape \(shape) is too large")
    }
    var out: [String] = []
    out.reserveCapacity(count)
    for list in lists {
      let marked = isMarked ? ["\u{2}"] + list + ["\u{3}"] : list
      out += marked
      out += [String](repeating: padding, count: width - marked.count)
    }
    return [.tensor(try Tensor(strings: out, shape: shape))]
  }

  private func tokens(_ scalars: [Unicode.Scalar], _ work: inout Int) throws -> [String] {
    var pieces: [ArraySlice<Unicode.Scalar>]
    switch rule {
    case .characters: pieces = scalars.indices.map { scalars[$0...$0] }
    case .separators(let patterns):
      pieces = [scalars[...]]
      for pattern in patterns {
        pieces = try pieces.flatMap { try split(Array($0), pattern, &work) }
      }
    case .matches(let pattern): pieces = try matches(scalars, pattern, &work)
    }
    let texts = pieces.lazy.filter { $0.count >= leastLength }.map { piece in
      var text = String.UnicodeScalarView()
      text.append(contentsOf: piece)
      return String(text)
    }
    return texts.filter { !stopWords.contains($0) }
  }

  private func split(
    _ text: [Unicode.Scalar], _ pattern: RegularExpression, _ work: inout Int
  ) throws -> [ArraySlice<Unicode.Scalar>] {
    var out: [ArraySlice<Unicode.Scalar>] = []
    var start = 0
    while let match = try find(pattern, text, start, .first, &work) {
      if match.lowerBound - start >= leastLength { out.append(text[start..<match.lowerBound]) }
      start = Swift.max(match.upperBound, start + (match.isEmpty ? 1 : 0))
      if start > text.count { return out }
    }
    if text.count - start >= leastLength { out.append(text[start...]) }
    return out
  }

  private func matches(
    _ text: [Unicode.Scalar], _ pattern: RegularExpression, _ work: inout Int
  ) throws -> [ArraySlice<Unicode.Scalar>] {
    var out: [ArraySlice<Unicode.Scalar>] = []
    var start = 0
    while start <= text.count, let match = try find(pattern, text, start, .longest, &work) {
      if !match.isEmpty { out.append(text[match]) }
      start = match.isEmpty ? match.upperBound + 1 : match.upperBound
    }
    return out
  }

  private func find(
    _ pattern: RegularExpression, _ text: [Unicode.Scalar], _ start: Int,
    _ preference: RegularExpression.Preference, _ work: inout Int
  ) throws -> Range<Int>? {
    switch pattern.search(text, from: start, preference, work: &work) {
    case .match(let range): return range
    case .nothing: return nil
    case .exhausted: throw GraphError(.limit, "matching takes more than \(RegularExpression.maxWork) steps")
    }
  }
}
