public import ServingCore

extension ModelSignature {
  /// Why clients of this model could not go on with `next`: an input or output that is gone or of another type, an input
  /// whose extents are narrower, an input that is new and required, another order of inputs or columns. nil when they can: outputs and optional inputs may be
  /// added, extents may become free.
  public func reasonAgainst(_ next: ModelSignature) -> String? {
    for input in inputs {
      guard let other = next.inputs.first(where: { $0.name == input.name }) else {
        return "input \"\(input.name)\" is gone"
      }
      if other.type != input.type { return "input \"\(input.name)\" is \(other.type), was \(input.type)" }
      if let dims = other.dims, !SignatureExtents.take(dims, input.dims) {
        return "input \"\(input.name)\" takes \(SignatureExtents.text(other)), took \(SignatureExtents.text(input))"
      }
      if other.isRequired && !input.isRequired { return "input \"\(input.name)\" is required, was optional" }
    }
    for output in outputs {
      guard let other = next.outputs.first(where: { $0.name == output.name }) else {
        return "output \"\(output.name)\" is gone"
      }
      if other.type != output.type { return "output \"\(output.name)\" is \(other.type), was \(output.type)" }
    }
    // Rows give their columns to the inputs in order, and some answers carry the first output alone.
    if inputs.map(\.name) != next.inputs.map(\.name).filter({ name in inputs.contains { $0.name == name } }) {
      return "the inputs are in another order"
    }
    if outputs.first?.name != next.outputs.first?.name { return "the first output is another one" }
    if let columns, columns != next.columns { return "the columns are others" }
    for input in next.inputs where input.isRequired && !inputs.contains(where: { $0.name == input.name }) {
      return "input \"\(input.name)\" is new and required"
    }
    return nil
  }
}

private enum SignatureExtents {
  /// Whether an input of extents `next` takes all that one of extents `old` took.
  static func take(_ next: [Int?], _ old: [Int?]?) -> Bool {
    guard let old, old.count == next.count else { return false }
    return zip(next, old).allSatisfy { new, old in new == nil || new == old }
  }

  static func text(_ port: ModelSignature.Port) -> String {
    guard let dims = port.dims else { return "any shape" }
    let words = dims.enumerated().map { axis, extent in extent.map { "\($0)" } ?? port.dimNames[axis] ?? "?" }
    return "[\(words.joined(separator: ", "))]"
  }
}
