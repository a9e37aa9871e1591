import TextEncodings

/// The parts of an `http://` or `https://` URL that names a service: `scheme://host[:port][/path]`.
package struct EndpointURL: Sendable, Hashable, CustomStringConvertible {
  package var isSecure: Bool
  /// In lower case; an IPv6 address without its brackets.
  package var host: String
  /// nil for the scheme's own.
  package var port: Int?
  /// Encoded, without a slash at its end: empty, or `/path`.
  package var path: String
  /// `name:password` of a proxy, decoded.
  package var userInfo: String?

  package init(isSecure: Bool, host: String, port: Int? = nil, path: String = "") {
    self.isSecure = isSecure
    self.host = host
    self.port = port == (isSecure ? 443 : 80) ? nil : port
    self.path = path
  }

  /// - Returns: nil for a text that is no such URL. A query and a fragment are dropped.
  package init?(_ text: some StringProtocol) {
    var rest: Substring
    if text.lowercased().hasPrefix("https://") {
      isSecure = true
      rest = Substring(text.dropFirst(8))
    } else if text.lowercased().hasPrefix("http://") {
      isSecure = false
      rest = Substring(text.dropFirst(7))
    } else {
      return nil
    }
    rest = rest.prefix { $0 != "?" && $0 != "#" }
    var authority = rest.prefix { $0 != "/" }
    path = String(rest.dropFirst(authority.count))
    while path.hasSuffix("/") { path.removeLast() }
    if let mark = authority.lastIndex(of: "@") {
      userInfo = PercentEncoding.decoded(authority[..<mark])
      authority = authority[authority.index(after: mark)...]
    }
    var portText: Substring?
    if authority.hasPrefix("[") {
      guard let end = authority.firstIndex(of: "]") else { return nil }
      host = authority[authority.index(after: authority.startIndex)..<end].lowercased()
      let after = authority[authority.index(after: end)...]
      guard after.isEmpty || after.hasPrefix(":"), EndpointURL.isIPv6(host) else { return nil }
      portText = after.isEmpty ? nil : after.dropFirst()
    } else {
      let parts = authority.split(separator: ":", maxSplits: 1, omittingEmptySubsequences: false)
      host = parts.first.map { $0.lowercased() } ?? ""
      portText = parts.count == 2 ? parts[1] : nil
      guard !host.isEmpty, host.utf8.count <= 253, host.utf8.allSatisfy(EndpointURL.isHostByte) else { return nil }
    }
    guard path.utf8.allSatisfy({ $0 > 0x20 && $0 < 0x7F }) else { return nil }
    if let portText, !portText.isEmpty {
      guard let number = Int(portText), (1...65535).contains(number) else { return nil }
      port = number == (isSecure ? 443 : 80) ? nil : number
    }
  }

  package var scheme: String { isSecure ? "https" : "http" }

  /// The value of the `Host` header.
  package var authority: String {
    let name = host.contains(":") ? "[\(host)]" : host
    return port.map { "\(name):\($0)" } ?? name
  }

  package var description: String { "\(scheme)://\(authority)\(path)" }

  /// Whether the host is an address and not a name.
  package var isAddress: Bool {
    host.contains(":")
      || (host.split(separator: ".").count == 4 && host.utf8.allSatisfy { $0 == 0x2E || (0x30...0x39).contains($0) })
  }

  private static func isIPv6(_ text: String) -> Bool {
    text.contains(":")
      && text.utf8.allSatisfy { (0x30...0x39).contains($0) || (0x61...0x66).contains($0) || $0 == 0x3A || $0 == 0x2E }
  }

  private static func isHostByte(_ c: UInt8) -> Bool {
    (0x30...0x39).contains(c) || (0x61...0x7A).contains(c) || c == 0x2D || c == 0x2E || c == 0x5F
  }
}
