/// Folders of processes that are gone.
public enum StaleFolders {
  /// Removes the folders in `base` whose names begin with `prefix`, which belong to this user, and whose file `lock` is
  /// there and held by nobody. One without the file may be in use, and stays.
  ///
  /// - Returns: the folders that were removed.
  @discardableResult
  public static func sweep(prefix: String, in base: String) -> [String] {
    var removed: [String] = []
    for name in Files.names(base) ?? [] where name.utf8.starts(with: prefix.utf8) {
      let folder = "\(base)/\(name)"
      guard let status = Files.status(folder, followsLink: false), status.kind == .folder, status.isOwn,
        case .taken(let lock) = FileLock.attempt("\(folder)/lock", .exclusive)
      else { continue }
      ArchiveExtractor.remove(folder)
      withExtendedLifetime(lock) {}
      removed.append(folder)
    }
    return removed.sorted()
  }
}
