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
