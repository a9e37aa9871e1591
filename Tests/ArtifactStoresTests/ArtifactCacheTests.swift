import ArtifactStores
import Glibc
import Testing

/// Installs one file of `bytes` bytes.
private func install(_ cache: ArtifactCache, _ text: String, bytes: Int = 10) throws -> ArtifactCache.Entry {
  try cache.install { folder throws(StoreError) in
    save(String(repeating: text, count: bytes / text.utf8.count), "\(folder)/m.onnx")
  }
}

private func save(_ text: String, _ path: String) {
  let file = fopen(path, "w")!
  fwrite(Array(text.utf8), 1, text.utf8.count, file)
  fclose(file)
}

/// Makes a folder whose stamp's lock another open file holds, for as long as the descriptor is open.
private func held(_ folder: String) -> Int32 {
  mkdir(folder, 0o755)
  let fd = open("\(folder)/stamp", O_RDWR | O_CREAT, 0o644)
  flock(fd, LOCK_EX)
  return fd
}

/// Sets a time so that entries have an order of use.
private func age(_ cache: ArtifactCache, _ digest: String, seconds: Int) {
  var times = [timespec(), timespec()]
  for i in 0..<2 { times[i].tv_sec = 1_700_000_000 - seconds }
  utimensat(AT_FDCWD, "\(cache.path)/artifacts/\(digest)/stamp", times, 0)
}

@Suite struct ArtifactCacheTests {
  @Test func whatIsInstalledIsFoundByItsDigest() throws {
    let scratch = Scratch()
    let cache = try ArtifactCache(path: "\(scratch.path)/c", maxBytes: 1000)
    let entry = try install(cache, "a")
    #expect(cache.open(digest: entry.digest)?.path == entry.path)
    #expect(tree(entry.path) == ["m.onnx"])
    // hashlib.sha256(b"m.onnx\x00" b"10\x00" + hashlib.sha256(b"a" * 10).hexdigest().encode() + b"\n").hexdigest()
    #expect(entry.digest == "d37269003280a086575012bd548da83c5208ada215a9f2e62098c177552b63b0")
    #expect(cache.open(digest: String(repeating: "0", count: 64)) == nil)
    #expect(cache.open(digest: "../tmp") == nil)
    let again = try install(cache, "a")
    #expect(again.path == entry.path)
    #expect(tree("\(cache.path)/tmp").isEmpty)
  }

  @Test func theLeastRecentlyUsedEntryGoesFirst() throws {
    let scratch = Scratch()
    let cache = try ArtifactCache(path: scratch.path, maxBytes: 5000)
    let digests = try ["a", "b", "c"].map { try install(cache, $0, bytes: 1000).digest }
    for (i, digest) in digests.enumerated() { age(cache, digest, seconds: 100 - i) }
    // Opening is using.
    _ = cache.open(digest: digests[0])
    _ = try install(cache, "d", bytes: 2500)
    #expect(cache.digests.contains(digests[0]))
    #expect(!cache.digests.contains(digests[1]))
    #expect(cache.digests.contains(digests[2]) == (cache.bytes <= 5000 && cache.digests.count == 3))
    #expect(cache.bytes <= 5000)
  }

  @Test func entriesInUseStay() throws {
    let scratch = Scratch()
    let cache = try ArtifactCache(path: scratch.path, maxBytes: 2000)
    let other = try ArtifactCache(path: scratch.path, maxBytes: 2000)
    var lease: ArtifactCache.Lease? = try install(cache, "a", bytes: 1500).lease
    let digest = try #require(lease?.digest)
    let second = try install(other, "b", bytes: 1500)
    #expect(other.digests.count == 2)
    #expect(contents("\(second.path)/m.onnx")?.utf8.count == 1500)
    _ = try other.sweep()
    #expect(other.digests.contains(digest))
    withExtendedLifetime(lease) {}
    lease = nil
    let report = try other.sweep()
    #expect(report.evictedBytes >= 1500)
    #expect(other.digests == [second.digest])
  }

  /// A prepared file of 8192 bytes with a time of use.
  private func prepare(_ cache: ArtifactCache, _ key: String, seconds: Int) throws -> String {
    let path = "\(try ArtifactCache.preparedFolder(in: cache.path))/\(key)-kernels-\(seconds).weights"
    save(String(repeating: "w", count: 8192), path)
    var times = [timespec(), timespec()]
    for i in 0..<2 { times[i].tv_sec = 1_700_000_000 - seconds }
    utimensat(AT_FDCWD, path, times, 0)
    return path
  }

  @Test func preparedFilesShareTheLimitAndGoWithTheirArtifacts() async throws {
    let scratch = Scratch()
    let cache = try ArtifactCache(path: scratch.path, maxBytes: 41_000)
    var lease: ArtifactCache.Lease? = try install(cache, "a", bytes: 8000).lease
    let idle = try install(cache, "b", bytes: 8000).digest
    age(cache, idle, seconds: 500)
    // def key(c): return hashlib.sha256(hashlib.sha256(b"m.onnx\x00" b"8000\x00" + hashlib.sha256(c * 8000).hexdigest()
    //   .encode() + b"\n").hexdigest().encode()).hexdigest()[:32]
    let (keyOfUsed, keyOfIdle) = ("3c39721758962431020a186af127e7bf", "0b37232326b45d608eb3ad0864681a17")
    let ofUsed = try prepare(cache, keyOfUsed, seconds: 900)
    let olderBuild = try prepare(cache, keyOfUsed, seconds: 1000)
    let ofIdle = try prepare(cache, keyOfIdle, seconds: 100)
    let ofNobody = try prepare(cache, String(repeating: "0", count: 32), seconds: 50)
    // Over the limit by one file and more: what is used goes last, however old.
    #expect(cache.bytes == 8000 * 2 + 8192 * 4)
    let library = ArtifactLibrary(cache: cache, limits: ArchiveLimits()) { _ throws(StoreError) in FakeStore() }
    try await library.trim()
    #expect(access(olderBuild, F_OK) != 0)
    #expect(access(ofUsed, F_OK) == 0 && access(ofNobody, F_OK) == 0)
    // An installation keeps the limit, too: the artifact that nobody uses goes, with what was made of it.
    let third = try install(cache, "c", bytes: 8000)
    #expect(access(ofIdle, F_OK) != 0 && !cache.digests.contains(idle))
    #expect(access(ofUsed, F_OK) == 0 && access(ofNobody, F_OK) == 0)
    #expect(cache.bytes <= 41_000)
    withExtendedLifetime((lease, third)) {}
    lease = nil
    let small = try ArtifactCache(path: scratch.path, maxBytes: 10_000)
    let older = try prepare(cache, String(repeating: "1", count: 32), seconds: 60)
    _ = try small.sweep()
    // A server may have the newest one mapped.
    #expect(access(ofUsed, F_OK) != 0 && access(older, F_OK) != 0 && access(ofNobody, F_OK) == 0)
  }

  @Test func aSweepRemovesWhatIsNotWholeAndLeavesWhatIsInWork() throws {
    let scratch = Scratch()
    let cache = try ArtifactCache(path: scratch.path, maxBytes: 1 << 20)
    let good = try install(cache, "a").digest
    let short = try install(cache, "b").digest
    let torn = try install(cache, "c").digest
    let bare = try install(cache, "d").digest
    truncate("\(scratch.path)/artifacts/\(short)/content/m.onnx", 3)
    save("{\"format\":1,", "\(scratch.path)/artifacts/\(torn)/manifest.json")
    unlink("\(scratch.path)/artifacts/\(bare)/manifest.json")
    mkdir("\(scratch.path)/artifacts/rubbish", 0o755)
    mkdir("\(scratch.path)/tmp/dead", 0o755)
    save("x", "\(scratch.path)/tmp/dead/stamp")
    mkdir("\(scratch.path)/tmp/unborn", 0o755)
    let fd = held("\(scratch.path)/tmp/alive")
    defer { close(fd) }
    for digest in [short, torn, bare] { #expect(cache.open(digest: digest) == nil) }
    let report = try cache.sweep()
    #expect(report.abandoned == 2)
    #expect(report.damaged == [short, torn, bare, "rubbish"].sorted())
    #expect(cache.digests == [good])
    #expect(access("\(scratch.path)/tmp/alive", F_OK) == 0)
    #expect(access("\(scratch.path)/tmp/dead", F_OK) != 0)
  }

  @Test func aFullCheckFindsChangedBytes() throws {
    let scratch = Scratch()
    let cache = try ArtifactCache(path: scratch.path, maxBytes: 1 << 20)
    let (good, changed) = (try install(cache, "a").digest, try install(cache, "b").digest)
    save("bbbbbbbbbc", "\(scratch.path)/artifacts/\(changed)/content/m.onnx")
    #expect(try cache.sweep().damaged.isEmpty)
    #expect(try cache.sweep(verify: true).damaged == [changed])
    #expect(cache.digests == [good])
  }

  @Test func aDamagedEntryIsReplaced() throws {
    let scratch = Scratch()
    let cache = try ArtifactCache(path: scratch.path, maxBytes: 1 << 20)
    let path = try install(cache, "a").path
    truncate("\(path)/m.onnx", 3)
    let again = try install(cache, "a")
    #expect(contents("\(again.path)/m.onnx") == "aaaaaaaaaa")
  }

  @Test func aFailedInstallationLeavesNothing() throws {
    let scratch = Scratch()
    let cache = try ArtifactCache(path: scratch.path, maxBytes: 1 << 20)
    #expect(throws: StoreError.self) {
      _ = try cache.install { folder throws(StoreError) in
        save("x", "\(folder)/m.onnx")
        throw StoreError(.diskFull, "full")
      }
    }
    #expect(cache.digests.isEmpty && tree("\(scratch.path)/tmp").isEmpty)
  }

  @Test func foldersOfProcessesThatAreGoneAreRemoved() {
    let scratch = Scratch()
    for name in ["swiftlet-dead/lock", "swiftlet-dead/nginx.conf", "swiftlet-new/nginx.conf", "other/lock"] {
      scratch.write(name, "x")
    }
    let fd = open(scratch.write("swiftlet-alive/lock", ""), O_RDWR)
    flock(fd, LOCK_EX)
    defer { close(fd) }
    #expect(StaleFolders.sweep(prefix: "swiftlet-", in: scratch.path) == ["\(scratch.path)/swiftlet-dead"])
    #expect(tree(scratch.path) == ["other/lock", "swiftlet-alive/lock", "swiftlet-new/nginx.conf"])
  }
}
