// What loading a model costs: time, and memory before and after, with and without prepared weights.
//
//   load-bench MODEL [--weights FOLDER] [--digest TEXT] [--repeat N] [--run] [--bench N] [--hold]
//
// Prints one line a load: milliseconds of reading and of preparing, the memory that the model says it takes, and what the
// process has more than before (/proc/self/smaps_rollup). --repeat loads and releases N times; --run runs the model once on
// made-up inputs before measuring; --bench prints the median and the least milliseconds of N runs; --hold keeps the last model
// until standard input ends. --digest tells the model from others, so that its files need not be read for that.

import InferenceGraph
import Kernels
import ModelFormats
import ModelLoading
import ModelTools

#if canImport(Glibc)
import Glibc
#elseif canImport(Musl)
import Musl
#elseif canImport(Darwin)
import Darwin
#endif

func now() -> Double {
  var t = timespec()
  clock_gettime(CLOCK_MONOTONIC, &t)
  return Double(t.tv_sec) * 1e3 + Double(t.tv_nsec) / 1e6
}

/// Kilobytes by name.
func memory() -> [String: Int] {
  guard let file = fopen("/proc/self/smaps_rollup", "r") else { return [:] }
  defer { fclose(file) }
  var out: [String: Int] = [:]
  var line = [CChar](repeating: 0, count: 256)
  while fgets(&line, 256, file) != nil {
    let text = String(decoding: line.prefix { $0 != 0 }.map { UInt8(bitPattern: $0) }, as: UTF8.self)
    let parts = text.split(separator: ":")
    if parts.count == 2, let value = parts[1].split(separator: " ").first.flatMap({ Int($0) }) {
      out[String(parts[0])] = value
    }
  }
  return out
}

func option(_ name: String) -> String? {
  let arguments = CommandLine.arguments
  guard let at = arguments.firstIndex(of: name), at + 1 < arguments.count else { return nil }
  return arguments[at + 1]
}
func flag(_ name: String) -> Bool { CommandLine.arguments.contains(name) }

try KernelTable.useEnvironment()
let folder = option("--weights").map { WeightsFolder($0, modelDigest: option("--digest")) }
let turns = option("--repeat").flatMap { Int($0) } ?? 1
let (runs, holds) = (flag("--run"), flag("--hold"))
guard CommandLine.arguments.count > 1 else {
  print("usage: load-bench MODEL [--weights FOLDER] [--digest TEXT] [--repeat N] [--run] [--bench N] [--hold]")
  exit(64)
}
let path = CommandLine.arguments[1]

@MainActor func load() throws -> PreparedModel {
  let before = memory()
  let start = now()
  let loaded = try ModelLoader().load(path)
  let read = now()
  let model = try PreparedModel(loaded, weights: folder)
  let end = now()
  if runs { _ = try? model.session.run(SyntheticInputs(free: 64).values(for: model)) }
  let ran = now()
  let after = memory()
  func more(_ name: String) -> Int { (after[name] ?? 0) - (before[name] ?? 0) }
  let tenths = { (ms: Double) in (ms * 10).rounded() / 10 }
  print(
    "read \(tenths(read - start)) ms, prepare \(tenths(end - read)) ms\(runs ? ", first run \(tenths(ran - end)) ms" : "");",
    "says private \(model.memory.privateBytes / 1024) kB, mapped \(model.memory.mappedBytes / 1024) kB;",
    "has rss \(more("Rss")) kB, pss \(more("Pss")) kB, private dirty \(more("Private_Dirty")) kB,",
    "anonymous \(more("Anonymous")) kB; process rss \(after["Rss"] ?? 0) kB, anonymous \(after["Anonymous"] ?? 0) kB;",
    model.weights)
  fflush(nil)
  return model
}

for _ in 1..<Swift.max(turns, 1) {
  _ = try load()
  ModelMemory.giveBackFreed()
}
let last = try load()
if let count = option("--bench").flatMap({ Int($0) }), count > 0 {
  let inputs = try SyntheticInputs(free: 64).values(for: last)
  var times: [Double] = []
  for _ in 0..<count {
    let start = now()
    _ = try last.session.run(inputs)
    times.append(now() - start)
  }
  times.sort()
  print("runs: median \(times[count / 2]) ms, least \(times[0]) ms")
}
if holds { while getchar() != EOF {} }
let held = memory()
print("process: pss \(held["Pss"] ?? 0) kB, private dirty \(held["Private_Dirty"] ?? 0) kB")
withExtendedLifetime(last) {}
