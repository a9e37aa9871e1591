/// Which of a model's outputs an answer carries.
public struct OutputSelection: Sendable {
  private let names: [String]
  /// The outputs that are wanted when a request does not say.
  private let standing: [Int]

  /// - Parameters:
  ///   - signature: the model's outputs.
  ///   - wanted: names from the settings; empty means all outputs.
  /// - Throws: `badRequest` for a name that is not an output.
  public init(_ signature: ModelSignature, wanted: [String] = []) throws(ServingError) {
    names = signature.outputs.map(\.name)
    guard !names.isEmpty else { throw ServingError(.modelFailure, "The model has no outputs.") }
    standing = wanted.isEmpty ? Array(names.indices) : try OutputSelection.positions(wanted, in: names)
  }

  /// The positions for a request: those of `outputs=a,b` in the custom attributes, else the standing ones.
  ///
  /// - Throws: `badRequest` for a name that is not an output; the outputs that exist are named.
  public func positions(customAttributes: String?) throws(ServingError) -> [Int] {
    guard let customAttributes, let wanted = OutputSelection.requested(customAttributes) else { return standing }
    return try OutputSelection.positions(wanted, in: names)
  }

  /// The names behind `outputs=`: separated by commas, up to a semicolon or the next `key=value`. Nil when the attributes
  /// do not have the key.
  static func requested(_ attributes: String) -> [String]? {
    var isInList = false
    var wanted: [String] = []
    let comma = UInt8(ascii: ",")
    for group in HeaderText.split(attributes[...], at: UInt8(ascii: ";")) {
      for element in HeaderText.split(group, at: comma) {
        var item = HeaderText.trimmed(element)
        if let equals = item.utf8.firstIndex(of: UInt8(ascii: "=")) {
          if isInList { return wanted }
          guard HeaderText.lowercased(HeaderText.trimmed(item[..<equals])) == "outputs" else { continue }
          isInList = true
          item = HeaderText.trimmed(item[item.utf8.index(after: equals)...])
        } else if !isInList {
          continue
        }
        wanted += HeaderText.split(HeaderText.unquoted(item), at: comma)
          .map { String(HeaderText.trimmed($0)) }.filter { !$0.isEmpty }
      }
      if isInList { return wanted }
    }
    return nil
  }

  private static func positions(_ wanted: [String], in names: [String]) throws(ServingError) -> [Int] {
    guard !wanted.isEmpty else {
      throw ServingError(
        .badRequest, "No output is named; the model has \(names.joined(separator: ", ")).", field: "outputs",
        expected: names.joined(separator: ", "), got: "none")
    }
    var positions: [Int] = []
    for name in wanted {
      guard let position = names.firstIndex(of: name) else {
        throw ServingError(
          .badRequest, "The model has no output \"\(name.prefix(80))\"; it has \(names.joined(separator: ", ")).",
          field: "outputs", expected: names.joined(separator: ", "), got: String(name.prefix(80)))
      }
      if positions.contains(position) {
        throw ServingError(.badRequest, "Output \"\(name.prefix(80))\" is asked for twice.", field: "outputs")
      }
      positions.append(position)
    }
    return positions
  }
}
