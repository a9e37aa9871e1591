/// The bits of packet headers: after a byte of ones comes one with seven bits.
struct J2KBits {
  private let bytes: [UInt8]
  private(set) var at: Int
  private var value = 0
  private var held = 0

  init(_ bytes: [UInt8], at: Int) {
    self.bytes = bytes
    self.at = at
  }

  mutating func bit() throws -> Int {
    if held == 0 {
      guard at < bytes.count else { throw ImageBytes.end }
      held = value == 0xFF ? 7 : 8
      value = Int(bytes[at])
      at += 1
    }
    held -= 1
    return value >> held & 1
  }

  mutating func number(_ count: Int) throws -> Int {
    var value = 0
    for _ in 0..<count { value = value << 1 | (try bit()) }
    return value
  }

  /// Goes to the next byte.
  mutating func align() {
    if value == 0xFF { at += 1 }
    (value, held) = (0, 0)
  }
}

/// A tag tree (T.800, B.10.2).
struct J2KTagTree {
  private var levels: [(width: Int, offset: Int)] = []
  private var values: [Int32] = []
  private var low: [Int32] = []

  init(_ width: Int, _ height: Int) {
    var (w, h, count) = (width, height, 0)
    while true {
      levels.append((w, count))
      count += w * h
      if w * h <= 1 { break }
      (w, h) = ((w + 1) / 2, (h + 1) / 2)
    }
    values = [Int32](repeating: .max, count: count)
    low = [Int32](repeating: 0, count: count)
  }

  /// True when the value of a leaf is below `threshold`.
  mutating func isBelow(_ threshold: Int32, _ x: Int, _ y: Int, _ bits: inout J2KBits) throws -> Bool {
    var least: Int32 = 0
    var node = 0
    for level in levels.indices.reversed() {
      node = levels[level].offset + y >> level * levels[level].width + x >> level
      least = Swift.max(least, low[node])
      while least < threshold, least < values[node] {
        if try bits.bit() == 1 { values[node] = least } else { least += 1 }
      }
      low[node] = least
    }
    return values[node] < threshold
  }
}

/// A code-block, as far as packets told of it.
struct J2KCodeBlock {
  var area: J2KArea
  var isIncluded = false
  var lengthBits: UInt8 = 3
  var zeroPlanes: Int16 = 0
  var passes: Int16 = 0
  /// Where its bytes lie in the tile's data.
  var segments: [Range<Int>] = []
}

/// The code-blocks of a band that one packet tells of.
struct J2KPrecinct {
  /// Code-blocks of a row.
  let across: Int
  let down: Int
  var blocks: [J2KCodeBlock] = []
  private var inclusion: J2KTagTree
  private var zeroPlanes: J2KTagTree

  /// - Parameter area: the part of the band.
  init(_ area: J2KArea, blockWidth: Int, blockHeight: Int) {
    let (x0, y0) = (area.x0 >> blockWidth, area.y0 >> blockHeight)
    across = area.isEmpty ? 0 : (area.x1 - 1) >> blockWidth - x0 + 1
    down = area.isEmpty ? 0 : (area.y1 - 1) >> blockHeight - y0 + 1
    for y in 0..<down {
      for x in 0..<across {
        blocks.append(
          J2KCodeBlock(
            area: J2KArea(
              x0: Swift.max(area.x0, (x0 + x) << blockWidth), y0: Swift.max(area.y0, (y0 + y) << blockHeight),
              x1: Swift.min(area.x1, (x0 + x + 1) << blockWidth), y1: Swift.min(area.y1, (y0 + y + 1) << blockHeight))))
      }
    }
    inclusion = J2KTagTree(across, down)
    zeroPlanes = J2KTagTree(across, down)
  }

  /// Reads what a packet's header says of the blocks: which of them it has bytes of, and how many.
  mutating func read(_ layer: Int, _ bits: inout J2KBits) throws -> [(block: Int, length: Int)] {
    var lengths: [(Int, Int)] = []
    for i in blocks.indices {
      let (x, y) = (i % across, i / across)
      if blocks[i].isIncluded {
        if try bits.bit() == 0 { continue }
      } else {
        guard try inclusion.isBelow(Int32(truncatingIfNeeded: layer + 1), x, y, &bits) else { continue }
        var planes: Int32 = 1
        while try !zeroPlanes.isBelow(planes, x, y, &bits) {
          planes += 1
          guard planes < 80 else { throw ImageError(.damaged, "a JPEG 2000 code-block has too few bit planes") }
        }
        blocks[i].isIncluded = true
        blocks[i].zeroPlanes = Int16(truncatingIfNeeded: planes - 1)
      }
      let passes = try J2KPrecinct.passes(&bits)
      while try bits.bit() == 1 { blocks[i].lengthBits &+= 1 }
      let count = Int(blocks[i].lengthBits) + (Int.bitWidth - 1 - passes.leadingZeroBitCount)
      guard count <= 32 else { throw ImageError(.damaged, "a JPEG 2000 code-block is too long") }
      blocks[i].passes &+= Int16(passes)
      guard blocks[i].passes < 256 else { throw ImageError(.damaged, "a JPEG 2000 code-block has too many passes") }
      lengths.append((i, try bits.number(count)))
    }
    return lengths
  }

  private static func passes(_ bits: inout J2KBits) throws -> Int {
    if try bits.bit() == 0 { return 1 }
    if try bits.bit() == 0 { return 2 }
    let two = try bits.number(2)
    if two < 3 { return 3 + two }
    let five = try bits.number(5)
    if five < 31 { return 6 + five }
    return 37 + (try bits.number(7))
  }
}
