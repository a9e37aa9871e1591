/// One tile: its bands, filled from packets (T.800, annex B), and their way back to samples.
struct J2KTile {
  private struct Band {
    var kind: J2KBlock.Band
    var area: J2KArea
    var step: (exponent: Int, mantissa: Int)
    var precincts: [J2KPrecinct]
  }

  private struct Resolution {
    var area: J2KArea
    var bands: [Band] = []
    /// Precincts of a row, and in all; where they begin in the image, for progressions by position.
    var across = 0
    var count = 0
    var places: [(x: Int, y: Int)] = []
  }

  private let area: J2KArea
  private let parameters: J2KParameters
  private let depths: [Int]
  private let data: [UInt8]
  private var components: [[Resolution]] = []

  init(_ area: J2KArea, _ parameters: J2KParameters, _ depths: [Int], _ data: [UInt8]) throws {
    self.area = area
    self.parameters = parameters
    self.depths = depths
    self.data = data
    var room = data.count / parameters.layers
    for c in depths.indices {
      let coding = parameters.coding[c]
      guard !coding.precincts.isEmpty, parameters.quantization[c].steps.count > 3 * coding.levels else {
        throw ImageError(.damaged, "a JPEG 2000 tile of which the coding is not said")
      }
      var resolutions: [Resolution] = []
      for r in 0...coding.levels { resolutions.append(try resolution(r, c, &room)) }
      components.append(resolutions)
    }
  }

  private static func ceiling(_ value: Int, _ shift: Int) -> Int { (value + 1 << shift - 1) >> shift }

  private func resolution(_ r: Int, _ c: Int, _ room: inout Int) throws -> Resolution {
    let coding = parameters.coding[c]
    let below = coding.levels - r
    func scaled(_ shift: Int, _ dx: Int, _ dy: Int) -> J2KArea {
      // The high bands lie half a step further.
      let (ox, oy) = shift == 0 ? (0, 0) : (dx << (shift - 1), dy << (shift - 1))
      return J2KArea(
        x0: J2KTile.ceiling(area.x0 - ox, shift), y0: J2KTile.ceiling(area.y0 - oy, shift),
        x1: J2KTile.ceiling(area.x1 - ox, shift), y1: J2KTile.ceiling(area.y1 - oy, shift))
    }
    var out = Resolution(area: scaled(below, 0, 0))
    let (px, py) = coding.precincts[r]
    let (firstX, firstY) = (out.area.x0 >> px, out.area.y0 >> py)
    if !out.area.isEmpty {
      out.across = J2KTile.ceiling(out.area.x1, px) - firstX
      let down = J2KTile.ceiling(out.area.y1, py) - firstY
      // Each has a byte in each layer at least.
      guard out.across <= room, down <= room, out.across * down <= room else { throw ImageBytes.end }
      out.count = out.across * down
      room -= out.count
    }
    for k in 0..<out.count {
      let (x, y) = (firstX + k % out.across, firstY + k / out.across)
      out.places.append((Swift.max(area.x0, x << (px + below)), Swift.max(area.y0, y << (py + below))))
    }
    let kinds: [J2KBlock.Band] = r == 0 ? [.low] : [.horizontal, .vertical, .diagonal]
    for (i, kind) in kinds.enumerated() {
      let half = r == 0 ? 0 : 1
      let band = r == 0 ? scaled(below, 0, 0) : scaled(below + 1, (i + 1) & 1, (i + 1) >> 1)
      let (bx, by) = (px - half, py - half)
      var precincts: [J2KPrecinct] = []
      for k in 0..<out.count {
        let (x, y) = (firstX + k % out.across, firstY + k / out.across)
        let part = J2KArea(
          x0: Swift.max(band.x0, x << bx), y0: Swift.max(band.y0, y << by), x1: Swift.min(band.x1, (x + 1) << bx),
          y1: Swift.min(band.y1, (y + 1) << by))
        precincts.append(
          J2KPrecinct(
            part, blockWidth: Swift.min(coding.blockWidth, bx), blockHeight: Swift.min(coding.blockHeight, by)))
      }
      let step = parameters.quantization[c].steps[r == 0 ? 0 : 3 * r - 2 + i]
      out.bands.append(Band(kind: kind, area: band, step: step, precincts: precincts))
    }
    return out
  }

  // MARK: Packets

  private struct Packet {
    var component: Int
    var resolution: Int
    var precinct: Int
    var layer: Int
  }

  /// The packets in the order of the progression (B.12).
  private func packets() -> [Packet] {
    var all: [(key: [Int], packet: Packet)] = []
    for (c, resolutions) in components.enumerated() {
      for (r, resolution) in resolutions.enumerated() {
        for k in 0..<resolution.count {
          let (x, y) = resolution.places[k]
          for layer in 0..<parameters.layers {
            let key: [Int]
            switch parameters.progression {
            case 0: key = [layer, r, c, k]
            case 1: key = [r, layer, c, k]
            case 2: key = [r, y, x, c, k, layer]
            case 3: key = [y, x, c, r, k, layer]
            default: key = [c, y, x, r, k, layer]
            }
            all.append((key, Packet(component: c, resolution: r, precinct: k, layer: layer)))
          }
        }
      }
    }
    return all.sorted { $0.key.lexicographicallyPrecedes($1.key) }.map(\.packet)
  }

  private mutating func readPackets() throws {
    var at = 0
    let view = ImageBytes(data)
    for packet in packets() {
      if parameters.hasPacketMarkers, view.hasPrefix([0xFF, 0x91], at: at) { at += 6 }
      var bits = J2KBits(data, at: at)
      var bodies: [(band: Int, block: Int, length: Int)] = []
      let (c, r, k) = (packet.component, packet.resolution, packet.precinct)
      if try bits.bit() == 1 {
        for b in components[c][r].bands.indices {
          let lengths = try components[c][r].bands[b].precincts[k].read(packet.layer, &bits)
          bodies += lengths.map { (b, $0.block, $0.length) }
        }
      }
      bits.align()
      at = bits.at
      if parameters.hasHeaderMarkers, view.hasPrefix([0xFF, 0x92], at: at) { at += 2 }
      for body in bodies {
        _ = try view.slice(at, body.length)
        components[c][r].bands[body.band].precincts[k].blocks[body.block].segments.append(at..<(at + body.length))
        at += body.length
      }
    }
  }

  // MARK: Samples

  /// The samples of each component, centred on 0.
  mutating func decode() throws -> [[Int]] {
    try readPackets()
    let isReversible = parameters.coding.first?.isReversible ?? true
    guard parameters.coding.allSatisfy({ $0.isReversible == isReversible }) else {
      throw ImageError(.unsupported, "a JPEG 2000 image whose components have different wavelets")
    }
    let mixes = parameters.mixesColours && depths.count >= 3
    if isReversible {
      var planes = try depths.indices.map { try reversible($0) }
      if mixes {
        for i in planes[0].indices {
          let (y, u, v) = (planes[0][i], planes[1][i], planes[2][i])
          let g = y &- (u &+ v) >> 2
          (planes[0][i], planes[1][i], planes[2][i]) = (v &+ g, g, u &+ g)
        }
      }
      return planes.map { $0.map { Int($0) } }
    }
    var planes = try depths.indices.map { try irreversible($0) }
    if mixes {
      for i in planes[0].indices {
        let (y, u, v) = (planes[0][i], planes[1][i], planes[2][i])
        planes[0][i] = y + v * 1.402
        planes[1][i] = y - u * 0.34413 - v * 0.71414
        planes[2][i] = y + u * 1.772
      }
    }
    return planes.map { plane in
      plane.map { value in
        guard value.isFinite else { return 0 }
        return Int(Swift.min(Swift.max(value, -1e9), 1e9).rounded(.toNearestOrEven))
      }
    }
  }

  private func reversible(_ c: Int) throws -> [Int32] {
    var image: [Int32] = []
    for (r, resolution) in components[c].enumerated() {
      let bands = try resolution.bands.map { band in
        (area: band.area, samples: try samples(c, band) { Int32(truncatingIfNeeded: $0 / 2) })
      }
      if r == 0 {
        image = bands[0].samples
      } else {
        let low = (area: components[c][r - 1].area, samples: image)
        image = J2KWavelet.joined(resolution.area, [low] + bands, J2KWavelet.reversible)
      }
    }
    return image
  }

  private func irreversible(_ c: Int) throws -> [Float] {
    var image: [Float] = []
    for (r, resolution) in components[c].enumerated() {
      let bands = try resolution.bands.map { band in
        let power = depths[c] - band.step.exponent
        let scale = power >= 0 ? Float(1 << power) : 1 / Float(1 << -power)
        let half = (1 + Float(band.step.mantissa) / 2048) * scale * 0.5
        return (area: band.area, samples: try samples(c, band) { Float($0) * half })
      }
      if r == 0 {
        image = bands[0].samples
      } else {
        let low = (area: components[c][r - 1].area, samples: image)
        image = J2KWavelet.joined(resolution.area, [low] + bands, J2KWavelet.irreversible)
      }
    }
    return image
  }

  /// The coefficients of a band; `convert` takes twice their values.
  private func samples<T: Numeric>(_ c: Int, _ band: Band, _ convert: (Int) -> T) throws -> [T] {
    let coding = parameters.coding[c]
    let width = band.area.width
    var out = [T](repeating: 0, count: width * band.area.height)
    for precinct in band.precincts {
      for block in precinct.blocks where block.passes > 0 {
        let planes = parameters.quantization[c].guardBits + band.step.exponent - 1 - Int(block.zeroPlanes)
        guard planes > 0, planes <= 40 else {
          throw ImageError(.damaged, "a JPEG 2000 code-block of \(planes) bit planes")
        }
        var bytes: [UInt8] = []
        for segment in block.segments { bytes += data[segment] }
        var decoder = J2KBlock(bytes, block.area.width, block.area.height, band.kind, isCausal: coding.isCausal)
        let values = try decoder.decode(passes: Int(block.passes), planes: planes, coding)
        let own = block.area.width
        for i in values.indices {
          let at = (block.area.y0 - band.area.y0 + i / own) * width + block.area.x0 - band.area.x0 + i % own
          out[at] = convert(values[i])
        }
      }
    }
    return out
  }
}
