import InferenceGraph
import TensorCore

extension OperatorTable {
  static let stringConcat = ONNXOperator("StringConcat", versions: [20]) { n in
    try n.add(StringConcat(), [n.required(0), n.required(1)])
  }

  static let stringSplit = ONNXOperator("StringSplit", versions: [20]) { n in
    let limit = try n.int("maxsplit")
    let op = StringSplit(delimiter: try n.string("delimiter"), limit: limit.flatMap { $0 < 0 ? nil : $0 })
    return try n.add(op, [n.required(0)])
  }

  static let stringNormalizer = ONNXOperator("StringNormalizer", versions: [10]) { n in
    let name = try n.string("case_change_action", default: "NONE")
    guard let change = StringNormalizer.CaseChange(rawValue: name) else {
      throw GraphError(.invalidModel, "case_change_action \"\(name)\" is none of NONE, LOWER, UPPER")
    }
    let op = StringNormalizer(
      change: change, isCaseSensitive: try n.int("is_case_sensitive", default: 0) != 0,
      stopWords: try n.strings("stopwords") ?? [])
    return try n.add(op, [n.required(0)])
  }

  static let regexFullMatch = ONNXOperator("RegexFullMatch", versions: [20]) { n in
    guard let pattern = try n.string("pattern") else {
      throw GraphError(.invalidModel, "attribute \"pattern\" is required and missing")
    }
    return try n.add(RegexFullMatch(pattern: RegularExpression(pattern)), [n.required(0)])
  }

  static let tfIdfVectorizer = ONNXOperator("TfIdfVectorizer", versions: [9]) { n in
    let mode = try n.string("mode", default: "TF")
    guard let weighting = TfIdfVectorizer.Weighting(rawValue: mode) else {
      throw GraphError(.invalidModel, "mode \"\(mode)\" is none of TF, IDF, TFIDF")
    }
    guard let least = try n.int("min_gram_length"), let most = try n.int("max_gram_length"), least <= most,
      let skip = try n.int("max_skip_count"), let starts = try n.ints("ngram_counts"),
      let columns = try n.ints("ngram_indexes")
    else {
      throw GraphError(
        .invalidModel,
        "min_gram_length, max_gram_length, max_skip_count, ngram_counts and ngram_indexes must be given")
    }
    let pool: TfIdfVectorizer.Pool
    if let texts = try n.strings("pool_strings"), !texts.isEmpty {
      pool = .strings(texts)
    } else {
      pool = .integers(try n.ints("pool_int64s") ?? [])
    }
    let op = try TfIdfVectorizer(
      pool: pool, starts: starts, columns: columns, weights: n.floats("weights") ?? [], lengths: least...most,
      maxSkip: skip, weighting: weighting)
    return try n.add(op, [n.required(0)])
  }
}
