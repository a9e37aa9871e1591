public import TensorCore

/// Notes the constants that a preparation makes, so that those which outlive it can be written to a file.
///
/// Not thread-safe: one preparation at a time.
public final class WeightsRecorder: ConstantStore {
  private struct Record {
    var name: String
    var dtype: DType
    var shape: Shape
    /// Where the tensor begins, in a storage that may be gone when the preparation is over.
    weak var storage: TensorStorage?
    var tensor: Tensor?
    var start: Int
  }

  private var records: [Record] = []
  private var names: Set<String> = []
  private let holdsAll: Bool

  /// - Parameter holdsAll: keep also what nothing else holds when the preparation is over.
  public init(holdsAll: Bool = false) { self.holdsAll = holdsAll }

  public func find(_ name: String) -> Tensor? { nil }

  public func keep(_ tensor: Tensor, as name: String) {
    guard names.insert(name).inserted else { return }
    records.append(
      Record(
        name: name, dtype: tensor.dtype, shape: tensor.shape, storage: tensor.storage, tensor: holdsAll ? tensor : nil,
        start: tensor.byteOffset))
  }

  /// What was noted, with the bytes of what somebody still holds.
  func survey() -> [(entry: WeightsHeader.Entry, storage: TensorStorage?, start: Int)] {
    records.map { record in
      let storage = record.tensor?.storage ?? record.storage
      let length = record.shape.elementCount * record.dtype.byteWidth
      let entry = WeightsHeader.Entry(
        name: record.name, dtype: record.dtype, shape: record.shape, isKept: storage != nil, offset: 0,
        length: length, checksum: 0)
      return (entry, storage, record.start)
    }
  }
}
