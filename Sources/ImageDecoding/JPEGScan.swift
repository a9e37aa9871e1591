/// A Huffman code of T.81, annex C.
struct JPEGHuffman {
  /// For the next 8 bits: length and value of the code that they begin with; length 0: it is longer.
  private var short = [(length: UInt8, value: UInt8)](repeating: (0, 0), count: 256)
  /// For each length: the greatest code, as 16 bits with ones behind, plus one; and where its values begin.
  private var bounds = [Int](repeating: 0, count: 17)
  private var offsets = [Int](repeating: 0, count: 17)
  private let values: [UInt8]

  init(counts: [Int], values: [UInt8]) throws {
    self.values = values
    var (code, index) = (0, 0)
    for length in 1...16 {
      offsets[length] = index - code
      for _ in 0..<counts[length - 1] {
        guard code < 1 << length else { throw ImageError(.damaged, "a JPEG Huffman table has too many codes") }
        if length <= 8 {
          for i in 0..<(1 << (8 - length)) {
            short[code << (8 - length) | i] = (UInt8(truncatingIfNeeded: length), values[index])
          }
        }
        code += 1
        index += 1
      }
      bounds[length] = code << (16 - length)
      code <<= 1
    }
  }

  @inline(__always)
  func next(_ bits: inout JPEGBits) throws -> Int {
    let ahead = bits.peek16()
    let entry = short[ahead >> 8]
    if entry.length > 0 {
      try bits.skip(Int(entry.length))
      return Int(entry.value)
    }
    for length in 9...16 where ahead < bounds[length] {
      try bits.skip(length)
      let index = offsets[length] + ahead >> (16 - length)
      guard index >= 0, index < values.count else { break }
      return Int(values[index])
    }
    throw ImageError(.damaged, "a JPEG Huffman code is not known")
  }
}

/// The bits of a scan, without stuffed bytes.
struct JPEGBits {
  private let bytes: ImageBytes
  /// The next byte that is not in `buffer`.
  private(set) var at: Int
  private var buffer = 0
  private var held = 0
  /// A marker or the end was met.
  private var isAtEnd = false

  init(_ bytes: ImageBytes, at: Int) {
    self.bytes = bytes
    self.at = at
  }

  private mutating func fill() {
    while held <= 48, !isAtEnd {
      guard at < bytes.count else {
        isAtEnd = true
        return
      }
      let byte = Int(bytes.bytes[at])
      if byte == 0xFF {
        guard at + 1 < bytes.count, bytes.bytes[at + 1] == 0 else {
          isAtEnd = true
          return
        }
        at += 1
      }
      at += 1
      buffer = (buffer << 8 | byte) & 0xFF_FFFF_FFFF_FFFF
      held += 8
    }
  }

  /// The next 16 bits, with zeros after the end.
  @inline(__always)
  mutating func peek16() -> Int {
    if held < 16 { fill() }
    return held >= 16 ? buffer >> (held - 16) & 0xFFFF : buffer << (16 - held) & 0xFFFF
  }

  @inline(__always)
  mutating func skip(_ count: Int) throws {
    guard count <= held else { throw ImageBytes.end }
    held -= count
  }

  /// `count` bits, at most 16.
  @inline(__always)
  mutating func bits(_ count: Int) throws -> Int {
    if count == 0 { return 0 }
    let value = peek16() >> (16 - count)
    try skip(count)
    return value
  }

  /// A number of `size` bits as T.81 codes differences and coefficients (EXTEND).
  @inline(__always)
  mutating func signed(_ size: Int) throws -> Int {
    if size == 0 { return 0 }
    let value = try bits(size)
    return value < 1 << (size - 1) ? value - (1 << size) + 1 : value
  }

  /// Goes on after the next restart marker.
  mutating func restart() throws {
    buffer = 0
    held = 0
    isAtEnd = false
    while try bytes.byte(at) != 0xFF || bytes.byte(at + 1) == 0 || bytes.byte(at + 1) == 0xFF { at += 1 }
    guard (0xD0...0xD7).contains(try bytes.byte(at + 1)) else {
      throw ImageError(.damaged, "a JPEG restart marker is missing")
    }
    at += 2
  }
}

/// One scan: which coefficients of which components it holds.
struct JPEGScan {
  struct Member {
    var component: Int
    var dc: JPEGHuffman?
    var ac: JPEGHuffman?
    /// The last DC coefficient.
    var predictor = 0
  }

  var bits: JPEGBits
  var members: [Member]
  /// Spectral selection, in zigzag order.
  var first: Int
  var last: Int
  /// Successive approximation.
  var high: Int
  var low: Int
  var restartInterval: Int
  private var endOfBandRun = 0

  init(bits: JPEGBits, members: [Member], first: Int, last: Int, high: Int, low: Int, restartInterval: Int) {
    self.bits = bits
    self.members = members
    self.first = first
    self.last = last
    self.high = high
    self.low = low
    self.restartInterval = restartInterval
  }

  mutating func run(_ frame: inout JPEGFrame) throws {
    let isSingle = members.count == 1
    let across: Int
    let down: Int
    if isSingle {
      let c = frame.components[members[0].component]
      (across, down) = (c.blocksAcross, c.blocksDown)
    } else {
      across = (frame.width + 8 * frame.maxH - 1) / (8 * frame.maxH)
      down = (frame.height + 8 * frame.maxV - 1) / (8 * frame.maxV)
    }
    let isProgressive = frame.isProgressive
    var left = restartInterval
    for unit in 0..<(across * down) {
      if restartInterval > 0, left == 0 {
        try bits.restart()
        left = restartInterval
        endOfBandRun = 0
        for m in members.indices { members[m].predictor = 0 }
      }
      left -= 1
      let (row, column) = unit.quotientAndRemainder(dividingBy: across)
      for m in members.indices {
        let index = members[m].component
        let (h, v) = isSingle ? (1, 1) : (frame.components[index].h, frame.components[index].v)
        let stride = frame.components[index].stride
        for y in 0..<v {
          for x in 0..<h {
            let base = ((row * v + y) * stride + column * h + x) * 64
            try block(m, &frame.components[index].coefficients, base, isProgressive)
          }
        }
      }
    }
  }

  private mutating func block(_ m: Int, _ to: inout [Int16], _ base: Int, _ isProgressive: Bool) throws {
    if !isProgressive {
      try direct(m, &to, base)
    } else if first == 0 {
      try progressiveDC(m, &to, base)
    } else if high == 0 {
      try firstAC(m, &to, base)
    } else {
      try refineAC(m, &to, base)
    }
  }

  private func table(_ table: JPEGHuffman?) throws -> JPEGHuffman {
    guard let table else { throw ImageError(.damaged, "a JPEG Huffman table is missing") }
    return table
  }

  private mutating func difference(_ m: Int) throws -> Int {
    let size = try table(members[m].dc).next(&bits)
    guard size <= 15 else { throw ImageError(.damaged, "a JPEG difference of \(size) bits") }
    members[m].predictor &+= try bits.signed(size)
    return members[m].predictor
  }

  private mutating func direct(_ m: Int, _ to: inout [Int16], _ base: Int) throws {
    to[base] = Int16(truncatingIfNeeded: try difference(m))
    let ac = try table(members[m].ac)
    var k = 1
    while k < 64 {
      let symbol = try ac.next(&bits)
      let (run, size) = (symbol >> 4, symbol & 15)
      if size == 0 {
        if run < 15 { break }
        k += 16
        continue
      }
      k += run
      guard k < 64 else { throw ImageError(.damaged, "a JPEG block has too many coefficients") }
      to[base + JPEGDecoder.natural[k]] = Int16(truncatingIfNeeded: try bits.signed(size))
      k += 1
    }
  }

  private mutating func progressiveDC(_ m: Int, _ to: inout [Int16], _ base: Int) throws {
    if high == 0 {
      to[base] = Int16(truncatingIfNeeded: try difference(m) << low)
    } else if try bits.bits(1) == 1 {
      to[base] |= 1 << Int16(low)
    }
  }

  private mutating func firstAC(_ m: Int, _ to: inout [Int16], _ base: Int) throws {
    if endOfBandRun > 0 {
      endOfBandRun -= 1
      return
    }
    let ac = try table(members[m].ac)
    var k = first
    while k <= last {
      let symbol = try ac.next(&bits)
      let (run, size) = (symbol >> 4, symbol & 15)
      if size == 0 {
        if run < 15 {
          endOfBandRun = (1 << run) - 1 + (try bits.bits(run))
          return
        }
        k += 16
        continue
      }
      k += run
      guard k < 64 else { throw ImageError(.damaged, "a JPEG block has too many coefficients") }
      to[base + JPEGDecoder.natural[k]] = Int16(truncatingIfNeeded: try bits.signed(size) << low)
      k += 1
    }
  }

  /// T.81, G.1.2.3.
  private mutating func refineAC(_ m: Int, _ to: inout [Int16], _ base: Int) throws {
    let (plus, minus) = (Int16(1) << Int16(low), Int16(-1) << Int16(low))
    var k = first
    if endOfBandRun == 0 {
      let ac = try table(members[m].ac)
      while k <= last {
        let symbol = try ac.next(&bits)
        var run = symbol >> 4
        let size = symbol & 15
        var value: Int16 = 0
        if size == 0 {
          if run < 15 {
            endOfBandRun = (1 << run) + (try bits.bits(run))
            break
          }
        } else {
          guard size == 1 else { throw ImageError(.damaged, "a JPEG refinement of \(size) bits") }
          value = try bits.bits(1) == 1 ? plus : minus
        }
        while k <= last {
          let at = base + JPEGDecoder.natural[k]
          if to[at] != 0 {
            try refine(&to[at], plus, minus)
          } else {
            if run == 0 {
              if value != 0 { to[at] = value }
              break
            }
            run -= 1
          }
          k += 1
        }
        k += 1
      }
    }
    if endOfBandRun > 0 {
      while k <= last {
        let at = base + JPEGDecoder.natural[k]
        if to[at] != 0 { try refine(&to[at], plus, minus) }
        k += 1
      }
      endOfBandRun -= 1
    }
  }

  private mutating func refine(_ value: inout Int16, _ plus: Int16, _ minus: Int16) throws {
    if try bits.bits(1) == 1, value & plus == 0 { value &+= value >= 0 ? plus : minus }
  }
}
