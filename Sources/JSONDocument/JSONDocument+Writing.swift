extension JSONDocument {
  /// The document as text: on one line, or indented by two blanks a level.
  public func text(pretty: Bool = false) -> String {
    var out = ""
    write(into: &out, indent: pretty ? 0 : nil)
    return out
  }

  private func write(into out: inout String, indent: Int?) {
    switch self {
    case .null: out += "null"
    case .bool(let b): out += b ? "true" : "false"
    case .number(let n): out += n
    case .string(let s): JSONDocument.quote(s, into: &out)
    case .array(let items):
      JSONDocument.group("[", "]", items.count, indent, &out) { i, out, inner in
        items[i].write(into: &out, indent: inner)
      }
    case .object(let members):
      JSONDocument.group("{", "}", members.count, indent, &out) { i, out, inner in
        JSONDocument.quote(members[i].name, into: &out)
        out += inner == nil ? ":" : ": "
        members[i].value.write(into: &out, indent: inner)
      }
    }
  }

  private static func group(
    _ open: String, _ close: String, _ count: Int, _ indent: Int?, _ out: inout String,
    _ item: (Int, inout String, Int?) -> Void
  ) {
    out += open
    let inner = indent.map { $0 + 1 }
    for i in 0..<count {
      if i > 0 { out += "," }
      if let inner { out += "\n" + String(repeating: "  ", count: inner) }
      item(i, &out, inner)
    }
    if let indent, count > 0 { out += "\n" + String(repeating: "  ", count: indent) }
    out += close
  }

  /// Appends `text` as a JSON string.
  public static func quote(_ text: String, into out: inout String) {
    out += "\""
    for scalar in text.unicodeScalars {
      switch scalar {
      case "\"": out += "\\\""
      case "\\": out += "\\\\"
      case "\n": out += "\\n"
      case "\r": out += "\\r"
      case "\t": out += "\\t"
      case _ where scalar.value < 0x20:
        let hex = String(scalar.value, radix: 16)
        out += "\\u" + String(repeating: "0", count: 4 - hex.count) + hex
      default: out.unicodeScalars.append(scalar)
      }
    }
    out += "\""
  }
}
