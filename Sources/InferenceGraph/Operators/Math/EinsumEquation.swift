import TensorCore

/// An equation of Einstein summation, read for operands of known ranks.
///
/// A label is a letter; an ellipsis stands for labels of its own, aligned at the right among operands.
struct EinsumEquation {
  /// A letter's code, or 256 and more for the axes of an ellipsis, counted from the right.
  typealias Label = Int

  /// By operand, the label of each axis; a label may repeat (a diagonal).
  let operands: [[Label]]
  /// The labels of the result's axes, each once.
  let output: [Label]

  /// - Throws: `GraphError` when the equation is malformed or does not fit the ranks.
  init(_ text: String, ranks: [Int]) throws {
    func malformed(_ why: String) -> GraphError { GraphError(.invalidModel, "equation \"\(text)\": \(why)") }
    let bytes = text.utf8.filter { $0 != UInt8(ascii: " ") }
    var inputs: [[Label?]] = [[]]
    var result: [Label?]?
    var index = 0
    while index < bytes.count {
      let byte = bytes[index]
      var label: Label??
      switch byte {
      case UInt8(ascii: ","):
        guard result == nil else { throw malformed("a comma after the arrow") }
        inputs.append([])
      case UInt8(ascii: "-"):
        guard result == nil, index + 1 < bytes.count, bytes[index + 1] == UInt8(ascii: ">") else {
          throw malformed("an arrow is written once, as ->")
        }
        result = []
        index += 1
      case UInt8(ascii: "."):
        guard index + 2 < bytes.count, bytes[index + 1] == byte, bytes[index + 2] == byte else {
          throw malformed("an ellipsis is three dots")
        }
        label = .some(nil)
        index += 2
      case UInt8(ascii: "a")...UInt8(ascii: "z"), UInt8(ascii: "A")...UInt8(ascii: "Z"):
        label = .some(Int(byte))
      default: throw malformed("unexpected character")
      }
      if let label {
        if result != nil { result?.append(label) } else { inputs[inputs.count - 1].append(label) }
      }
      index += 1
    }
    guard inputs.count == ranks.count else { throw malformed("\(inputs.count) terms for \(ranks.count) operands") }
    for term in inputs + [result ?? []] where term.filter({ $0 == nil }).count > 1 {
      throw malformed("two ellipses in one term")
    }
    var widest = 0
    var expanded: [[Label]] = []
    for (term, rank) in zip(inputs, ranks) {
      let letters = term.count - (term.contains { $0 == nil } ? 1 : 0)
      let extra = rank - letters
      guard extra == 0 || (extra > 0 && letters < term.count) else {
        throw malformed("a term of \(letters) labels for an operand of rank \(rank)")
      }
      widest = Swift.max(widest, extra)
      expanded.append(EinsumEquation.expand(term, extra))
    }
    operands = expanded
    if let result {
      output = EinsumEquation.expand(result, widest)
      for (i, label) in output.enumerated() {
        guard !output[..<i].contains(label), expanded.contains(where: { $0.contains(label) }) else {
          throw malformed("an output label repeats or names no axis")
        }
      }
    } else {
      let all = expanded.flatMap { $0 }
      let single = Set(all.filter { label in label < 256 && all.count { $0 == label } == 1 }).sorted()
      output = (0..<widest).reversed().map { 256 + $0 } + single
    }
  }

  private static func expand(_ term: [Label?], _ extra: Int) -> [Label] {
    term.flatMap { label in label.map { [$0] } ?? (0..<extra).reversed().map { 256 + $0 } }
  }
}
