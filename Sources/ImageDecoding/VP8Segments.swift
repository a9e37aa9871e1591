/// Segments, each with a quantiser and a filter strength of its own (section 9.3).
struct VP8Segments {
  private(set) var isEnabled = false
  private(set) var isAbsolute = true
  private(set) var quantizers = [0, 0, 0, 0]
  private(set) var strengths = [0, 0, 0, 0]
  /// Of the tree of a macroblock's segment; nil: all are in the first.
  private var probabilities: [Int]?

  mutating func read(_ bits: inout VP8Bits) throws {
    isEnabled = try bits.flag()
    guard isEnabled else { return }
    let (hasMap, hasData) = (try bits.flag(), try bits.flag())
    if hasData {
      isAbsolute = try bits.flag()
      for i in 0..<4 { quantizers[i] = try bits.optionalSigned(7) }
      for i in 0..<4 { strengths[i] = try bits.optionalSigned(6) }
    }
    if hasMap { probabilities = try (0..<3).map { _ in try bits.flag() ? bits.number(8) : 255 } }
  }

  /// The segment of the next macroblock.
  func number(_ bits: inout VP8Bits) throws -> Int {
    guard let probabilities else { return 0 }
    if try !bits.bit(probabilities[0]) { return try bits.bit(probabilities[1]) ? 1 : 0 }
    return try bits.bit(probabilities[2]) ? 3 : 2
  }
}

/// Quantisation steps (section 14.1).
struct VP8Quantizer {
  var y1: (dc: Int, ac: Int)
  var y2: (dc: Int, ac: Int)
  var uv: (dc: Int, ac: Int)

  /// - Parameter deltas: of the luma's DC, the second-order DC and AC, and the chroma's DC and AC.
  init(_ index: Int, _ deltas: [Int]) {
    func step(_ table: [Int], _ delta: Int, most: Int = 127) -> Int {
      table[Swift.min(Swift.max(index + delta, 0), most)]
    }
    y1 = (step(VP8Tables.dc, deltas[0]), step(VP8Tables.ac, 0))
    y2 = (2 * step(VP8Tables.dc, deltas[1]), Swift.max(8, step(VP8Tables.ac, deltas[2]) * 155 / 100))
    uv = (step(VP8Tables.dc, deltas[3], most: 117), step(VP8Tables.ac, deltas[4]))
  }
}
