import ArtifactStores
import Glibc
import Synchronization
import Testing

/// A library over a bucket in memory, with its cache.
private struct Bench {
  let scratch = Scratch()
  let store: FakeStore
  let cache: ArtifactCache
  let library: ArtifactLibrary

  init(pageSize: Int = 1000, maxBytes: Int = 1 << 30, limits: ArchiveLimits = ArchiveLimits()) throws {
    store = FakeStore(pageSize: pageSize)
    cache = try ArtifactCache(path: "\(scratch.path)/cache", maxBytes: maxBytes)
    let store = store
    library = ArtifactLibrary(cache: cache, limits: limits) { _ throws(StoreError) in store }
  }

  /// As another process would see the same cache.
  func another() throws -> ArtifactLibrary {
    let store = store
    return ArtifactLibrary(
      cache: try ArtifactCache(path: cache.path, maxBytes: cache.maxBytes), limits: ArchiveLimits()
    ) { _ throws(StoreError) in store }
  }

  func fetch(
    _ location: String, _ policy: VersionPolicy = .latest, sha256: String? = nil, inPlace: Bool = false,
    takesCached: Bool = false
  ) async throws -> FetchedArtifact {
    try await library.fetch(
      ArtifactLocation(location), policy: policy, expectedSHA256: sha256, usesInPlace: inPlace,
      takesCached: takesCached, progress: { _ in })
  }
}

/// The code that `body` fails with, and its text.
private func failure(_ body: () async throws -> Void) async -> (StoreError.Code, String)? {
  do {
    try await body()
    return nil
  } catch {
    return (error as? StoreError).map { ($0.code, $0.description) }
  }
}

@Suite struct ArtifactLibraryTests {
  @Test func anObjectIsOneFileUnderItsOwnName() async throws {
    let bench = try Bench()
    bench.store.put("iris/m.onnx", "hello")
    let got = try await bench.fetch("s3://models/iris/m.onnx")
    #expect(got.path.hasSuffix("/content/m.onnx"))
    #expect(contents(got.path) == "hello")
    // printf hello | sha256sum
    #expect(got.digest == "2cf24dba5fb0a30e26e83b2ac5b9e29e1b161e5c1fa7425e73043362938b9824")
    #expect(got.bytes == 5)
    #expect(tree("\(bench.cache.path)/partial").isEmpty)
    #expect(tree("\(bench.cache.path)/tmp").isEmpty)
  }

  @Test func theSameBytesUnderAnotherNameKeepTheirName() async throws {
    let bench = try Bench()
    bench.store.put("a/m.onnx", "hello")
    bench.store.put("b/other.onnx", "hello")
    let first = try await bench.fetch("s3://models/a/m.onnx")
    let second = try await bench.fetch("s3://models/b/other.onnx")
    #expect(first.digest == second.digest)
    #expect(second.path.hasSuffix("/other.onnx") && contents(second.path) == "hello")
    #expect(contents(first.path) == "hello")
  }

  @Test func anArchiveIsUnpacked() async throws {
    let bench = try Bench()
    bench.store.put("m.tar", tar([("a/m.onnx", "one"), ("labels.txt", "two")]))
    let got = try await bench.fetch("s3://models/m.tar")
    #expect(tree(got.path) == ["a/m.onnx", "labels.txt"])
    #expect(got.bytes == 6)
    bench.store.put("unnamed", tar([("x", "y")]))
    #expect(tree(try await bench.fetch("s3://models/unnamed").path) == ["x"])
  }

  @Test func aPrefixBecomesAFolderAndArchivesInItStayPacked() async throws {
    let bench = try Bench(pageSize: 2)
    bench.store.put("p/", "")
    bench.store.put("p/m.onnx", "one")
    bench.store.put("p/sub/", "")
    bench.store.put("p/sub/x.tar", tar([("x", "y")]))
    bench.store.put("p/sub/y", "three")
    bench.store.put("pq", "not this")
    for location in ["s3://models/p/", "s3://models/p"] {
      let got = try await bench.fetch(location)
      #expect(tree(got.path) == ["m.onnx", "sub/x.tar", "sub/y"])
      #expect(contents("\(got.path)/sub/y") == "three")
    }
    #expect(bench.cache.digests.count == 1)
  }

  @Test func theOnlyObjectOfAPrefixIsUnpackedWhenItIsAnArchive() async throws {
    let bench = try Bench()
    bench.store.put("p/model.tar", tar([("m.onnx", "one")]))
    #expect(tree(try await bench.fetch("s3://models/p/").path) == ["m.onnx"])
  }

  @Test(arguments: ["p/../x", "p/a//b", "p//a", "p/./a", "p/a\0b"])
  func keysThatAreNoPathsAreRefused(_ key: String) async throws {
    let bench = try Bench()
    bench.store.put("p/m.onnx", "one")
    bench.store.put(key, "x")
    #expect(await failure { _ = try await bench.fetch("s3://models/p/") }?.0 == .badArtifact)
    #expect(bench.cache.digests.isEmpty)
  }

  @Test func aKeyThatIsAFileAndAFolderIsRefused() async throws {
    let bench = try Bench()
    bench.store.put("p/a", "x")
    bench.store.put("p/a.b", "x")
    bench.store.put("p/a/b", "x")
    #expect(await failure { _ = try await bench.fetch("s3://models/p/") }?.0 == .badArtifact)
  }

  @Test func limitsOfPrefixesHold() async throws {
    var limits = ArchiveLimits()
    limits.maxEntries = 2
    let bench = try Bench(limits: limits)
    for i in 0..<3 { bench.store.put("p/\(i).onnx", "x") }
    #expect(await failure { _ = try await bench.fetch("s3://models/p/") }?.0 == .limit)
  }

  // MARK: Versions

  @Test func numericSubFoldersAreVersions() async throws {
    let bench = try Bench(pageSize: 2)
    for version in ["1", "2", "10"] { bench.store.put("m/\(version)/m.onnx", "v\(version)") }
    bench.store.put("m/11/", "")
    bench.store.put("m/config", "x")
    let latest = try await bench.fetch("s3://models/m")
    #expect(latest.fingerprint.version == "10")
    #expect(contents("\(latest.path)/m.onnx") == "v10")
    let pinned = try await bench.fetch("s3://models/m/", .pinned("2"))
    #expect(contents("\(pinned.path)/m.onnx") == "v2")
    let missing = await failure { _ = try await bench.fetch("s3://models/m/", .pinned("7")) }
    #expect(missing?.0 == .notFound)
    #expect(missing?.1.contains("11, 10, 2, 1") == true)
    try bench.library.accept(latest.digest, of: ArtifactLocation("s3://models/m"))
    try bench.library.accept(pinned.digest, of: ArtifactLocation("s3://models/m/"))
    #expect(bench.library.cached(try ArtifactLocation("s3://models/m"), policy: .latest)?.digest == latest.digest)
    #expect(bench.library.cached(try ArtifactLocation("s3://models/m/"), policy: .pinned("2"))?.digest == pinned.digest)
  }

  @Test func anObjectIsPinnedByItsVersionID() async throws {
    let bench = try Bench()
    bench.store.put("m.onnx", "old", version: "A")
    bench.store.put("m.onnx", "new", version: "B")
    let latest = try await bench.fetch("s3://models/m.onnx")
    #expect(latest.fingerprint.version == "B" && contents(latest.path) == "new")
    let pinned = try await bench.fetch("s3://models/m.onnx", .pinned("A"))
    #expect(pinned.fingerprint.version == "A" && contents(pinned.path) == "old")
    #expect(contents(try await bench.fetch("s3://models/m.onnx?versionId=A").path) == "old")
    #expect(await failure { _ = try await bench.fetch("s3://models/m.onnx", .pinned("C")) }?.0 == .notFound)
    #expect(await failure { _ = try await bench.fetch("s3://models/nothing", .pinned("C")) }?.0 == .notFound)
    bench.store.delete("m.onnx")
    #expect(await failure { _ = try await bench.fetch("s3://models/m.onnx") }?.0 == .notFound)
  }

  // MARK: Going on

  @Test func whatIsThereIsNotFetchedAgain() async throws {
    let bench = try Bench()
    bench.store.put("m.onnx", "hello")
    _ = try await bench.fetch("s3://models/m.onnx")
    _ = try await bench.fetch("s3://models/m.onnx")
    _ = try await bench.another().fetch(
      ArtifactLocation("s3://models/m.onnx"), policy: .latest, expectedSHA256: nil, usesInPlace: false
    ) { _ in }
    #expect(bench.store.downloads == 1)
    bench.store.put("m.onnx", "changed")
    #expect(contents(try await bench.fetch("s3://models/m.onnx").path) == "changed")
  }

  @Test func anInterruptedDownloadGoesOn() async throws {
    let bench = try Bench()
    let bytes = [UInt8](repeating: 7, count: 100_000)
    bench.store.put("m.onnx", bytes)
    bench.store.put("p/a", bytes)
    bench.store.put("p/b", bytes)
    for location in ["s3://models/m.onnx", "s3://models/p/"] {
      bench.store.cut(1)
      #expect(await failure { _ = try await bench.fetch(location) }?.0 == .unreachable)
      _ = try await bench.another().fetch(
        ArtifactLocation(location), policy: .latest, expectedSHA256: nil, usesInPlace: false
      ) { _ in }
    }
    #expect(bench.store.downloaded == 300_000)
  }

  @Test func theStoreMayBeDownOnceTheArtifactIsCached() async throws {
    let bench = try Bench()
    let location = try ArtifactLocation("s3://models/m.onnx")
    bench.store.put("m.onnx", "one")
    let first = try await bench.fetch("s3://models/m.onnx").digest
    bench.store.put("m.onnx", "two")
    let second = try await bench.fetch("s3://models/m.onnx").digest
    bench.store.setDown(true)
    #expect(await failure { _ = try await bench.fetch("s3://models/m.onnx") }?.0 == .unreachable)
    let restarted = try bench.another()
    // What nobody has found good is nothing to fall back on.
    #expect(restarted.cached(location, policy: .latest) == nil)
    #expect(restarted.history(of: location).isEmpty)
    try restarted.accept(first, of: location)
    #expect(restarted.cached(location, policy: .latest)?.digest == first)
    try restarted.accept(second, of: location)
    #expect(restarted.cached(location, policy: .latest)?.digest == second)
    #expect(contents(restarted.cached(location, policy: .latest)?.path ?? "") == "two")
    #expect(restarted.history(of: location).map(\.digest) == [second, first])
    #expect(restarted.history(of: location).map(\.isLatest) == [true, true])
    let previous = try #require(restarted.history(of: location).last)
    #expect(contents(restarted.open(previous)?.path ?? "") == "one")
    #expect(restarted.open(digest: first)?.bytes == 3)
    // The store goes back to what it was: so does the record.
    bench.store.setDown(false)
    bench.store.put("m.onnx", "one")
    _ = try await bench.fetch("s3://models/m.onnx")
    #expect(restarted.cached(location, policy: .latest)?.digest == first)
  }

  @Test func aChoiceOutlivesRestartsAndSweeps() async throws {
    let bench = try Bench()
    let location = try ArtifactLocation("s3://models/m.onnx")
    bench.store.put("m.onnx", "one")
    let first = try await bench.fetch("s3://models/m.onnx").digest
    try bench.library.accept(first, of: location)
    bench.store.put("m.onnx", "two")
    let second = try await bench.fetch("s3://models/m.onnx").digest
    try bench.library.accept(second, of: location)
    #expect(bench.library.pinned(location) == nil)
    try bench.library.pin(first, of: location)
    _ = try bench.cache.sweep()
    #expect(try bench.another().pinned(location)?.digest == first)
    try bench.library.pin(nil, of: location)
    #expect(try bench.another().pinned(location) == nil)
  }

  @Test func aGarbledRecordCountsAsNone() async throws {
    let bench = try Bench()
    let location = try ArtifactLocation("s3://models/m.onnx")
    bench.store.put("m.onnx", "one")
    _ = try await bench.fetch("s3://models/m.onnx")
    let record = try #require(tree("\(bench.cache.path)/sources").first)
    for text in ["", "{", "{\"format\":1}", "[]", "{\"format\":1,\"location\":\"\(location)\",\"generations\":[{}]}"] {
      bench.scratch.write("cache/sources/\(record)", text)
      #expect(bench.library.cached(location, policy: .latest) == nil)
    }
    let fetched = try await bench.fetch("s3://models/m.onnx")
    #expect(contents(fetched.path) == "one")
    try bench.library.accept(fetched.digest, of: location)
    #expect(bench.library.history(of: location).count == 1)
  }

  @Test func anotherDigestThanExpectedIsNotInstalled() async throws {
    let bench = try Bench()
    bench.store.put("m.onnx", "hello")
    bench.store.put("m.tar", tar([("a", "b")]))
    let right = "2CF24DBA5FB0A30E26E83B2AC5B9E29E1B161E5C1FA7425E73043362938B9824"
    let wrong = String(repeating: "0", count: 64)
    let got = await failure { _ = try await bench.fetch("s3://models/m.onnx", sha256: wrong) }
    #expect(got?.0 == .badArtifact)
    #expect(got?.1.contains(wrong) == true && got?.1.contains(right.lowercased()) == true)
    #expect(await failure { _ = try await bench.fetch("s3://models/m.tar", sha256: wrong) }?.0 == .badArtifact)
    #expect(bench.cache.digests.isEmpty && bench.cache.bytes == 0)
    #expect(try await bench.fetch("s3://models/m.onnx", sha256: right).bytes == 5)
    #expect(await failure { _ = try await bench.fetch("s3://models/m.onnx", sha256: wrong) }?.0 == .badArtifact)
    #expect(await failure { _ = try await bench.fetch("s3://models/m.onnx", sha256: "12") }?.0 == .invalidLocation)
  }

  @Test func aPinnedDigestIsNotTakenForWhatTheStoreHas() async throws {
    let bench = try Bench()
    bench.store.put("m.onnx", "one")
    let first = try await bench.fetch("s3://models/m.onnx")
    bench.store.put("m.onnx", "two")
    let pinned = try await bench.fetch("s3://models/m.onnx", sha256: first.digest, takesCached: true)
    #expect(contents(pinned.path) == "one" && pinned.fingerprint == first.fingerprint)
    #expect(bench.store.downloads == 1)
    // A refresh asks the store, and is told what it has.
    for _ in 0..<2 {
      let got = await failure { _ = try await bench.fetch("s3://models/m.onnx", sha256: first.digest) }
      #expect(got?.0 == .badArtifact && got?.1.contains(first.digest) == true)
    }
    #expect(
      contents(try await bench.fetch("s3://models/m.onnx", sha256: first.digest, takesCached: true).path) == "one")
    // Without the digest the store's object is what is served.
    let second = try await bench.fetch("s3://models/m.onnx")
    #expect(contents(second.path) == "two" && second.fingerprint != first.fingerprint)
    // The cache's artifact of another location has no fingerprint of this one.
    bench.store.put("copy.onnx", "two")
    let copy = try await bench.fetch("s3://models/copy.onnx", sha256: first.digest, takesCached: true)
    #expect(contents(copy.path) == "one" && copy.fingerprint.text == "sha256 \(first.digest)")
    #expect(contents(try await bench.fetch("s3://models/copy.onnx").path) == "two")
    let location = try ArtifactLocation("s3://models/copy.onnx")
    #expect(bench.library.open(digest: first.digest, of: location)?.digest == first.digest)
  }

  @Test func faultsOfWholeBytesArePermanentAndTheDigestComesFirst() async throws {
    let bench = try Bench()
    let wrong = String(repeating: "0", count: 64)
    bench.store.put("m.tar.gz", "this is no archive")
    for sha256 in [nil, wrong] {
      do {
        _ = try await bench.fetch("s3://models/m.tar.gz", sha256: sha256)
        Issue.record("no archive was unpacked")
      } catch let error as StoreError {
        #expect(error.code == .badArtifact && !error.isTransient)
        #expect(error.description.contains(wrong) == (sha256 != nil))
        // It is about the artifact alone.
        #expect(error.shown == error.description && !error.description.contains(bench.scratch.path))
      }
    }
  }

  @Test(arguments: ["max-archive-entries", "max-archive-size", "max-archive-ratio"])
  func limitsNameTheirSetting(_ setting: String) async throws {
    var limits = ArchiveLimits()
    switch setting {
    case "max-archive-entries": limits.maxEntries = 1
    case "max-archive-size": limits.maxBytes = 3
    default: limits.maxRatio = 10
    }
    let bench = try Bench(limits: limits)
    if setting == "max-archive-ratio" {
      let zeros = try #require(bytes(of: "\(ArchiveFixture.folder)/bad/bomb.tar.gz"))
      bench.store.put("m.tar.gz", zeros)
    } else {
      bench.store.put("m.tar.gz", tar([("a", "one"), ("b", "two")]))
    }
    let got = await failure { _ = try await bench.fetch("s3://models/m.tar.gz") }
    #expect(got?.0 == .limit && got?.1.contains("(\(setting))") == true, "\(got?.1 ?? "")")
  }

  @Test func whatWasInstalledIsThereWithoutTheStore() async throws {
    let bench = try Bench()
    let location = try ArtifactLocation("s3://models/m.onnx")
    #expect(bench.library.installed(location, policy: .latest) == nil)
    bench.store.put("m.onnx", "one")
    _ = try await bench.fetch("s3://models/m.onnx")
    bench.store.put("m.onnx", "two")
    let second = try await bench.fetch("s3://models/m.onnx")
    bench.store.setDown(true)
    #expect(bench.library.installed(location, policy: .latest)?.digest == second.digest)
    #expect(bench.library.installed(location, policy: .pinned("7")) == nil)
    // One that is gone leaves the one before.
    ArchiveExtractor.remove("\(bench.cache.path)/artifacts/\(second.digest)")
    #expect(contents(bench.library.installed(location, policy: .latest)?.path ?? "") == "one")
  }

  @Test func aDamagedArchiveLeavesNothing() async throws {
    let bench = try Bench()
    bench.store.put("m.tar.gz", Array("this is no archive".utf8))
    let got = await failure { _ = try await bench.fetch("s3://models/m.tar.gz") }
    #expect(got?.0 == .badArtifact)
    #expect(got?.1.contains("s3://models/m.tar.gz") == true)
    #expect(tree("\(bench.cache.path)/tmp").isEmpty && tree("\(bench.cache.path)/artifacts").isEmpty)
    #expect(tree("\(bench.cache.path)/partial").isEmpty)
  }

  @Test func aFullDiskIsTriedAgainOnceRoomIsMade() async throws {
    let bench = try Bench()
    bench.store.put("old.onnx", [UInt8](repeating: 7, count: 10_000))
    bench.store.put("m.onnx", "hello")
    _ = try await bench.fetch("s3://models/old.onnx")
    // More than any disk has free.
    bench.store.announce("huge.onnx", size: 1 << 60)
    bench.store.put("huge.onnx", "x")
    let got = await failure { _ = try await bench.fetch("s3://models/huge.onnx") }
    #expect(got?.0 == .diskFull)
    #expect(got?.1.contains("1152921504606846976 bytes") == true && got?.1.contains("bytes are free") == true)
    // All that could be removed was, before that was said.
    #expect(bench.cache.bytes == 0)
    _ = try await bench.fetch("s3://models/old.onnx")
    bench.store.fill(1)
    #expect(try await bench.fetch("s3://models/m.onnx").bytes == 5)
    #expect(bench.cache.digests.count == 1)
    bench.store.put("m.onnx", "again")
    bench.store.fill(2)
    #expect(await failure { _ = try await bench.fetch("s3://models/m.onnx") }?.0 == .diskFull)
    #expect(tree("\(bench.cache.path)/partial").isEmpty && tree("\(bench.cache.path)/tmp").isEmpty)
    #expect(try await bench.fetch("s3://models/m.onnx").bytes == 5)
  }

  @Test func aZipThatIsAModelStaysPacked() async throws {
    let bench = try Bench()
    let zip = try #require(bytes(of: "\(ArchiveFixture.folder)/good/deflated.zip"))
    bench.store.put("weights.npz", zip)
    bench.store.put("model.zip", zip)
    let packed = try await bench.fetch("s3://models/weights.npz")
    let unpacked = try await bench.fetch("s3://models/model.zip")
    #expect(bytes(of: packed.path) == zip && packed.path.hasSuffix("/weights.npz"))
    #expect(bytes(of: "\(unpacked.path)/m.onnx") == ArchiveFixture.model)
    #expect(packed.digest == unpacked.digest)
    #expect(bench.cache.bytes == packed.bytes + unpacked.bytes)
    #expect(try await bench.fetch("s3://models/weights.npz").path == packed.path)
  }

  // MARK: Sharing

  @Test func callersShareOneFetch() async throws {
    let bench = try Bench()
    bench.store.put("m.onnx", [UInt8](repeating: 7, count: 100_000))
    bench.store.closeGate(true)
    let paths = try await withThrowingTaskGroup(of: String.self) { group in
      for _ in 0..<16 { group.addTask { try await bench.fetch("s3://models/m.onnx").path } }
      bench.store.closeGate(false)
      return try await group.reduce(into: Set<String>()) { $0.insert($1) }
    }
    #expect(paths.count == 1)
    #expect(bench.store.downloads == 1)
  }

  @Test func callersWhoComeWhenAFetchEndsGetTheArtifact() async throws {
    let bench = try Bench()
    bench.store.put("m.onnx", "hello")
    try await withThrowingTaskGroup(of: Void.self) { group in
      for _ in 0..<8 {
        group.addTask {
          for _ in 0..<50 {
            let got = try await bench.fetch("s3://models/m.onnx")
            #expect(got.bytes == 5)
          }
        }
      }
      try await group.waitForAll()
    }
    #expect(bench.store.downloads == 1)
  }

  @Test func processesShareOneDownload() async throws {
    let bench = try Bench()
    bench.store.put("m.onnx", [UInt8](repeating: 7, count: 100_000))
    let others = try (0..<4).map { _ in try bench.another() }
    let location = try ArtifactLocation("s3://models/m.onnx")
    try await withThrowingTaskGroup(of: Void.self) { group in
      for other in others {
        group.addTask {
          _ = try await other.fetch(location, policy: .latest, expectedSHA256: nil, usesInPlace: false) { _ in }
        }
      }
      try await group.waitForAll()
    }
    #expect(bench.store.downloads == 1)
  }

  @Test func aCancelledCallerLeavesTheOthersTheirFetch() async throws {
    let bench = try Bench()
    bench.store.put("m.onnx", "hello")
    bench.store.closeGate(true)
    let first = Task { try await bench.fetch("s3://models/m.onnx") }
    let second = Task { try await bench.fetch("s3://models/m.onnx") }
    first.cancel()
    #expect(await failure { _ = try await first.value }?.0 == .cancelled)
    bench.store.closeGate(false)
    #expect(try await second.value.bytes == 5)
    bench.store.put("m.onnx", "again")
    bench.store.closeGate(true)
    let third = Task { try await bench.fetch("s3://models/m.onnx") }
    third.cancel()
    #expect(await failure { _ = try await third.value }?.0 == .cancelled)
    bench.store.closeGate(false)
    #expect(contents(try await bench.fetch("s3://models/m.onnx").path) == "again")
  }

  // MARK: Missing

  @Test func aMissingObjectNamesWhatIsNear() async throws {
    let bench = try Bench()
    bench.store.put("iris/model.onnx", "x")
    bench.store.put("iris/modes.txt", "x")
    bench.store.put("iris/unrelated", "x")
    let got = await failure { _ = try await bench.fetch("s3://models/iris/modle.onnx") }
    #expect(got?.0 == .notFound)
    #expect(got?.1.contains("near it are: iris/model.onnx") == true)
    #expect(await failure { _ = try await bench.fetch("s3://models/iri/") }?.1.contains("iris/") == true)
    #expect(await failure { _ = try await bench.fetch("s3://models/zzzzzzz") }?.0 == .notFound)
  }

  // MARK: Paths

  @Test func pathsAreUsedInPlaceOrCopied() async throws {
    let bench = try Bench()
    let file = bench.scratch.write("models/m.onnx", "hello")
    let inPlace = try await bench.fetch(file, inPlace: true)
    #expect(inPlace.path == file && inPlace.lease == nil && inPlace.bytes == 5)
    let copied = try await bench.fetch(file)
    #expect(copied.path != file && contents(copied.path) == "hello" && copied.lease != nil)
    #expect(inPlace.digest != copied.digest)
    #expect(try await bench.fetch(file, sha256: copied.digest, inPlace: true).digest == copied.digest)
    let folder = try await bench.fetch("\(bench.scratch.path)/models/", inPlace: true)
    #expect(folder.path == "\(bench.scratch.path)/models")
    #expect(
      await failure { _ = try await bench.fetch("\(bench.scratch.path)/models/n.onnx") }?.1.contains("m.onnx") == true)
    bench.scratch.write("models/m.onnx", "changed")
    let changed = try await bench.fetch(file, inPlace: true)
    #expect(changed.fingerprint != inPlace.fingerprint && changed.digest != inPlace.digest)
  }

  @Test func localVersionsAndArchivesFollowTheSameRules() async throws {
    let bench = try Bench()
    bench.scratch.write("m/9/m.onnx", "v9")
    bench.scratch.write("m/10/m.onnx", "v10")
    let got = try await bench.fetch("\(bench.scratch.path)/m", inPlace: true)
    #expect(got.path == "\(bench.scratch.path)/m/10" && got.fingerprint.version == "10")
    #expect(contents("\(try await bench.fetch("\(bench.scratch.path)/m", .pinned("9")).path)/m.onnx") == "v9")
    let archive = bench.scratch.write("model.tar", tar([("m.onnx", "one")]))
    #expect(tree(try await bench.fetch(archive, inPlace: true).path) == ["m.onnx"])
  }

  // MARK: Catalogue

  @Test func theCatalogueNamesArchivesFilesAndFolders() async throws {
    let bench = try Bench(pageSize: 2)
    for key in [
      "f/a/b.tar.gz", "f/c.onnx", "f/d/model.onnx", "f/d/zzz/other.onnx", "f/e/1/m.onnx", "f/e/2/m.onnx",
      "f/g/readme.txt", "f/h/i/m.onnx", "f/j/3/model.tar.gz", "fz.onnx",
    ] { bench.store.put(key, "x") }
    func all(_ location: String) async throws -> [String] {
      var names: [String] = []
      var token: String?
      repeat {
        let page = try await bench.library.catalogue(ArtifactLocation(location), token: token)
        names += page.names
        token = page.next
      } while token != nil
      return names
    }
    #expect(try await all("s3://models/f/") == ["a/b.tar.gz", "c.onnx", "d", "e", "h/i", "j"])
    #expect(try await all("s3://models/f") == ["a/b.tar.gz", "c.onnx", "d", "e", "h/i", "j"])
    for name in ["f/a/b.tar.gz", "f/c.onnx", "f/d/model.onnx", "f/e/1/m.onnx"] { bench.scratch.write(name, "x") }
    #expect(try await all("\(bench.scratch.path)/f") == ["a/b.tar.gz", "c.onnx", "d", "e"])
  }

  @Test func aCatalogueOfManyModelsTakesFewRequests() async throws {
    let bench = try Bench()
    for i in 0..<10_000 { bench.store.put("fleet/m\(i)/m.onnx", "x") }
    var names = 0
    var token: String?
    repeat {
      let page = try await bench.library.catalogue(ArtifactLocation("s3://models/fleet/"), token: token)
      names += page.names.count
      token = page.next
    } while token != nil
    #expect(names == 10_000)
    #expect(bench.store.lists == 10)
  }
}
