/// A cyclic redundancy check with reflected bits, an initial value of all ones and a final complement, by slicing: eight
/// bytes and eight table look-ups a step (M. Kounavis, F. Berry, "Novel table lookup-based algorithms for high-performance
/// CRC generation").
package struct CRC<Word: FixedWidthInteger & UnsignedInteger & Sendable>: Sendable {
  private let tables: [Word]
  private var state = Word.max

  /// - Parameter polynomial: reflected.
  package init(polynomial: Word) {
    var tables = [Word](repeating: 0, count: 8 * 256)
    for i in 0..<256 {
      var value = Word(i)
      for _ in 0..<8 { value = value & 1 == 1 ? value >> 1 ^ polynomial : value >> 1 }
      tables[i] = value
    }
    for i in 256..<8 * 256 {
      let before = tables[i - 256]
      tables[i] = before >> 8 ^ tables[Int(truncatingIfNeeded: before & 0xFF)]
    }
    self.tables = tables
  }

  /// The check of all bytes so far.
  package var value: Word { ~state }

  package mutating func update(_ bytes: UnsafeRawBufferPointer) {
    var state = self.state
    tables.withUnsafeBufferPointer { table in
      let whole = bytes.count & ~7
      var at = 0
      while at < whole {
        let next = UInt64(littleEndian: bytes.loadUnaligned(fromByteOffset: at, as: UInt64.self))
        let mixed = next ^ UInt64(truncatingIfNeeded: state)
        // A state of 32 bits is used up by the first four bytes; one of 64 by all eight.
        var out = table[7 * 256 + Int(mixed & 0xFF)]
        out ^= table[6 * 256 + Int(mixed >> 8 & 0xFF)]
        out ^= table[5 * 256 + Int(mixed >> 16 & 0xFF)]
        out ^= table[4 * 256 + Int(mixed >> 24 & 0xFF)]
        out ^= table[3 * 256 + Int(mixed >> 32 & 0xFF)]
        out ^= table[2 * 256 + Int(mixed >> 40 & 0xFF)]
        out ^= table[1 * 256 + Int(mixed >> 48 & 0xFF)]
        out ^= table[Int(mixed >> 56)]
        state = out
        at += 8
      }
      while at < bytes.count {
        state = state >> 8 ^ table[Int(truncatingIfNeeded: (state ^ Word(bytes[at])) & 0xFF)]
        at += 1
      }
    }
    self.state = state
  }
}

extension CRC<UInt32> {
  /// The check of Ethernet and zlib (ISO-HDLC).
  package static var crc32: CRC { CRC(polynomial: 0xEDB8_8320) }
  /// Castagnoli's (RFC 3720).
  package static var crc32c: CRC { CRC(polynomial: 0x82F6_3B78) }
}

extension CRC<UInt64> {
  /// The check of the NVM Express specification that S3 has as CRC64NVME.
  package static var crc64nvme: CRC { CRC(polynomial: 0x9A6C_9329_AC4B_C9B5) }
}
