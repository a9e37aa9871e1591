import InferenceGraph

extension OperatorTable {
  static let tokenizer = contrib("Tokenizer") { n in
    let separators = try n.strings("separators") ?? []
    let expression = try n.string("tokenexp", default: "")
    guard separators.isEmpty != expression.isEmpty else {
      throw GraphError(.invalidModel, "one of the attributes \"separators\" and \"tokenexp\" must be given")
    }
    let rule: Tokenizer.Rule
    if separators == [""] || expression == "." {
      rule = .characters
    } else if expression.isEmpty {
      rule = .separators(try separators.map { try RegularExpression($0) })
    } else {
      rule = .matches(try RegularExpression(expression))
    }
    let op = try Tokenizer(
      rule: rule, padding: n.string("pad_value", default: n.string("padvalue", default: "")),
      isMarked: n.int("mark", default: 0) != 0, leastLength: n.int("mincharnum", default: 1),
      stopWords: n.strings("stopwords") ?? [])
    return try n.add(op, [n.required(0)])
  }
}
