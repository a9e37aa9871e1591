import Synchronization
public import TensorCore

/// The constants of a weights file, for a preparation that finds them made.
///
/// For one preparation only.
public final class PreparedConstants: ConstantStore, Sendable {
  private let file: WeightsFile
  private let flaws = Mutex<Flaws>(Flaws())

  private struct Flaws {
    var missing: String?
    var readUnknown: String?
  }

  public init(_ file: WeightsFile) { self.file = file }

  public func find(_ name: String) -> Tensor? {
    guard let entry = file.entry(name) else { return nil }
    if entry.isKept {
      guard let tensor = file.tensor(entry) else {
        note { $0.missing = $0.missing ?? name }
        return nil
      }
      return tensor
    }
    let late = LateBytes(unknown: entry.length) { [weak self] in self?.note { $0.readUnknown = $0.readUnknown ?? name }
    }
    return try? Tensor(dtype: entry.dtype, shape: entry.shape, storage: TensorStorage(late))
  }

  /// A constant that should have been in the file.
  public func keep(_ tensor: Tensor, as name: String) { note { $0.missing = $0.missing ?? name } }

  private func note(_ change: (inout Flaws) -> Void) { flaws.withLock { change(&$0) } }

  /// Why what was prepared from these constants must not be used; nil where it is what it would be without them.
  public var flaw: String? {
    flaws.withLock { flaws in
      flaws.missing.map { "\"\($0)\" is missing or damaged" }
        ?? flaws.readUnknown.map { "\"\($0)\" is not kept and was read" }
    }
  }
}
