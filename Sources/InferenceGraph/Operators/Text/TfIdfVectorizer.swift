public import TensorCore

/// How often the n-grams of a pool occur in rows of words or numbers, their items at equal distances. ONNX
/// `TfIdfVectorizer`.
public struct TfIdfVectorizer: Operator {
  /// What becomes of a count.
  public enum Weighting: String, Sendable {
    case tf = "TF", idf = "IDF", tfidf = "TFIDF"
  }

  /// The items that the pool's n-grams are made of.
  public enum Pool: Sendable {
    case strings([String])
    case integers([Int])

    var count: Int {
      switch self {
      case .strings(let items): items.count
      case .integers(let items): items.count
      }
    }
  }

  private let lengths: ClosedRange<Int>
  private let maxSkip: Int
  private let weighting: Weighting
  private let weights: [Float]
  private let columnCount: Int
  private let holdsStrings: Bool
  private var words: [UTF8Text: Int] = [:]
  private var numbers: [Int: Int] = [:]
  /// The pool as a tree: the node after a node (0: the root) and an item; the column of the n-gram that ends at a node.
  private var next: [Step: Int] = [:]
  private var columns: [Int?] = [nil]

  private struct Step: Hashable {
    var node: Int
    var item: Int
  }

  /// - Parameters:
  ///   - starts: where the pool's 1-grams, 2-grams and so on begin.
  ///   - columns: the output column of each n-gram.
  ///   - weights: a weight by column; empty: 1.
  /// - Throws: `GraphError` when the lists contradict each other.
  public init(
    pool: Pool, starts: [Int], columns indexes: [Int], weights: [Float], lengths: ClosedRange<Int>, maxSkip: Int,
    weighting: Weighting
  ) throws {
    guard lengths.lowerBound >= 1, maxSkip >= 0, starts.count >= lengths.upperBound, starts.first == 0,
      zip(starts, starts.dropFirst()).allSatisfy({ $0 <= $1 }), starts.last! <= pool.count
    else {
      throw GraphError(.invalidModel, "ngram_counts \(starts) do not fit lengths \(lengths) and \(pool.count) items")
    }
    guard let widest = indexes.max(), indexes.allSatisfy({ $0 >= 0 }), widest < 1 << 31 else {
      throw GraphError(.invalidModel, "ngram_indexes must name columns")
    }
    guard weights.isEmpty || weights.count > widest else {
      throw GraphError(.invalidModel, "\(weights.count) weights for \(widest + 1) columns")
    }
    self.lengths = lengths
    self.maxSkip = maxSkip
    self.weighting = weighting
    self.weights = weights
    columnCount = widest + 1
    let items: [Int]
    switch pool {
    case .strings(let texts):
      holdsStrings = true
      var known: [UTF8Text: Int] = [:]
      items = texts.map { text in
        let id = known[UTF8Text(text)] ?? known.count
        known[UTF8Text(text)] = id
        return id
      }
      words = known
    case .integers(let values):
      holdsStrings = false
      var known: [Int: Int] = [:]
      items = values.map { value in
        let id = known[value] ?? known.count
        known[value] = id
        return id
      }
      numbers = known
    }
    var gram = 0
    for (i, start) in starts.enumerated() {
      let end = i + 1 < starts.count ? starts[i + 1] : items.count
      guard (end - start) % (i + 1) == 0 else {
        throw GraphError(.invalidModel, "items \(start)..<\(end) of the pool are no \(i + 1)-grams")
      }
      for from in stride(from: start, to: end, by: i + 1) {
        guard gram < indexes.count else { throw GraphError(.invalidModel, "there are more n-grams than ngram_indexes") }
        add(items[from..<(from + i + 1)], column: indexes[gram])
        gram += 1
      }
    }
  }

  private mutating func add(_ gram: ArraySlice<Int>, column: Int) {
    var node = 0
    for item in gram {
      let step = Step(node: node, item: item)
      if let found = next[step] {
        node = found
      } else {
        node = columns.count
        next[step] = node
        columns.append(nil)
      }
    }
    columns[node] = column
  }

  public func addHeld(to memory: inout HeldMemory) {
    memory.add(words)
    memory.add(contentsOf: words.keys.lazy.map(\.text))
    memory.add(numbers)
    memory.add(next)
    memory.add(privateBytes: columns.count * MemoryLayout<Int?>.stride + weights.count * 4)
  }

  public var name: String { "TfIdfVectorizer" }
  public var attributes: [(name: String, value: String)] {
    [("mode", weighting.rawValue), ("lengths", "\(lengths)"), ("max_skip_count", "\(maxSkip)")]
  }

  public func outputFacts(_ inputs: [Fact?]) throws -> [Fact] {
    let data = try inputs.required(0, "X")
    if let dtype = data.dtype, (dtype == .string) != holdsStrings {
      throw GraphError(.invalidModel, "the pool holds \(holdsStrings ? "strings" : "integers"), the input is \(data)")
    }
    guard let shape = data.shape else { return [Fact(.float32, nil)] }
    guard shape.count <= 2 else { throw GraphError(.invalidModel, "the input must be a list or a matrix: \(data)") }
    return [Fact(.float32, Array(shape.dropLast()) + [Dim(columnCount)])]
  }

  public func evaluate(_ inputs: inout [Value?], _ context: EvaluationContext) throws -> [Value] {
    let data = try Operand.tensor(inputs, 0, "X")
    let items: [Int]
    if holdsStrings {
      items = try StringInput.tensor(inputs, 0, "X").strings.map { words[UTF8Text($0)] ?? -1 }
    } else {
      guard let values = data.integers else {
        throw GraphError(.invalidInput, "the input must hold integers, \(data.dtype) came")
      }
      items = values.map { numbers[$0] ?? -1 }
    }
    guard data.shape.rank <= 2 else {
      throw GraphError(.invalidInput, "the input must be a list or a matrix, shape \(data.shape) came")
    }
    let length = data.shape.dims.last ?? 1
    let rows = data.shape.rank == 2 ? data.shape[0] : 1
    let out = try context.allocate(.float32, data.shape.rank == 2 ? [rows, columnCount] : [columnCount])
    let counts = out.unsafeMutableElements(of: Float.self)
    counts.update(repeating: 0)
    for row in 0..<rows {
      count(
        items[(row * length)..<((row + 1) * length)],
        UnsafeMutableBufferPointer(rebasing: counts[(row * columnCount)...]))
    }
    if weighting != .tf {
      for i in counts.indices {
        let weight = weights.isEmpty ? 1 : weights[i % columnCount]
        counts[i] = weighting == .tfidf ? counts[i] * weight : counts[i] > 0 ? weight : 0
      }
    }
    return [.tensor(out)]
  }

  private func count(_ row: ArraySlice<Int>, _ counts: UnsafeMutableBufferPointer<Float>) {
    // Items further apart than the row is long make no n-gram of two.
    for distance in 1...(Swift.min(maxSkip, row.count) + 1) {
      for start in row.indices {
        var node = 0
        var at = start
        for length in 1...lengths.upperBound where at < row.endIndex {
          guard let found = next[Step(node: node, item: row[at])] else { break }
          node = found
          at += distance
          if lengths.contains(length), length > 1 || distance == 1, let column = columns[node] { counts[column] += 1 }
        }
      }
    }
  }
}

/// A text that equals another when their bytes do (`String` also equates canonically equivalent texts).
struct UTF8Text: Hashable {
  let text: String

  init(_ text: String) { self.text = text }

  static func == (a: UTF8Text, b: UTF8Text) -> Bool { a.text.utf8.elementsEqual(b.text.utf8) }

  func hash(into hasher: inout Hasher) {
    var text = text
    text.withUTF8 { hasher.combine(bytes: UnsafeRawBufferPointer($0)) }
  }
}
