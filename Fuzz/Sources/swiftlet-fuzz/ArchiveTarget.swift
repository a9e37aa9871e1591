import ArtifactStores

extension FuzzTarget {
  /// A tar archive, plain or in gzip.
  static let archive = FuzzTarget("archive") { bytes in
    let path = ScratchFile.write(bytes, as: "model.tar.gz")
    let folder = "\(ScratchFile.folder)/unpacked"
    _ = ArchiveExtractor.isArchive(path)
    var limits = ArchiveLimits()
    limits.maxBytes = 1 << 20
    limits.maxEntries = 64
    try? ArchiveExtractor(limits: limits).extract(path, into: folder)
    ArchiveExtractor.remove(folder)
  }
}
