/// One page of a folder's listing, in the byte order of the keys: a folder sorts as its name and a slash.
///
/// The token is the last key of the page before: folders that sort wholly before it are not read again.
struct LocalListing {
  let store: LocalStore
  let prefix: String
  let isFlat: Bool
  let after: String?
  let flag: CancellationFlag
  private var listing = StoreListing(objects: [])
  private var last = ""
  /// The folders that are being visited.
  private var above: [Files.Identity] = []

  init(store: LocalStore, prefix: String, isFlat: Bool, after: String?, flag: CancellationFlag) {
    self.store = store
    self.prefix = prefix
    self.isFlat = isFlat
    self.after = after
    self.flag = flag
  }

  mutating func page() throws(StoreError) -> StoreListing {
    // What stands before the last slash is a folder; the rest is how names begin.
    let parent = prefix.utf8.lastIndex(of: UInt8(ascii: "/")).map { String(prefix[...$0]) } ?? ""
    if !parent.isEmpty {
      guard ArchivePath.fault(ofKey: String(parent.dropLast()), limits: ArchiveLimits()) == nil else { return listing }
    }
    _ = try visit(parent, depth: 0)
    return listing
  }

  /// Lists what is in the folder `below`, which is empty or ends in a slash; false once the page is full.
  private mutating func visit(_ below: String, depth: Int) throws(StoreError) -> Bool {
    try flag.check()
    let path = below.isEmpty ? store.folder : "\(store.folder)/\(below.dropLast())"
    // A link to a folder above leads in a circle.
    guard depth <= LocalStore.maxDepth, let own = Files.status(path), !above.contains(own.identity) else { return true }
    above.append(own.identity)
    defer { above.removeLast() }
    guard below.isEmpty || store.leadsInside(path), let names = Files.names(path) else { return true }
    let token = after.map { Array($0.utf8) }
    var kept: [(key: [UInt8], status: Files.Status)] = []
    for name in names {
      let key = Array((below + name).utf8)
      let asFolder = key + [UInt8(ascii: "/")]
      guard key.starts(with: prefix.utf8) else { continue }
      // What sorts before the token, as a file and as a folder, and is no folder around it, was on an earlier page.
      if let token, key.lexicographicallyPrecedes(token), asFolder.lexicographicallyPrecedes(token),
        !token.starts(with: asFolder)
      {
        continue
      }
      guard let status = Files.status("\(store.folder)/\(below)\(name)") else { continue }
      if status.kind == .folder { kept.append((asFolder, status)) }
      if status.kind == .file { kept.append((key, status)) }
    }
    kept.sort { $0.key.lexicographicallyPrecedes($1.key) }
    for (key, status) in kept {
      let text = String(decoding: key, as: UTF8.self)
      if status.kind == .folder, isFlat {
        if let token, key.lexicographicallyPrecedes(token), !token.starts(with: key) { continue }
        guard try visit(text, depth: depth + 1) else { return false }
        continue
      }
      if let token, !token.lexicographicallyPrecedes(key) { continue }
      guard store.leadsInside("\(store.folder)/\(text)") else { continue }
      guard listing.objects.count + listing.folders.count < LocalStore.pageSize else {
        listing.next = last
        return false
      }
      if status.kind == .folder {
        listing.folders.append(text)
      } else {
        listing.objects.append(LocalStore.describe(text, status))
      }
      last = text
    }
    return true
  }
}
