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
      add(strings: tensor.strings)
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

  /// Counts an array of strings: sixteen bytes each, and an allocation of its own for one of as many bytes.
  public mutating func add(strings: some Sequence<String>) {
    for string in strings { privateBytes += 16 + HeldMemory.contents(string) }
  }

  /// Counts a dictionary's table, without what its keys and values have outside of it.
  public mutating func add<Key, Element>(_ dictionary: [Key: Element]) {
    guard dictionary.capacity > 0 else { return }
    // There is a power of two of places, of which three quarters may be taken.
    let places = 1 << (Int.bitWidth - (dictionary.capacity + dictionary.capacity / 3 - 1).leadingZeroBitCount)
    privateBytes += places * (MemoryLayout<Key>.stride + MemoryLayout<Element>.stride) + places / 8
  }

  /// Counts what strings have outside of the places that they are held in.
  public mutating func add(contentsOf strings: some Sequence<String>) {
    for string in strings { privateBytes += HeldMemory.contents(string) }
  }

  private static func contents(_ string: String) -> Int {
    string.utf8.count > 15 ? (string.utf8.count + 32 + 16) / 16 * 16 : 0
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
