import CPUFeatures
@_exported public import KernelSlots
import KernelsBaseline

#if canImport(Glibc)
import Glibc
#elseif canImport(Musl)
import Musl
#elseif canImport(Darwin)
import Darwin
#endif
#if KERNEL_VARIANTS && arch(x86_64)
import KernelsHaswell
import KernelsSkylakeAVX512
#endif

extension KernelTable {
  /// The tables that this build holds and this processor can run, the fastest first. `baseline` is always the last.
  public static var runnable: [KernelTable] {
    var tables: [KernelTable] = []
    #if KERNEL_VARIANTS && arch(x86_64)
    if cpu_runs_skylake_avx512() != 0 { tables.append(KernelsSkylakeAVX512.kernelTable()) }
    if cpu_runs_haswell() != 0 { tables.append(KernelsHaswell.kernelTable()) }
    #endif
    tables.append(KernelsBaseline.kernelTable())
    return tables
  }

  /// Every name that `select(named:)` may be asked for.
  public static let names = ["baseline", "haswell", "skylake-avx512"]

  /// The environment variable that overrides the choice.
  public static let environmentVariable = "SWIFTLET_KERNELS"

  /// The table called `name`, or nil when this build or this processor does not have it.
  public static func select(named name: String) -> KernelTable? { runnable.first { "\($0.name)" == name } }

  /// The table in use, chosen at first use: the one that `SWIFTLET_KERNELS` names where that can run here, else the
  /// fastest.
  public static let current: KernelTable = {
    if let value = getenv(environmentVariable), let table = select(named: String(cString: value)) { return table }
    return runnable[0]
  }()
}
