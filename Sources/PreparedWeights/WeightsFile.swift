public import TensorCore

/// A file of prepared weights, mapped: constants by name, each from a multiple of 64 bytes on.
///
/// Layout, all numbers little-endian: `WeightsHeader`, then the constants. Opening checks the header, its checksum, the
/// key, the length of the file and that every constant lies inside it; what does not hold throws, and nothing traps.
///
/// The constants themselves are not read when the file is opened: that would cost what mapping saves. A file comes into
/// being complete and synced under its name (`WeightsWriter`), belongs to the user of this process or to root, and is
/// trusted from then on as far as numbers go: a flipped bit is a wrong weight, as it would be in the model file. What
/// operators index or branch by (any kind but floating-point numbers) is checked against its checksum when it is found.
public struct WeightsFile: Sendable {
  /// The file; keep it for as long as tensors of it are used, which they do by themselves.
  public let file: MappedFile
  /// Constants by name.
  private let entries: [String: WeightsHeader.Entry]

  /// Maps the file at `path`.
  ///
  /// - Throws: `WeightsFileError` when it is not there, of another user, damaged, or not made under `key`.
  public init(path: String, key: String) throws(WeightsFileError) {
    do {
      file = try MappedFile(path: path)
    } catch {
      throw WeightsFileError(.missing, "\(error)")
    }
    guard file.isTrustworthy else { throw WeightsFileError(.foreign, "\(path) belongs to another user") }
    do throws(WeightsFileError) {
      let header = try WeightsHeader(reading: file.bytes)
      guard header.key == key else {
        throw WeightsFileError(.otherKey, "\(path) was made for \"\(header.key)\", not for \"\(key)\"")
      }
      entries = Dictionary(header.entries.map { ($0.name, $0) }) { first, _ in first }
    } catch {
      throw WeightsFileError(error.code, "\(path): \(error.description)")
    }
  }

  /// What is known of the constant called `name`.
  func entry(_ name: String) -> WeightsHeader.Entry? { entries[name] }

  /// The constant, which lies in the file; nil where the file has another one at its place than was written.
  func tensor(_ entry: WeightsHeader.Entry) -> Tensor? {
    guard entry.isKept, let bytes = file.bytes.part(entry.offset, entry.length) else { return nil }
    if !entry.dtype.isPlainFloat, withExtendedLifetime(file, { Checksum.of(bytes) }) != entry.checksum { return nil }
    return try? Tensor(
      dtype: entry.dtype, shape: entry.shape, storage: TensorStorage(borrowing: bytes, owner: file))
  }
}

extension DType {
  /// Any bits are a number of this kind, and nothing but arithmetic is done with it.
  var isPlainFloat: Bool { self == .float32 || self == .float64 || self == .float16 || self == .bfloat16 }
}

extension UnsafeRawBufferPointer {
  /// `count` bytes from `offset` on, where there are so many.
  func part(_ offset: Int, _ count: Int) -> UnsafeRawBufferPointer? {
    guard offset >= 0, count >= 0, offset <= self.count, count <= self.count - offset else { return nil }
    return UnsafeRawBufferPointer(rebasing: self[offset..<(offset + count)])
  }
}

/// Why a file of prepared weights is not used.
public struct WeightsFileError: Error, Sendable, CustomStringConvertible {
  public enum Code: String, Sendable, Hashable {
    /// There is no such file, or it cannot be read.
    case missing
    /// It belongs to another user.
    case foreign
    /// It is not such a file, cut short or changed.
    case damaged
    /// It was made from another model, by another build or for another processor.
    case otherKey
    /// It cannot be written.
    case unwritable
  }

  public let code: Code
  public let description: String

  init(_ code: Code, _ description: String) {
    self.code = code
    self.description = description
  }
}
