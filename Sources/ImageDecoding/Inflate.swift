import CZlib

/// Decompression of zlib streams (RFC 1950).
enum Inflate {
  /// The first `count` bytes that a stream holds.
  ///
  /// - Throws: `ImageError.Code.damaged` when it holds fewer or is damaged before.
  static func bytes(_ stream: [UInt8], count: Int) throws -> [UInt8] {
    guard stream.count <= Int(UInt32.max), count >= 0, count <= Int(UInt32.max) else {
      throw ImageError(.limit, "compressed data of \(stream.count) bytes for \(count)")
    }
    // Deflate makes at most 1032 bytes of one.
    guard count / 1032 <= stream.count else { throw ImageBytes.end }
    var z = z_stream()
    guard swiftlet_inflate_init(&z, 15) == Z_OK else { throw ImageError(.limit, "no memory to decompress") }
    defer { inflateEnd(&z) }
    let out = [UInt8](unsafeUninitializedCapacity: count) { to, filled in
      stream.withUnsafeBufferPointer { from in
        z.next_in = UnsafeMutablePointer(mutating: from.baseAddress)
        z.avail_in = UInt32(from.count)
        z.next_out = to.baseAddress
        z.avail_out = UInt32(count)
        _ = CZlib.inflate(&z, Z_SYNC_FLUSH)
        filled = count - Int(z.avail_out)
      }
    }
    guard out.count == count else {
      throw ImageError(.damaged, "compressed data ends after \(out.count) of \(count) bytes")
    }
    return out
  }

  /// The checksum of PNG's chunks.
  static func crc32(_ bytes: ArraySlice<UInt8>) -> Int {
    bytes.withUnsafeBufferPointer { Int(truncatingIfNeeded: crc32_z(0, $0.baseAddress, $0.count)) }
  }
}
