import JSONDocument

extension FuzzTarget {
  /// A JSON document; what is read must be written so that it reads the same.
  static let json = FuzzTarget("json") { bytes in
    guard let document = try? JSONDocument(parsing: Array(bytes)) else { return }
    guard let again = try? JSONDocument(parsing: Array(document.text(pretty: true).utf8)), again == document else {
      fatalError("written JSON reads differently")
    }
    _ = (document.int, document.double, document["a"])
  }
}
