import PreparedWeights
import TensorCore

extension FuzzTarget {
  /// The header of a file of prepared weights; every constant that it names must lie in the file, and what is written again
  /// must read the same.
  static let weights = FuzzTarget("weights") { bytes in
    guard let header = try? WeightsHeader(reading: bytes, checksum: false) else { return }
    for entry in header.entries where entry.isKept {
      guard entry.offset >= 0, entry.length >= 0, entry.offset <= bytes.count - entry.length,
        entry.shape.checkedElementCount.map({ $0 * entry.dtype.byteWidth }) == entry.length
      else { fatalError("a constant lies outside the file") }
      _ = bytes[entry.offset..<(entry.offset + entry.length)].reduce(0, &+)
    }
    guard header.length <= bytes.count else { return }
    let again = header.encoded() + bytes.dropFirst(header.length)
    guard let same = try? again.withUnsafeBytes({ try WeightsHeader(reading: $0) }) else { return }
    if same.entries != header.entries { fatalError("a written header reads differently") }
  }
}
