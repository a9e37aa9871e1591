import ArtifactS3
import ArtifactStores
import NIOCore
import Synchronization

#if canImport(Glibc)
import Glibc
#elseif canImport(Musl)
import Musl
#elseif canImport(Darwin)
import Darwin
#endif

/// Runs `body` with a client of a test server. Nothing waits: pauses between attempts return at once.
func withServer(
  _ environment: [String: String] = [:], configure: (inout S3Configuration) -> Void = { _ in },
  answer: @escaping @Sendable (SeenRequest) -> FakeAnswer, body: (S3Store, FakeServer) async throws -> Void
) async throws {
  let server = try await FakeServer(answer)
  var variables = [
    "AWS_ENDPOINT_URL_S3": server.url, "AWS_ACCESS_KEY_ID": "AKID", "AWS_SECRET_ACCESS_KEY": "secret",
    "HOME": "/nonexistent", "AWS_EC2_METADATA_DISABLED": "true",
  ]
  variables.merge(environment) { $1 }
  var configuration = try S3Configuration(environment: variables)
  configuration.partSize = 1 << 16
  configuration.parallelism = 3
  configuration.hooks.sleep = { _ in try Task.checkCancellation() }
  configure(&configuration)
  let client = try S3Client(configuration)
  do {
    try await body(client.store(bucket: "models"), server)
  } catch {
    await client.shutdown()
    await server.stop()
    throw error
  }
  await client.shutdown()
  await server.stop()
}

/// A new folder, gone when `body` returns.
func withFolder(_ body: (String) async throws -> Void) async throws {
  let template = "/tmp/artifact-s3-XXXXXX"
  var name = Array(template.utf8CString)
  guard mkdtemp(&name) != nil else { throw StoreError(.io, "no folder") }
  let folder = String(decoding: name.dropLast().map { UInt8(bitPattern: $0) }, as: UTF8.self)
  defer { removeTree(folder) }
  try await body(folder)
}

/// Makes a folder, and those above it.
func makeFolder(_ path: String) {
  var made = ""
  for part in path.split(separator: "/") {
    made += "/\(part)"
    mkdir(made, 0o755)
  }
}

func removeTree(_ path: String) {
  if let folder = opendir(path) {
    while let entry = readdir(folder) {
      let name = withUnsafePointer(to: entry.pointee.d_name) {
        $0.withMemoryRebound(to: CChar.self, capacity: 256) { String(cString: $0) }
      }
      if name != ".", name != ".." { removeTree("\(path)/\(name)") }
    }
    closedir(folder)
    rmdir(path)
  } else {
    unlink(path)
  }
}

func read(_ path: String) -> [UInt8]? {
  guard let file = fopen(path, "rb") else { return nil }
  defer { fclose(file) }
  var out: [UInt8] = []
  var buffer = [UInt8](repeating: 0, count: 1 << 16)
  while true {
    let n = fread(&buffer, 1, buffer.count, file)
    if n == 0 { return out }
    out += buffer[..<n]
  }
}

func write(_ text: String, to path: String) {
  guard let file = fopen(path, "wb") else { return }
  _ = text.withCString { fputs($0, file) }
  fclose(file)
}

/// Bytes that repeat after a prime number, so that misplaced parts are seen.
func pattern(_ count: Int) -> [UInt8] { (0..<count).map { UInt8(truncatingIfNeeded: $0 % 251 &* 7 &+ $0 >> 16) } }

/// What a store answers for one object: HEAD, whole and in ranges.
func serve(
  _ bytes: [UInt8], etag: String = "tag-1", headers: [(String, String)] = [], _ request: SeenRequest
) -> FakeAnswer {
  var all = [("etag", "\"\(etag)\"")] + headers
  if let wanted = request.headers["if-match"], wanted != "\"\(etag)\"" { return .error(412, "PreconditionFailed") }
  guard let range = request.range(bytes.count) else { return FakeAnswer(200, all, body: bytes) }
  all.append(("content-range", "bytes \(range.lowerBound)-\(range.upperBound - 1)/\(bytes.count)"))
  return FakeAnswer(206, all.filter { !$0.0.hasPrefix("x-amz-checksum") }, body: Array(bytes[range]))
}

/// The error that `body` throws.
func failure(_ body: () async throws -> Void) async -> StoreError? {
  do {
    try await body()
    return nil
  } catch {
    return error as? StoreError
  }
}

/// Counts, from any thread.
final class Counter: Sendable {
  private let value = Mutex(0)
  var count: Int { value.withLock { $0 } }
  /// Counts one more; returns how many there were before.
  @discardableResult func next() -> Int {
    value.withLock { value in
      value += 1
      return value - 1
    }
  }
  func set(_ number: Int) { value.withLock { $0 = number } }
}
