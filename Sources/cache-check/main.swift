import ArtifactStores

#if canImport(Glibc)
import Glibc
#elseif canImport(Musl)
import Musl
#elseif canImport(Darwin)
import Darwin
#endif

// Works in a cache until it is killed, for Tests/Storage/cache_chaos.py:
//
//   cache-check work CACHE LIMIT SOURCES   installs, opens, evicts and fetches in a loop
//   cache-check sweep CACHE LIMIT          sweeps once, comparing hashes, and prints what was removed

/// Ends the process, saying why.
func fail(_ reason: String) -> Never {
  print("cache-check: \(reason)")
  exit(3)
}

/// Writes a file of `count` bytes of the value `byte`.
func write(_ byte: UInt8, _ count: Int, _ path: String) {
  guard let file = fopen(path, "w") else { fail("cannot write \(path)") }
  let bytes = [UInt8](repeating: byte, count: count)
  fwrite(bytes, 1, count, file)
  fclose(file)
}

/// Whether a file has `count` bytes of the value `byte`.
func holds(_ byte: UInt8, _ count: Int, _ path: String) -> Bool {
  guard let file = fopen(path, "r") else { return false }
  defer { fclose(file) }
  var bytes = [UInt8](repeating: 0, count: count + 1)
  return fread(&bytes, 1, count + 1, file) == count && bytes.dropLast().allSatisfy { $0 == byte }
}

/// The artifacts that are worked with: two files each, of one byte's value.
enum Sample {
  static let count = 20
  static func size(_ number: Int) -> Int { 1000 + number * 37_000 }

  static func fill(_ number: Int, _ folder: String) {
    write(UInt8(number), size(number), "\(folder)/m.onnx")
    mkdir("\(folder)/sub", 0o755)
    write(UInt8(number), 100, "\(folder)/sub/labels")
  }

  static func isWhole(_ number: Int, _ folder: String) -> Bool {
    holds(UInt8(number), size(number), "\(folder)/m.onnx") && holds(UInt8(number), 100, "\(folder)/sub/labels")
  }
}

/// One random step.
func step(_ cache: ArtifactCache, _ library: ArtifactLibrary, _ sources: String) async throws {
  let number = Int.random(in: 1...Sample.count)
  switch Int.random(in: 0..<10) {
  case 0..<4:
    let entry = try cache.install { folder in Sample.fill(number, folder) }
    usleep(UInt32.random(in: 0...3000))
    guard Sample.isWhole(number, entry.path) else { fail("\(entry.path) is not whole while it is in use") }
    withExtendedLifetime(entry.lease) {}
  case 4..<7:
    guard let digest = cache.digests.randomElement(), let entry = cache.open(digest: digest) else { return }
    usleep(UInt32.random(in: 0...3000))
    guard access(entry.path, F_OK) == 0 else { fail("\(entry.path) went while it was in use") }
    withExtendedLifetime(entry.lease) {}
  case 7..<9:
    let location = try ArtifactLocation("\(sources)/\(number).tar.gz")
    let got = try await library.fetch(location, policy: .latest, expectedSHA256: nil, usesInPlace: false) { _ in }
    guard Sample.isWhole(number, got.path) else { fail("\(got.path) is not whole while it is in use") }
    withExtendedLifetime(got.lease) {}
  default: _ = try cache.sweep()
  }
}

let arguments = CommandLine.arguments
guard arguments.count >= 4, let limit = Int(arguments[3]) else {
  fail("usage: cache-check work CACHE LIMIT SOURCES | sweep CACHE LIMIT")
}
let cache = try ArtifactCache(path: arguments[2], maxBytes: limit)
switch (arguments[1], arguments.count) {
case ("work", 5):
  let library = ArtifactLibrary(cache: cache, limits: ArchiveLimits()) { bucket throws(StoreError) in
    throw StoreError(.notFound, bucket)
  }
  while true {
    do {
      try await step(cache, library, arguments[4])
    } catch {
      fail("\(error)")
    }
  }
case ("sweep", _):
  let report = try cache.sweep(verify: true)
  print("abandoned \(report.abandoned) damaged \(report.damaged.count) evicted \(report.evictedBytes)")
default: fail("unknown command \(arguments[1])")
}
