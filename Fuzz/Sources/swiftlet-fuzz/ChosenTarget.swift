import CLibFuzzer

#if canImport(Glibc)
import Glibc
#elseif canImport(Darwin)
import Darwin
#endif

/// The target that the environment names; the arguments are libFuzzer's own.
enum ChosenTarget {
  static let target: FuzzTarget? = {
    let name = getenv("SWIFTLET_FUZZ_TARGET").map { String(cString: $0) } ?? ""
    return FuzzTarget.all.first { $0.name == name }
  }()
}

/// libFuzzer's hook: protobuf messages are mutated as trees, so that lengths stay right and the damage reaches what the
/// fields mean; every fourth time, and for other targets, bytes are.
@_cdecl("LLVMFuzzerCustomMutator")
func mutate(_ data: UnsafeMutablePointer<UInt8>?, _ size: Int, _ maxSize: Int, _ seed: UInt32) -> Int {
  guard let data, ChosenTarget.target?.isProtobuf == true, seed % 4 != 0 else {
    return LLVMFuzzerMutate(data, size, maxSize)
  }
  var mutator = ProtobufMutator(seed: seed)
  let out = mutator.mutated(UnsafeRawBufferPointer(start: data, count: size))
  guard !out.isEmpty, out.count <= maxSize else { return LLVMFuzzerMutate(data, size, maxSize) }
  out.withUnsafeBufferPointer { data.update(from: $0.baseAddress!, count: out.count) }
  return out.count
}
