/// Which proxy a request goes through, as curl and Python's tools read it from the environment: `HTTPS_PROXY`, `HTTP_PROXY`,
/// `ALL_PROXY` and `NO_PROXY`, and the same in lower case, which wins. A proxy is asked for a tunnel
/// (`CONNECT`), for http, too.
package struct ProxySettings: Sendable, Hashable {
  package var secure: EndpointURL?
  package var plain: EndpointURL?
  /// Hosts without a proxy, as `NO_PROXY` lists them; `*` for all.
  package var exceptions: [String] = []

  package init(environment: [String: String]) {
    func url(_ names: String...) -> EndpointURL? {
      for name in names {
        guard let text = environment.value(name.lowercased()) ?? environment.value(name) else { continue }
        return EndpointURL(text.contains("://") ? text : "http://\(text)")
      }
      return nil
    }
    secure = url("HTTPS_PROXY", "ALL_PROXY")
    // A CGI program gets a client's header "Proxy" as HTTP_PROXY: that is not for it.
    plain = environment.value("REQUEST_METHOD") == nil ? url("HTTP_PROXY", "ALL_PROXY") : nil
    let list = environment.value("no_proxy") ?? environment.value("NO_PROXY") ?? ""
    exceptions = list.split { $0 == "," || $0 == " " }.map { $0.lowercased() }
  }

  /// The proxy for `url`; nil for none.
  package func proxy(for url: EndpointURL) -> EndpointURL? {
    guard let proxy = url.isSecure ? secure : plain, !exceptions.contains(where: { matches($0, url) }) else {
      return nil
    }
    return proxy
  }

  /// A name covers itself and what is below it, with or without a dot before it; `host:port` that port alone; an address
  /// with `/bits` the IPv4 addresses that begin so.
  private func matches(_ exception: String, _ url: EndpointURL) -> Bool {
    if exception == "*" { return true }
    var name = Substring(exception)
    if name.filter({ $0 == ":" }).count == 1, let mark = name.lastIndex(of: ":"),
      let port = Int(name[name.index(after: mark)...])
    {
      guard port == url.port ?? (url.isSecure ? 443 : 80) else { return false }
      name = name[..<mark]
    }
    if let mark = name.firstIndex(of: "/"), let bits = UInt32(name[name.index(after: mark)...]), bits <= 32,
      let network = ProxySettings.address(name[..<mark]), let host = ProxySettings.address(Substring(url.host))
    {
      return bits == 0 || network >> (32 - bits) == host >> (32 - bits)
    }
    if name.hasPrefix("[") { name = name.dropFirst().prefix { $0 != "]" } }
    while let first = name.first, first == "." || first == "*" { name = name.dropFirst() }
    return !name.isEmpty && (url.host == name || url.host.hasSuffix(".\(name)"))
  }

  private static func address(_ text: Substring) -> UInt32? {
    let parts = text.split(separator: ".", omittingEmptySubsequences: false).map { UInt8($0) }
    guard parts.count == 4 else { return nil }
    var out: UInt32 = 0
    for part in parts {
      guard let part else { return nil }
      out = out << 8 | UInt32(part)
    }
    return out
  }
}
