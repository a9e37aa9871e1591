extension CodecTable {
  /// How an answer is to be written: the codec, and the name under which its type was asked for.
  public struct Choice: Sendable {
    public var codec: any Codec
    public var mediaType: String
  }

  /// The codec for an `Accept` header (RFC 9110, section 12.5.1).
  ///
  /// The highest weight wins; among equals the type that the header names first; under a wildcard `preferred`, then the
  /// table's order. A missing or empty header means `*/*`. Parameters other than `q` are ignored, and so are elements that
  /// are no media range.
  ///
  /// - Throws: `notAcceptable`, naming the types that can be had.
  public func encoder(accept: String?, preferred: Choice) throws(ServingError) -> Choice {
    guard let accept, !accept.isEmpty, accept != "*/*" else { return preferred }
    for codec in codecs where codec.canEncode && codec.mediaTypes[0] == accept {
      return Choice(codec: codec, mediaType: codec.mediaTypes[0])
    }
    let ranges = HeaderText.split(accept[...], at: UInt8(ascii: ",")).compactMap { element in
      MediaType(element).map { ($0, CodecTable.weight($0)) }
    }
    if ranges.isEmpty, HeaderText.trimmed(accept[...]).isEmpty { return preferred }
    var best: (choice: Choice, weight: Int, order: Int)?
    let candidates =
      [preferred]
      + codecs.filter(\.canEncode).flatMap { codec in
        codec.mediaTypes.map { Choice(codec: codec, mediaType: $0) }
      }
    for candidate in candidates {
      var match: (weight: Int, order: Int, specificity: Int)?
      for (order, (range, weight)) in ranges.enumerated() where range.covers(candidate.mediaType) {
        if range.specificity > match?.specificity ?? -1 { match = (weight, order, range.specificity) }
      }
      guard let match, match.weight > 0 else { continue }
      if let current = best,
        match.weight < current.weight || (match.weight == current.weight && match.order >= current.order)
      {
        continue
      }
      best = (candidate, match.weight, match.order)
    }
    guard let best else {
      throw ServingError(
        .notAcceptable,
        "No answer can be written as \"\(accept.prefix(80))\". Accept one of: \(producible.joined(separator: ", ")).",
        field: "Accept", expected: codecs.filter(\.canEncode).flatMap(\.mediaTypes).joined(separator: ", "),
        got: String(accept.prefix(80)))
    }
    return best.choice
  }

  /// The codec that writes `mediaType`, for a setting.
  ///
  /// - Throws: `notAcceptable`, naming the types that can be had.
  public func choice(named mediaType: String) throws(ServingError) -> Choice {
    guard let type = MediaType(mediaType[...]),
      let codec = codecs.first(where: { $0.canEncode && $0.mediaTypes.contains(type.name) })
    else {
      throw ServingError(
        .notAcceptable, "\"\(mediaType)\" is not a type that answers can have: \(producible.joined(separator: ", ")).",
        expected: producible.joined(separator: ", "), got: mediaType)
    }
    return Choice(codec: codec, mediaType: type.name)
  }

  /// The weight of a range in thousandths: 1000 without `q` or with one that is no number.
  private static func weight(_ range: MediaType) -> Int {
    guard let text = range.parameter("q"), let value = Double(text.hasPrefix(".") ? "0" + text : text), value.isFinite
    else {
      return 1000
    }
    return Int((max(0, min(1, value)) * 1000).rounded())
  }
}
