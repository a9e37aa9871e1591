import Kernels
import PreparedWeights
import TensorCore

#if canImport(Glibc)
import Glibc
#elseif canImport(Musl)
import Musl
#elseif canImport(Darwin)
import Darwin
#endif

/// What prepared weights depend on: the model's contents, the kernels that they are packed for, and the build that packs.
struct WeightsKey {
  /// All of it, as it stands in the file.
  let text: String
  /// The file's name: `<model>-<kernels>-<build>.weights`. The first part is the same for all files of a model.
  let fileName: String

  /// - Throws: `Unknown` when nothing tells the model or the build from others.
  init(
    _ folder: WeightsFolder, _ files: [MappedFile], _ kernels: KernelTable = .current
  ) throws(Unknown) {
    let model: String
    if let digest = folder.modelDigest {
      model = digest
    } else {
      guard !files.isEmpty else { throw Unknown(description: "the model is of no file that could be told from others") }
      model = ModelDigest.remembered(files, in: folder.path)
    }
    let kernels = "\(kernels.name)"
    let build = try WeightsKey.build()
    text = "model \(model), kernels \(kernels), build \(build)"
    fileName = "\(ModelDigest.of(model).prefix(32))-\(kernels)-\(ModelDigest.of(build).prefix(8)).weights"
  }

  /// Why there is no key.
  struct Unknown: Error, CustomStringConvertible {
    let description: String
  }

  /// What tells this build from others: the version of the file's layout, and the executable's size and time of change.
  private static func build() throws(Unknown) -> String {
    #if canImport(Darwin)
    let executable = CommandLine.arguments.first ?? ""
    #else
    let executable = "/proc/self/exe"
    #endif
    var info = stat()
    guard stat(executable, &info) == 0 else {
      throw Unknown(description: "the executable \(executable) cannot be examined: \(String(cString: strerror(errno)))")
    }
    #if canImport(Darwin)
    let time = info.st_mtimespec
    #else
    let time = info.st_mtim
    #endif
    return "\(WeightsHeader.version) \(info.st_size) \(time.tv_sec).\(time.tv_nsec)"
  }
}
