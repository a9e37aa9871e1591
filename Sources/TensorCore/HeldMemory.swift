/// Counts the memory that something holds: each storage once, however many tensors share it.
public struct HeldMemory {
  /// Bytes of mapped files: memory that processes share, and that the system may take back.
  public private(set) var mappedBytes = 0
  /// Bytes that this process alone has.
  public private(set) var privateBytes = 0
  /// True when bytes that nobody should read are held (`LateBytes.init(unknown:wasRead:)`).
  public private(set) var holdsUnknown = false
  private var seen: Set<ObjectIdentifier> = []

  public init() {}

  public var totalBytes: Int { mappedBytes + privateBytes }

  /// Counts bytes that are not in a tensor.
  public mutating func add(privateBytes bytes: Int) { privateBytes += bytes }

  public mutating func add(_ tensor: Tensor?) {
    guard let tensor else { return }
    if tensor.dtype == .string {
      // A string is sixteen bytes, and an allocation of its own from that many bytes on.
      privateBytes += tensor.strings.reduce(0) { $0 + 16 + ($1.utf8.count > 15 ? $1.utf8.count + 48 : 0) }
    } else {
      add(tensor.storage, used: tensor.byteCount)
    }
  }

  public mutating func add(_ value: Value) {
    switch value {
    case .tensor(let tensor): add(tensor)
    case .sequence(let items, _): for item in items { add(item) }
    case .optional(let item, _): if let item { add(item) }
    case .map(let map):
      add(map.keys)
      add(map.values)
    }
  }

  private mutating func add(_ storage: TensorStorage, used: Int) {
    if let owner = storage.owner as? TensorStorage { return add(owner, used: used) }
    guard seen.insert(ObjectIdentifier(storage)).inserted else { return }
    if let late = storage.late {
      privateBytes += late.residentBytes
      holdsUnknown = holdsUnknown || late.isUnknown
    } else if storage.owner is MappedFile {
      mappedBytes += used
    } else {
      privateBytes += storage.byteCount
    }
  }
}
