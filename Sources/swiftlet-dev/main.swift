import ModelTools

let arguments = CommandLine.arguments
var only: String?
if let at = arguments.firstIndex(of: "--only"), at + 1 < arguments.count { only = arguments[at + 1] }
let verbose = arguments.contains("-v")
let conformance = try Conformance(root: arguments[2], only: only)
var passed = 0
var failed = 0
for one in conformance.cases {
  let outcome = conformance.run(one)
  if outcome.status == .pass {
    passed += 1
    if verbose { print("pass \(one.name)") }
  } else {
    failed += 1
    print("\(outcome.status) \(one.name): \(outcome.message)")
  }
}
print("\(passed) passed, \(failed) failed")
