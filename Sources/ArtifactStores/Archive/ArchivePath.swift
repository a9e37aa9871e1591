/// Paths of archive entries and of keys, taken apart as the file system does: by bytes.
enum ArchivePath {
  /// `path` without `.` and empty parts, or nil when it is absolute, has a `..` part, a NUL, or nothing left. The folder
  /// itself is ".".
  static func confined(_ path: String) -> String? {
    // Bytes are compared, not characters: a combining mark after a slash makes another character of it.
    let bytes = path.utf8
    guard bytes.first != UInt8(ascii: "/"), !bytes.contains(0) else { return nil }
    let parts = components(path).filter { $0 != "." }
    guard !parts.contains("..") else { return nil }
    return parts.isEmpty ? (bytes.contains(UInt8(ascii: ".")) ? "." : nil) : parts.joined(separator: "/")
  }

  /// The parts between slashes.
  static func components(_ path: String) -> [String] {
    path.utf8.split(separator: UInt8(ascii: "/")).map { String(decoding: $0, as: UTF8.self) }
  }

  /// Why `key` cannot be the relative path of a file; nil where it can.
  static func fault(ofKey key: String, limits: ArchiveLimits) -> String? {
    let parts = key.utf8.split(separator: UInt8(ascii: "/"), omittingEmptySubsequences: false)
    if key.utf8.contains(0) { return "has a NUL" }
    if key.utf8.first == UInt8(ascii: "/") { return "begins with a slash" }
    if parts.contains(where: \.isEmpty) { return "has an empty part" }
    if parts.contains(where: { $0.elementsEqual("..".utf8) || $0.elementsEqual(".".utf8) }) {
      return "has a . or .. part"
    }
    if parts.contains(where: { $0.count > 255 }) || key.utf8.count > limits.maxPathBytes {
      return "is too long: a part has 255 bytes at most, and all \(limits.maxPathBytes)"
    }
    if parts.count > limits.maxDepth + 1 { return "is more than \(limits.maxDepth) folders deep" }
    return nil
  }

  /// How many links a path may lead through, as in Linux.
  static let maxHops = 40

  /// Where the link at `path` leads when followed through `links`, or nil when that is outside of the folder, passes
  /// too many links, or is a folder that holds the link itself.
  ///
  /// - Parameter links: the symbolic links of the folder: path to target.
  static func resolve(_ path: String, _ links: [String: String]) -> [String]? {
    guard let target = links[path], isRelative(target) else { return nil }
    let own = components(path)
    var place = Array(own.dropLast())
    var rest = Array(components(target).reversed())
    var hops = 1
    while let part = rest.popLast() {
      switch part {
      case ".": continue
      case "..":
        guard !place.isEmpty else { return nil }
        place.removeLast()
      default:
        place.append(part)
        if let next = links[place.joined(separator: "/")] {
          hops += 1
          guard hops <= maxHops, isRelative(next), rest.count < 1 << 16 else { return nil }
          place.removeLast()
          rest.append(contentsOf: components(next).reversed())
        }
      }
    }
    return own.starts(with: place) ? nil : place
  }

  private static func isRelative(_ target: String) -> Bool {
    !target.isEmpty && target.utf8.first != UInt8(ascii: "/") && !target.utf8.contains(0)
  }
}
