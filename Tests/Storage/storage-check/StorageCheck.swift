import ArtifactS3
import ArtifactStores
import JSONDocument
import S3Documents

#if canImport(Glibc)
import Glibc
#elseif canImport(Musl)
import Musl
#elseif canImport(Darwin)
import Darwin
#endif

/// A command for the tests of the S3 client: `Tests/Storage/*.py` start it. Settings come from the environment, as AWS's
/// tools read them.
///
///     storage-check sign                      signs requests that stdin has, one JSON object a line
///     storage-check head s3://bucket/key      what is known of an object
///     storage-check list s3://bucket/prefix   keys and sizes; `--folders` stops at slashes
///     storage-check get s3://bucket/key FILE  downloads, and says how long that took and how much memory
///
/// `--anonymous` does not sign, `--deadline=SECONDS` bounds a call. Answers are JSON lines; an error is
/// `{"error": code, "message": text}` and the exit code 1.
@main
enum StorageCheck {
  static func main() async {
    let arguments = Array(CommandLine.arguments.dropFirst())
    let flags = Set(arguments.filter { $0.hasPrefix("--") })
    let words = arguments.filter { !$0.hasPrefix("--") }
    let deadline = flags.first { $0.hasPrefix("--deadline=") }.flatMap { Double($0.dropFirst(11)) }
    do throws(StoreError) {
      switch (words.first, words.count) {
      case ("sign", 1): SignLines.run()
      case ("head", 2), ("list", 2), ("get", 3):
        var configuration = try S3Configuration(environment: environment())
        configuration.isAnonymous = flags.contains("--anonymous")
        configuration.deadline = deadline.map { .seconds($0) }
        let client = try S3Client(configuration)
        do throws(StoreError) {
          try await run(words, flags, client)
        } catch {
          await client.shutdown()
          throw error
        }
        await client.shutdown()
      default:
        print(
          "usage: storage-check sign | head URL | list URL | get URL FILE [--anonymous] [--folders] [--deadline=SECONDS]"
        )
        exit(2)
      }
    } catch {
      print(
        JSONDocument.object([("error", .string(error.code.rawValue)), ("message", .string(error.description))]).text())
      exit(1)
    }
  }

  private static func run(_ words: [String], _ flags: Set<String>, _ client: S3Client) async throws(StoreError) {
    guard case .s3(let bucket, let key, let versionID) = try ArtifactLocation(words[1]) else {
      throw StoreError(.invalidLocation, "\(words[1]) is no s3:// location")
    }
    let store = client.store(bucket: bucket)
    switch words[0] {
    case "head": print(describe(try await store.object(key, versionID: versionID)).text())
    case "list":
      var token: String?
      repeat {
        let page = try await store.list(prefix: key, isFlat: !flags.contains("--folders"), token: token)
        for object in page.objects { print(describe(object).text()) }
        for folder in page.folders { print(JSONDocument.object([("folder", .string(folder))]).text()) }
        token = page.next
      } while token != nil
    default:
      let object = try await store.object(key, versionID: versionID)
      let start = ContinuousClock.now
      try await store.download(object, to: words[2]) { _ in }
      let seconds = (ContinuousClock.now - start) / .seconds(1)
      print(
        JSONDocument.object([
          ("bytes", .number(object.size)), ("seconds", .number(seconds)), ("peakMemory", .number(peakMemory())),
        ]).text())
    }
  }

  private static func describe(_ object: StoredObject) -> JSONDocument {
    .object([
      ("key", .string(object.key)), ("size", .number(object.size)),
      ("etag", object.etag.map { .string($0) } ?? .null), ("version", object.versionID.map { .string($0) } ?? .null),
      ("modified", object.modified.map { .number(Int($0)) } ?? .null),
    ])
  }

  /// Bytes of memory that the process had at most.
  private static func peakMemory() -> Int {
    var usage = rusage()
    #if canImport(Glibc)
    getrusage(__rusage_who_t(RUSAGE_SELF.rawValue), &usage)
    #else
    getrusage(RUSAGE_SELF, &usage)
    #endif
    #if canImport(Darwin)
    return usage.ru_maxrss
    #else
    return usage.ru_maxrss * 1024
    #endif
  }

  private static func environment() -> [String: String] {
    var out: [String: String] = [:]
    var at = environ
    while let text = at.pointee.map({ String(cString: $0) }) {
      if let mark = text.firstIndex(of: "=") { out[String(text[..<mark])] = String(text[text.index(after: mark)...]) }
      at += 1
    }
    return out
  }
}
