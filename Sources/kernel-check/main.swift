import KernelChecks
import Kernels

// Usage: kernel-check [bench]. Compares every kernel that runs on this processor with a scalar reference; exit code 1
// when one differs. `bench` measures instead.
if CommandLine.arguments.dropFirst().first == "bench" {
  try KernelTable.useEnvironment()
  Bench.run()
} else {
  var failures = 0
  for table in KernelTable.runnable {
    var checker = Checker(table)
    checker.checkUnary()
    checker.checkBinary()
    checker.checkRows()
    checker.checkGemm()
    checker.checkIntegerGemm()
    checker.checkQuantize()
    checker.checkHalf()
    checker.checkWindows()
    checker.checkTrees()
    print("\(table.name): \(checker.checks - checker.failures) passed, \(checker.failures) failed")
    failures += checker.failures
  }
  if failures > 0 { throw CheckFailure() }
}

/// Ends the program with a code above 0.
struct CheckFailure: Error {}
