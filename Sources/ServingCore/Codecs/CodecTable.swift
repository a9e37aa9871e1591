/// The media types that a service understands: a literal list, replaceable in tests.
public struct CodecTable: Sendable {
  /// The codecs, in the order in which they are listed to people and preferred under wildcards.
  public let codecs: [any Codec]

  public init(_ codecs: [any Codec]) { self.codecs = codecs }

  /// Every codec of this module.
  public static let standard = CodecTable([
    JSONCodec(),
    CSVCodec(),
    JSONLinesCodec(),
    NpyCodec(),
    NpzCodec(),
  ])

  /// The canonical request types.
  public var accepted: [String] { codecs.filter(\.canDecode).map(\.mediaType) }

  /// The canonical answer types.
  public var producible: [String] { codecs.filter(\.canEncode).map(\.mediaType) }

  /// A line of documentation a media type.
  public struct Entry: Sendable {
    public var mediaTypes: [String]
    public var summary: String
    public var isRequest: Bool
    public var isAnswer: Bool
    /// A body of one row for the model, nil where the format cannot carry its inputs or they are binary.
    public var sample: String?
  }

  /// What the table holds, with samples made from `layout`: for the README, the 415 body and OpenAPI.
  public func documentation(for layout: InputLayout) -> [Entry] {
    codecs.map { codec in
      Entry(
        mediaTypes: codec.mediaTypes, summary: codec.summary, isRequest: codec.canDecode, isAnswer: codec.canEncode,
        sample: codec.sample(for: layout).flatMap { String(validating: $0, as: UTF8.self) })
    }
  }

  /// The codec of a request.
  ///
  /// - Throws: `unsupportedMediaType` when the type is missing, unknown, or has a charset other than UTF-8. The message
  ///   lists the types and shows a body that the model accepts.
  public func decoder(contentType: String?, layout: InputLayout) throws(ServingError) -> any Codec {
    guard let contentType, !contentType.isEmpty else {
      throw unsupported("The request has no Content-Type.", got: "no Content-Type", layout)
    }
    for codec in codecs where codec.canDecode && codec.mediaTypes[0] == contentType { return codec }
    guard let type = MediaType(contentType[...]),
      let codec = codecs.first(where: { $0.canDecode && $0.mediaTypes.contains(type.name) })
    else {
      throw unsupported(
        "Content-Type \"\(contentType.prefix(80))\" is not supported.", got: String(contentType.prefix(80)), layout)
    }
    if let charset = type.parameter("charset")?.lowercased(), charset != "utf-8", charset != "utf8" {
      throw unsupported(
        "Charset \"\(charset.prefix(40))\" is not supported; send UTF-8.", got: String(contentType.prefix(80)), layout)
    }
    return codec
  }

  private func unsupported(_ problem: String, got: String, _ layout: InputLayout) -> ServingError {
    var message = problem + " Send one of: " + accepted.joined(separator: ", ") + "."
    for codec in codecs where codec.canDecode {
      guard let body = codec.sample(for: layout), let text = String(validating: body, as: UTF8.self) else { continue }
      let line = text.filter { $0 != "\n" }
      let shown = line.utf8.count > 400 ? line.prefix(160) + " … (shortened) … " + line.suffix(40) : line[...]
      message += " A body that this model takes as \(codec.mediaType): \(shown)"
      break
    }
    return ServingError(
      .unsupportedMediaType, message, field: "Content-Type",
      expected: codecs.filter(\.canDecode).flatMap(\.mediaTypes).joined(separator: ", "), got: got)
  }
}
