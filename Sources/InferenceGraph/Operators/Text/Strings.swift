public import TensorCore

/// Strings joined pairwise, with broadcasting. ONNX `StringConcat`.
public struct StringConcat: Operator {
  public init() {}

  public var name: String { "StringConcat" }

  public func outputFacts(_ inputs: [Fact?]) throws -> [Fact] {
    let a = try StringInput.fact(inputs, 0, "X")
    let b = try StringInput.fact(inputs, 1, "Y")
    guard let x = a.shape, let y = b.shape else { return [Fact(.string, nil)] }
    let rank = Swift.max(x.count, y.count)
    let shape = try (0..<rank).map { axis in
      let p: Dim = axis < rank - x.count ? 1 : x[axis - (rank - x.count)]
      let q: Dim = axis < rank - y.count ? 1 : y[axis - (rank - y.count)]
      guard let extent = p.broadcast(with: q) else {
        throw GraphError(.invalidModel, "\(a) and \(b) cannot be broadcast")
      }
      return extent
    }
    return [Fact(.string, shape)]
  }

  public func evaluate(_ inputs: inout [Value?], _ context: EvaluationContext) throws -> [Value] {
    let a = try StringInput.tensor(inputs, 0, "X")
    let b = try StringInput.tensor(inputs, 1, "Y")
    guard let shape = a.shape.broadcast(with: b.shape), shape.checkedElementCount != nil else {
      throw GraphError(.invalidInput, "shapes \(a.shape) and \(b.shape) cannot be broadcast")
    }
    let target = Tensor(shape.dims.map { Int64($0) })
    func spread(_ tensor: Tensor) throws -> ArraySlice<String> {
      var pair: [Value?] = [.tensor(tensor), .tensor(target)]
      return try Expand().evaluate(&pair, context)[0].tensor?.strings ?? []
    }
    return [.tensor(try Tensor(strings: zip(spread(a), spread(b)).map { $0 + $1 }, shape: shape))]
  }
}

/// Strings cut at a delimiter (at runs of white space where there is none), the pieces along a new last axis filled up
/// with empty strings, and the number of pieces of each. ONNX `StringSplit`.
public struct StringSplit: Operator {
  /// nil or empty: white space.
  public let delimiter: String?
  /// Cuts at most.
  public let limit: Int?

  public init(delimiter: String?, limit: Int?) {
    self.delimiter = delimiter
    self.limit = limit
  }

  public var name: String { "StringSplit" }

  public func outputFacts(_ inputs: [Fact?]) throws -> [Fact] {
    let shape = try StringInput.fact(inputs, 0, "X").shape
    return [Fact(.string, shape.map { $0 + [.unknown] }), Fact(.int64, shape)]
  }

  public func evaluate(_ inputs: inout [Value?], _ context: EvaluationContext) throws -> [Value] {
    let data = try StringInput.tensor(inputs, 0, "X")
    let pieces = data.strings.map(pieces)
    let width = pieces.lazy.map(\.count).max() ?? 0
    var all: [String] = []
    let (count, overflow) = pieces.count.multipliedReportingOverflow(by: width)
    guard !overflow, count <= context.maxTensorBytes / MemoryLayout<String>.stride else {
      throw GraphError(.limit, "\(pieces.count) strings of up to \(width) pieces")
    }
    all.reserveCapacity(count)
    for list in pieces {
      all += list
      all += [String](repeating: "", count: width - list.count)
    }
    return [
      .tensor(try Tensor(strings: all, shape: Shape(data.shape.dims + [width]))),
      .tensor(try Tensor(pieces.map { Int64($0.count) }, shape: data.shape)),
    ]
  }

  private func pieces(_ text: String) -> [String] {
    let bytes = Array(text.utf8)
    let limit = limit ?? .max
    guard let delimiter, !delimiter.isEmpty else { return words(text, limit) }
    let mark = Array(delimiter.utf8)
    var out: [String] = []
    var start = 0
    var at = 0
    while at + mark.count <= bytes.count, out.count < limit {
      if bytes[at..<(at + mark.count)].elementsEqual(mark) {
        out.append(String(decoding: bytes[start..<at], as: UTF8.self))
        at += mark.count
        start = at
      } else {
        at += 1
      }
    }
    return out + [String(decoding: bytes[start...], as: UTF8.self)]
  }

  /// Runs of what is no white space; the last piece takes the rest where the limit is reached.
  private func words(_ text: String, _ limit: Int) -> [String] {
    let scalars = text.unicodeScalars
    var out: [String] = []
    var at = scalars.startIndex
    while true {
      while at < scalars.endIndex, scalars[at].properties.isWhitespace { at = scalars.index(after: at) }
      if at == scalars.endIndex { return out }
      if out.count == limit { return out + [String(scalars[at...])] }
      let start = at
      while at < scalars.endIndex, !scalars[at].properties.isWhitespace { at = scalars.index(after: at) }
      out.append(String(scalars[start..<at]))
    }
  }
}

/// Strings without stop words, in upper or lower case. ONNX `StringNormalizer`.
public struct StringNormalizer: Operator {
  /// What becomes of letters.
  public enum CaseChange: String, Sendable {
    case none = "NONE", lower = "LOWER", upper = "UPPER"

    func apply(_ text: String) -> String {
      switch self {
      case .none: text
      case .lower: text.lowercased()
      case .upper: text.uppercased()
      }
    }
  }

  public let change: CaseChange
  public let isCaseSensitive: Bool
  private let stopWords: Set<UTF8Text>

  public init(change: CaseChange, isCaseSensitive: Bool, stopWords: [String]) {
    self.change = change
    self.isCaseSensitive = isCaseSensitive
    self.stopWords = Set(stopWords.map { UTF8Text(isCaseSensitive ? $0 : $0.lowercased()) })
  }

  public var name: String { "StringNormalizer" }

  public func outputFacts(_ inputs: [Fact?]) throws -> [Fact] {
    let data = try StringInput.fact(inputs, 0, "X")
    guard let shape = data.shape else { return [Fact(.string, nil)] }
    guard shape.count == 1 || shape.count == 2 && !shape[0].isProvablyDifferent(from: 1) else {
      throw GraphError(.invalidModel, "the input must have shape [n] or [1, n]: \(data)")
    }
    if stopWords.isEmpty, let count = shape.last?.value, count > 0 { return [Fact(.string, shape)] }
    return [Fact(.string, shape.count == 1 ? [.unknown] : [1, .unknown])]
  }

  public func evaluate(_ inputs: inout [Value?], _ context: EvaluationContext) throws -> [Value] {
    let data = try StringInput.tensor(inputs, 0, "X")
    guard data.shape.rank == 1 || data.shape.rank == 2 && data.shape[0] == 1 else {
      throw GraphError(.invalidInput, "the input must have shape [n] or [1, n], \(data.shape) came")
    }
    var out = data.strings.filter { !stopWords.contains(UTF8Text(isCaseSensitive ? $0 : $0.lowercased())) }.map(
      change.apply)
    if out.isEmpty { out = [""] }
    return [.tensor(try Tensor(strings: out, shape: data.shape.rank == 1 ? [out.count] : [1, out.count]))]
  }
}

/// Whether strings match a pattern from their beginning to their end. ONNX `RegexFullMatch`.
public struct RegexFullMatch: Operator {
  public let pattern: RegularExpression

  public init(pattern: RegularExpression) { self.pattern = pattern }

  public var name: String { "RegexFullMatch" }

  public func outputFacts(_ inputs: [Fact?]) throws -> [Fact] {
    [Fact(.bool, try StringInput.fact(inputs, 0, "X").shape)]
  }

  public func evaluate(_ inputs: inout [Value?], _ context: EvaluationContext) throws -> [Value] {
    let data = try StringInput.tensor(inputs, 0, "X")
    var work = RegularExpression.maxWork
    let out = try data.strings.map { text in
      guard let isMatch = pattern.matches(whole: text, work: &work) else {
        throw GraphError(.limit, "matching takes more than \(RegularExpression.maxWork) steps")
      }
      return isMatch
    }
    return [.tensor(try Tensor(out, shape: data.shape))]
  }
}

/// Inputs that must hold strings.
enum StringInput {
  static func fact(_ inputs: [Fact?], _ index: Int, _ label: String) throws -> Fact {
    let fact = try inputs.required(index, label)
    guard fact.dtype == nil || fact.dtype == .string else {
      throw GraphError(.invalidModel, "input \(index) (\(label)) must hold strings: \(fact)")
    }
    return fact
  }

  static func tensor(_ inputs: [Value?], _ index: Int, _ label: String) throws -> Tensor {
    let tensor = try Operand.tensor(inputs, index, label)
    guard tensor.dtype == .string else {
      throw GraphError(.invalidInput, "input \(index) (\(label)) must hold strings, \(tensor.dtype) came")
    }
    return tensor
  }
}
