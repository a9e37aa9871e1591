public import TensorCore

/// What stands at the beginning of a file of prepared weights: what it was made for, and where each constant lies.
///
///     0   "SWIFTLET"
///     8   u32 version, u32 bytes of the header (a multiple of 64, its checksum last)
///     16  u64 bytes of the file
///     24  u32 bytes of the key, u32 number of constants
///     32  the key, then by constant: u32 bytes of the name, the name, u8 kind of elements, u8 1 where it is in the file,
///         u16 rank, u64 by axis: extent, u64 offset, u64 bytes, u64 checksum
public struct WeightsHeader: Sendable, Equatable {
  /// One constant.
  public struct Entry: Sendable, Equatable {
    public var name: String
    public var dtype: DType
    public var shape: Shape
    /// False: only its kind and shape are known, because nothing needs more once the weights are prepared.
    public var isKept: Bool
    public var offset: Int
    public var length: Int
    public var checksum: UInt64

    public init(
      name: String, dtype: DType, shape: Shape, isKept: Bool, offset: Int, length: Int, checksum: UInt64
    ) {
      self.name = name
      self.dtype = dtype
      self.shape = shape
      self.isKept = isKept
      self.offset = offset
      self.length = length
      self.checksum = checksum
    }
  }

  public var key: String
  public var entries: [Entry]
  /// Bytes of the whole file.
  public var fileLength: Int

  /// To be raised when this layout changes, what is packed, how, or under which names.
  public static let version: UInt32 = 1
  static let magic: [UInt8] = Array("SWIFTLET".utf8)
  /// Where constants begin: a multiple of this many bytes.
  static let alignment = 64

  public init(key: String, entries: [Entry], fileLength: Int) {
    self.key = key
    self.entries = entries
    self.fileLength = fileLength
  }
}

extension WeightsHeader {
  /// Reads and checks the header of a file of these bytes.
  ///
  /// - Parameter checksum: compare the header's checksum; false lets a fuzzer reach what lies behind.
  /// - Throws: `WeightsFileError.Code.damaged`.
  public init(reading bytes: UnsafeRawBufferPointer, checksum: Bool = true) throws(WeightsFileError) {
    func damaged(_ what: String) -> WeightsFileError { WeightsFileError(.damaged, what) }
    var cursor = ByteCursor(bytes)
    guard try cursor.bytes(8).elementsEqual(Self.magic) else { throw damaged("no file of prepared weights") }
    let version: UInt32 = try cursor.number()
    guard version == Self.version else { throw damaged("version \(version), expected \(Self.version)") }
    let headerLength = Int(try cursor.number() as UInt32)
    guard headerLength >= 64, headerLength % Self.alignment == 0, let header = bytes.part(0, headerLength),
      let stored = header.part(headerLength - 8, 8)
    else { throw damaged("the file ends inside its header") }
    let body = UnsafeRawBufferPointer(rebasing: header.dropLast(8))
    guard !checksum || UInt64(littleEndian: stored.loadUnaligned(as: UInt64.self)) == Checksum.of(body) else {
      throw damaged("the header's checksum is wrong")
    }
    cursor = ByteCursor(body, at: 16)
    fileLength = try cursor.size()
    guard fileLength == bytes.count else { throw damaged("\(bytes.count) bytes, expected \(fileLength)") }
    let keyLength = Int(try cursor.number() as UInt32)
    let count = Int(try cursor.number() as UInt32)
    key = String(decoding: try cursor.bytes(keyLength), as: UTF8.self)
    entries = []
    for _ in 0..<count {
      let name = String(decoding: try cursor.bytes(Int(try cursor.number() as UInt32)), as: UTF8.self)
      guard let dtype = DType(rawValue: try cursor.number()), dtype != .string else {
        throw damaged("\"\(name)\" is of no known kind")
      }
      let isKept = (try cursor.number() as UInt8) == 1
      let rank = Int(try cursor.number() as UInt16)
      var dims: [Int] = []
      for _ in 0..<rank { dims.append(try cursor.size()) }
      let entry = Entry(
        name: name, dtype: dtype, shape: Shape(dims), isKept: isKept, offset: try cursor.size(),
        length: try cursor.size(), checksum: try cursor.number())
      guard entry.isSound(in: bytes.count, after: headerLength) else {
        throw damaged("\"\(name)\" does not lie in the file")
      }
      entries.append(entry)
    }
  }

  /// The header's bytes; the constants' offsets must be those that `length` leaves room for.
  public func encoded() -> [UInt8] {
    let length = length
    var out = Self.magic
    out.reserveCapacity(length)
    func put(_ value: some FixedWidthInteger) { withUnsafeBytes(of: value.littleEndian) { out += $0 } }
    put(Self.version)
    put(UInt32(clamping: length))
    put(UInt64(clamping: fileLength))
    put(UInt32(clamping: key.utf8.count))
    put(UInt32(clamping: entries.count))
    out += key.utf8
    for entry in entries {
      put(UInt32(clamping: entry.name.utf8.count))
      out += entry.name.utf8
      put(entry.dtype.rawValue)
      put(UInt8(entry.isKept ? 1 : 0))
      put(UInt16(clamping: entry.shape.rank))
      for dim in entry.shape.dims { put(UInt64(clamping: dim)) }
      put(UInt64(clamping: entry.offset))
      put(UInt64(clamping: entry.length))
      put(entry.checksum)
    }
    out += [UInt8](repeating: 0, count: Swift.max(0, length - 8 - out.count))
    put(out.withUnsafeBytes { Checksum.of($0) })
    return out
  }

  /// Bytes of the header.
  public var length: Int {
    let table = entries.reduce(0) { $0 + 32 + $1.name.utf8.count + 8 * $1.shape.rank }
    return (32 + key.utf8.count + table + 8 + Self.alignment - 1) / Self.alignment * Self.alignment
  }
}

extension WeightsHeader.Entry {
  /// The shape has as many bytes as are said, and they lie between the header and the end of the file.
  fileprivate func isSound(in fileLength: Int, after headerLength: Int) -> Bool {
    guard let count = shape.checkedElementCount else { return false }
    let (bytes, overflow) = count.multipliedReportingOverflow(by: dtype.byteWidth)
    guard !overflow, bytes == length else { return false }
    // What is not kept is made as zeros when somebody reads it after all.
    guard isKept else { return length <= 1 << 32 }
    return offset >= headerLength && offset % WeightsHeader.alignment == 0 && offset <= fileLength
      && length <= fileLength - offset
  }
}

/// A bounds-checked reader of little-endian numbers.
private struct ByteCursor {
  private let buffer: UnsafeRawBufferPointer
  private var position: Int

  init(_ buffer: UnsafeRawBufferPointer, at position: Int = 0) {
    self.buffer = buffer
    self.position = position
  }

  mutating func bytes(_ count: Int) throws(WeightsFileError) -> UnsafeRawBufferPointer {
    guard let part = buffer.part(position, count) else {
      throw WeightsFileError(.damaged, "the header ends at byte \(position)")
    }
    position += count
    return part
  }

  mutating func number<T: FixedWidthInteger & BitwiseCopyable>() throws(WeightsFileError) -> T {
    T(littleEndian: try bytes(MemoryLayout<T>.size).loadUnaligned(as: T.self))
  }

  /// A 64-bit number that is a size.
  mutating func size() throws(WeightsFileError) -> Int {
    guard let size = Int(exactly: try number() as UInt64) else {
      throw WeightsFileError(.damaged, "a size before byte \(position) is too large")
    }
    return size
  }
}

/// A checksum against accidents, at several bytes a nanosecond; no protection against forgery.
enum Checksum {
  static func of(_ bytes: UnsafeRawBufferPointer) -> UInt64 {
    var hash = 0x9E37_79B9_7F4A_7C15 ^ UInt64(truncatingIfNeeded: bytes.count)
    var at = 0
    while at &+ 8 <= bytes.count {
      hash = mix(hash ^ UInt64(littleEndian: bytes.loadUnaligned(fromByteOffset: at, as: UInt64.self)))
      at &+= 8
    }
    while at < bytes.count {
      hash = mix(hash ^ UInt64(bytes[at]))
      at &+= 1
    }
    return hash
  }

  @inline(__always) private static func mix(_ value: UInt64) -> UInt64 {
    let product = value &* 0xFF51_AFD7_ED55_8CCD
    return product ^ product >> 32
  }
}
