extension XMLReader {
  /// Reads to the root element and returns its name.
  public mutating func root() throws(XMLError) -> String {
    guard case .start(let name) = try next() else { throw XMLError(offset: 0, reason: "there is no element") }
    return name
  }

  /// Calls `body` for every child of the element that was just begun, up to its end. What `body` leaves of a child is
  /// passed over.
  public mutating func children(
    _ body: (inout XMLReader, String) throws(XMLError) -> Void
  ) throws(XMLError) {
    let inside = depth
    while let event = try next() {
      switch event {
      case .start(let name):
        try body(&self, name)
        try finish(to: inside)
      case .end where depth < inside: return
      case .end, .text: break
      }
    }
  }

  /// The text of the element that was just begun, without that of elements inside it; the element is then over.
  public mutating func content() throws(XMLError) -> String {
    let inside = depth
    var out = ""
    while depth >= inside, let event = try next() {
      if case .text(let text) = event, depth == inside { out += text }
    }
    return out
  }

  /// Reads to the end of the text, which throws where it is not well formed.
  public mutating func finish() throws(XMLError) {
    while try next() != nil {}
  }

  private mutating func finish(to depth: Int) throws(XMLError) {
    while self.depth > depth { _ = try next() }
  }
}
