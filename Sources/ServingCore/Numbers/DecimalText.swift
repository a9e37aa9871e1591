/// The number readers and writers, on text by itself: what tests compare with the C library.
package enum DecimalText {
  /// The float that `text` (a JSON number) is read as; nil when it is no number.
  package static func float(_ text: String) -> Float? { scan(text) { $0.float($1) } }

  /// The double that `text` (a JSON number) is read as; nil when it is no number.
  package static func double(_ text: String) -> Double? { scan(text) { $0.double($1) } }

  /// The text that `value` is written as.
  package static func text(_ value: Float) -> String {
    var sink = ByteSink()
    FloatText.append(value, &sink)
    return String(decoding: sink.finish(), as: UTF8.self)
  }

  /// The text that `value` is written as.
  package static func text(_ value: Double) -> String {
    var sink = ByteSink()
    FloatText.append(value, &sink)
    return String(decoding: sink.finish(), as: UTF8.self)
  }

  private static func scan<T>(_ text: String, _ convert: (DecimalToken, UnsafePointer<UInt8>) -> T) -> T? {
    var text = text
    return text.withUTF8 { bytes in
      guard let base = bytes.baseAddress else { return nil }
      var token = DecimalToken()
      guard token.scan(base, from: 0, to: bytes.count, grammar: .json) == nil, token.end == bytes.count else {
        return nil
      }
      return convert(token, base)
    }
  }
}
