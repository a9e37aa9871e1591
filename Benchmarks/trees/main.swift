// Times a session on windows of real rows. Driven by bench.py, which asks on standard input, a line each:
//   MODEL ROWS COLUMNS BATCH THREADS SECONDS     (ROWS: a file of little-endian float32)
// and is answered the median of the runs in nanoseconds.
import FormatONNX
import Glibc
import InferenceGraph
import Kernels
import ModelFormats
import TensorCore

func now() -> UInt64 {
  var t = timespec()
  clock_gettime(CLOCK_MONOTONIC, &t)
  return UInt64(t.tv_sec) * 1_000_000_000 + UInt64(t.tv_nsec)
}

func session(_ path: String, threads: Int) throws -> Session {
  let graph = try PassTable.optimize(ONNXFormat.load(path: path).graph)
  return Session(try Plan(graph), pool: threads == 1 ? .inline : ComputePool(threads: threads))
}

func measure(_ words: [Substring]) throws -> UInt64 {
  guard words.count == 6, let columns = Int(words[2]), let batch = Int(words[3]), let threads = Int(words[4]),
    let seconds = Double(words[5]), columns > 0, batch > 0
  else { throw GraphError(.invalidInput, "expected MODEL ROWS COLUMNS BATCH THREADS SECONDS") }
  let model = try session(String(words[0]), threads: threads)
  let file = try MappedFile(path: String(words[1]))
  let rows = file.bytes.count / (4 * columns)
  // Windows that follow each other round the file, so that no run sees what the last one saw.
  var inputs: [Tensor] = []
  for i in 0..<Swift.min(64, Swift.max(1, 4096 / batch)) {
    let tensor = Tensor(uninitialized: .float32, [batch, columns])
    let to = tensor.unsafeMutableElements(of: Float.self)
    for r in 0..<batch {
      for c in 0..<columns {
        to[r * columns + c] = file.bytes.loadUnaligned(
          fromByteOffset: (((i * batch + r) % rows) * columns + c) * 4, as: Float.self)
      }
    }
    inputs.append(tensor)
  }
  var times: [UInt64] = []
  var i = 0
  let start = now()
  var warm = false
  while times.count < 9 || now() - start < UInt64(seconds * 1e9) {
    let t = now()
    _ = try model.run([.tensor(inputs[i % inputs.count])])
    let took = now() - t
    i += 1
    if !warm && (now() - start > UInt64(seconds * 2e8)) { warm = true }
    if warm { times.append(took) }
  }
  times.sort()
  return times[times.count / 2]
}

while let line = readLine() {
  do {
    print(try measure(line.split(separator: " ")))
  } catch {
    print("error: \(error)")
  }
  fflush(nil)
}
