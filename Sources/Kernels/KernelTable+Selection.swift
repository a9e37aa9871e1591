import CPUFeatures
@_exported public import KernelSlots
import KernelsBaseline
import Synchronization

#if canImport(Glibc)
import Glibc
#elseif canImport(Musl)
import Musl
#elseif canImport(Darwin)
import Darwin
#endif
#if KERNEL_VARIANTS && arch(x86_64)
import KernelsCascadeLake
import KernelsHaswell
import KernelsSkylakeAVX512
#endif

extension KernelTable {
  /// The tables that this build holds and this processor can run, the fastest first. `baseline` is always the last.
  public static var runnable: [KernelTable] {
    var tables: [KernelTable] = []
    #if KERNEL_VARIANTS && arch(x86_64)
    if cpu_runs_cascadelake() != 0 { tables.append(KernelsCascadeLake.kernelTable()) }
    if cpu_runs_skylake_avx512() != 0 { tables.append(KernelsSkylakeAVX512.kernelTable()) }
    if cpu_runs_haswell() != 0 { tables.append(KernelsHaswell.kernelTable()) }
    #endif
    tables.append(KernelsBaseline.kernelTable())
    return tables
  }

  /// Every name that `select(named:)` may be asked for.
  public static let names = ["baseline", "haswell", "skylake-avx512", "cascadelake"]

  /// The environment variable that overrides the choice.
  public static let environmentVariable = "SWIFTLET_KERNELS"

  /// The table called `name`, or nil when this build or this processor does not have it.
  public static func select(named name: String) -> KernelTable? { runnable.first { "\($0.name)" == name } }

  /// Makes the table called `name` the one in use. Has no effect once `current` was read.
  ///
  /// - Parameter name: one of `names`, or `auto` for the fastest.
  /// - Throws: `KernelChoiceError` when this build or this processor does not have it.
  public static func use(named name: String) throws(KernelChoiceError) {
    guard name != "auto" else { return chosen.withLock { $0 = runnable[0] } }
    guard let table = select(named: name) else { throw KernelChoiceError(name: name) }
    chosen.withLock { $0 = table }
  }

  /// Follows `SWIFTLET_KERNELS` where it is set.
  ///
  /// - Throws: `KernelChoiceError` as `use(named:)` does.
  public static func useEnvironment() throws(KernelChoiceError) {
    if let value = getenv(environmentVariable) { try use(named: String(cString: value)) }
  }

  /// The table in use, fixed at first use: the one that `use(named:)` chose, else the fastest.
  public static let current: KernelTable = chosen.withLock { $0 } ?? runnable[0]

  private static let chosen = Mutex<KernelTable?>(nil)
}

/// The kernels that were asked for cannot run here.
public struct KernelChoiceError: Error, Equatable, CustomStringConvertible {
  /// What was asked for.
  public let name: String

  public var description: String {
    guard KernelTable.names.contains(name) else {
      return "there are no kernels named \(name); the names are auto, \(KernelTable.names.joined(separator: ", "))"
    }
    let runnable = KernelTable.runnable.map { "\($0.name)" }.joined(separator: ", ")
    return "the kernels \(name) cannot run on this processor or are not in this build; these can: \(runnable)"
  }
}
