import Crypto

/// What an object's bytes are checked with: one algorithm, fed in order.
package struct ContentHasher: Sendable {
  /// Strongest first: where a store has several, the first of these is used.
  package enum Algorithm: String, Sendable, CaseIterable {
    case sha256, sha1, crc64nvme, crc32c, crc32
    /// Only ever from an ETag, or `x-amz-checksum-md5`.
    case md5

    /// Bytes of its value.
    package var width: Int {
      switch self {
      case .sha256: 32
      case .sha1: 20
      case .md5: 16
      case .crc64nvme: 8
      case .crc32, .crc32c: 4
      }
    }
  }

  private enum State: Sendable {
    case sha256(SHA256)
    case sha1(Insecure.SHA1)
    case md5(Insecure.MD5)
    case crc32(CRC<UInt32>)
    case crc64(CRC<UInt64>)
  }

  private var state: State

  package init(_ algorithm: Algorithm) {
    state =
      switch algorithm {
      case .sha256: .sha256(SHA256())
      case .sha1: .sha1(Insecure.SHA1())
      case .md5: .md5(Insecure.MD5())
      case .crc32: .crc32(.crc32)
      case .crc32c: .crc32(.crc32c)
      case .crc64nvme: .crc64(.crc64nvme)
      }
  }

  package mutating func update(_ bytes: UnsafeRawBufferPointer) {
    switch state {
    case .sha256(var hash):
      hash.update(bufferPointer: bytes)
      state = .sha256(hash)
    case .sha1(var hash):
      hash.update(bufferPointer: bytes)
      state = .sha1(hash)
    case .md5(var hash):
      hash.update(bufferPointer: bytes)
      state = .md5(hash)
    case .crc32(var crc):
      crc.update(bytes)
      state = .crc32(crc)
    case .crc64(var crc):
      crc.update(bytes)
      state = .crc64(crc)
    }
  }

  /// The value, big-endian.
  package var value: [UInt8] {
    switch state {
    case .sha256(let hash): Array(hash.finalize())
    case .sha1(let hash): Array(hash.finalize())
    case .md5(let hash): Array(hash.finalize())
    case .crc32(let crc): withUnsafeBytes(of: crc.value.bigEndian) { Array($0) }
    case .crc64(let crc): withUnsafeBytes(of: crc.value.bigEndian) { Array($0) }
    }
  }
}
