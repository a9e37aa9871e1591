import ArgumentParser
import ArtifactStores
import ModelTools
import ServeCommand
import Synchronization

#if canImport(Glibc)
import Glibc
#elseif canImport(Musl)
import Musl
#elseif canImport(Darwin)
import Darwin
#endif

/// `swiftlet models pull`.
struct PullModel: ParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "pull", abstract: "Fetch an artifact into the cache that `serve` uses, and print its path.",
    discussion:
      "What an interrupted pull downloaded is used by the next. The settings of serve hold here, too: its SWIFTLET_ "
      + "variables and its configuration file. "
      + ExitStatus.discussion([
        .success, .usage, .data, .noInput,
      ]))

  @Argument(help: "s3://bucket/key, s3://bucket/prefix/ or a path.") var location: String
  @Option(help: "latest, or one of the numeric folders below the location; without it what serve takes.")
  var version: String?
  @Option(help: "The SHA-256 that the artifact must have.") var sha256: String?
  @Option(help: "The cache's folder; without it the one that serve uses.") var cacheDir: String?
  @Option(help: "Bytes that kept artifacts may take on disk; without it what serve allows.") var cacheSize: String?
  @Option(help: "A file of settings, as serve reads it.") var config: String?

  func run() throws {
    try ExitStatus.reporting {
      let bar = ProgressBar(location)
      do throws(StoreError) {
        let pull = try ArtifactPull(flags: [
          ("model-version", version), ("sha256", sha256), ("cache-dir", cacheDir), ("cache-size", cacheSize),
          ("config", config),
        ])
        let fetched = try pull.fetch(location) { bar.show($0) }
        bar.end()
        print(fetched.path)
      } catch {
        bar.end()
        throw ToolError("\(error)", isUsage: error.code == .invalidLocation)
      }
    }
  }
}

/// A line on the terminal that is written over as things go on; nothing where standard error is no terminal.
final class ProgressBar: Sendable {
  private let label: String
  private let isShown = isatty(2) == 1
  private let state = Mutex(State())

  private struct State {
    var last = ContinuousClock.Instant.now - .seconds(1)
    var began = ContinuousClock.Instant.now
    var width = 0
  }

  init(_ label: String) { self.label = String(label.suffix(40)) }

  func show(_ progress: ArtifactProgress) {
    guard isShown else { return }
    state.withLock { state in
      let now = ContinuousClock.now
      let isComplete = progress.bytes == progress.total
      guard isComplete || now - state.last > .milliseconds(100) else { return }
      state.last = now
      let seconds = max((now - state.began) / .seconds(1), 0.001)
      let line = ProgressBar.line(label, progress, seconds: seconds)
      let padding = String(repeating: " ", count: max(0, state.width - line.count))
      state.width = line.count
      write("\r" + line + padding)
    }
  }

  func end() {
    guard isShown else { return }
    state.withLock { state in
      if state.width > 0 { write("\r" + String(repeating: " ", count: state.width) + "\r") }
      state.width = 0
    }
  }

  static func line(_ label: String, _ progress: ArtifactProgress, seconds: Double) -> String {
    func mebibytes(_ bytes: Int) -> String { "\(Double(bytes / 104_858) / 10) MiB" }
    let rate = progress.stage == .downloading ? ", \(mebibytes(Int(Double(progress.bytes) / seconds)))/s" : ""
    guard let total = progress.total, total > 0 else {
      return "\(label)  \(progress.stage.rawValue)  \(mebibytes(progress.bytes))\(rate)"
    }
    let part = min(max(Double(progress.bytes) / Double(total), 0), 1)
    let full = Int(part * 30)
    let bar = String(repeating: "#", count: full) + String(repeating: ".", count: 30 - full)
    return "\(label)  \(progress.stage.rawValue)  [\(bar)] \(Int(part * 100)) %  \(mebibytes(progress.bytes)) of "
      + "\(mebibytes(total))\(rate)"
  }

  private func write(_ text: String) {
    let bytes = Array(text.utf8)
    _ = bytes.withUnsafeBytes { systemWrite(2, $0.baseAddress, $0.count) }
  }
}

private func systemWrite(_ fd: Int32, _ bytes: UnsafeRawPointer?, _ count: Int) -> Int { write(fd, bytes, count) }
