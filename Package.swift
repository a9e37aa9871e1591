// swift-tools-version: 6.2
import PackageDescription

// SwiftPM refuses unsafe flags in a versioned dependency, and the wide kernel targets need `-march`.
// A dependency is checked out under ".../checkouts/": there the package builds with the baseline kernels alone.
let isRoot = !Context.packageDirectory.contains("/checkouts/")

let swiftSettings: [SwiftSetting] = [
  .swiftLanguageMode(.v6),
  .enableUpcomingFeature("ExistentialAny"),
  .enableUpcomingFeature("MemberImportVisibility"),
  .enableUpcomingFeature("InternalImportsByDefault"),
]

/// A library target with the package's settings.
func library(_ name: String, _ dependencies: [Target.Dependency] = []) -> Target {
  .target(name: name, dependencies: dependencies, swiftSettings: swiftSettings)
}

/// The test target of `name`.
func tests(
  _ name: String, _ dependencies: [Target.Dependency] = [], exclude: [String] = [], resources: [Resource]? = nil
) -> Target {
  .testTarget(
    name: "\(name)Tests", dependencies: [.byName(name: name)] + dependencies, exclude: exclude, resources: resources,
    swiftSettings: swiftSettings)
}

/// One instruction set's build of the kernel sources: optimised even in debug builds, as a whole module like a release
/// build. `-num-threads` makes the compiler write the object of every file where a debug build looks for it.
func kernels(_ name: String, defines: [String] = [], march: String? = nil) -> Target {
  var settings = swiftSettings
  if isRoot {
    let optimised = ["-O", "-wmo", "-num-threads", "1", "-disable-batch-mode"]
    settings.append(.unsafeFlags(optimised, .when(configuration: .debug)))
    if let march { settings.append(.unsafeFlags(["-Xcc", "-march=\(march)"])) }
  }
  settings += defines.map { .define($0) }
  return .target(name: name, dependencies: ["KernelSlots", "CIntegerDot"], swiftSettings: settings)
}

#if arch(x86_64)
let kernelVariants =
  isRoot
  ? [
    kernels("KernelsHaswell", defines: ["KERNELS_AVX2"], march: "haswell"),
    kernels("KernelsSkylakeAVX512", defines: ["KERNELS_AVX512"], march: "skylake-avx512"),
    kernels("KernelsCascadeLake", defines: ["KERNELS_AVX512", "KERNELS_VNNI"], march: "cascadelake"),
  ] : []
#else
let kernelVariants: [Target] = []
#endif

let package = Package(
  name: "swiftlet",
  platforms: [.macOS(.v15)],
  products: [
    // Everything that reads outside bytes, for the package in Fuzz/.
    .library(
      name: "SwiftletReaders",
      targets: [
        "TensorCore", "InferenceGraph", "ModelFormats", "FormatONNX", "ModelLoading", "ModelTools", "ServingCore",
        "ArtifactStores", "S3Documents", "JSONDocument", "TextEncodings", "ImageDecoding", "PreparedWeights",
      ])
  ],
  dependencies: [
    .package(url: "https://github.com/apple/swift-argument-parser.git", from: "1.8.2"),
    .package(url: "https://github.com/apple/swift-log.git", from: "1.16.2"),
    .package(url: "https://github.com/apple/swift-nio.git", from: "2.101.2"),
    .package(url: "https://github.com/apple/swift-nio-ssl.git", from: "2.37.6"),
    .package(url: "https://github.com/apple/swift-crypto.git", from: "4.5.2"),
    .package(url: "https://github.com/swift-server/async-http-client.git", from: "1.37.0"),
  ],
  targets: [
    library("TensorCore"),
    library("KernelSlots"),
    kernels("KernelsBaseline"),
    .target(name: "CPUFeatures"),
    .target(name: "CIntegerDot"),
    .target(
      name: "Kernels",
      dependencies: ["TensorCore", "KernelSlots", "KernelsBaseline", "CPUFeatures"]
        + kernelVariants.map { .byName(name: $0.name) },
      swiftSettings: swiftSettings + (kernelVariants.isEmpty ? [] : [.define("KERNEL_VARIANTS")])),
    .executableTarget(name: "kernel-check", dependencies: ["Kernels", "KernelChecks"], swiftSettings: swiftSettings),
    library("KernelChecks", ["Kernels", "KernelSlots", "TensorCore"]),
    library("ImageDecoding", ["CZlib"]),
    library("InferenceGraph", ["TensorCore", "Kernels", "ImageDecoding"]),
    library("PreparedWeights", ["TensorCore"]),
    library("ModelFormats", ["TensorCore", "InferenceGraph"]),
    library("LinearModels", ["TensorCore", "Kernels", "InferenceGraph"]),
    library("TreeEnsembles", ["TensorCore", "Kernels", "InferenceGraph", "LinearModels"]),
    library("FormatONNX", ["TensorCore", "InferenceGraph", "ModelFormats", "LinearModels", "TreeEnsembles"]),
    library("ServingCore", ["TensorCore", "CZlib"]),
    library("ServingTesting", ["ServingCore", "TensorCore"]),
    .systemLibrary(name: "CZlib"),
    .systemLibrary(name: "CFileCalls"),
    library(
      "ServingHTTP",
      [
        "ServingCore", "ModelHosting", "JSONDocument", "TextEncodings", "CZlib",
        .product(name: "NIOCore", package: "swift-nio"), .product(name: "NIOPosix", package: "swift-nio"),
        .product(name: "Logging", package: "swift-log"),
      ]),
    .executableTarget(
      name: "http-floor",
      dependencies: [
        "ServingHTTP", "ServingCore", .product(name: "NIOCore", package: "swift-nio"),
        .product(name: "NIOPosix", package: "swift-nio"), .product(name: "Logging", package: "swift-log"),
      ], swiftSettings: swiftSettings),
    library(
      "ArtifactStores", ["CZlib", "CFileCalls", "JSONDocument", .product(name: "Crypto", package: "swift-crypto")]),
    library("S3Documents", ["TextEncodings"]),
    .executableTarget(name: "cache-check", dependencies: ["ArtifactStores"], swiftSettings: swiftSettings),
    library(
      "ArtifactS3",
      [
        "ArtifactStores", "S3Documents", "JSONDocument", "TextEncodings",
        .product(name: "Crypto", package: "swift-crypto"),
        .product(name: "AsyncHTTPClient", package: "async-http-client"),
        .product(name: "NIOCore", package: "swift-nio"), .product(name: "NIOPosix", package: "swift-nio"),
        .product(name: "NIOHTTP1", package: "swift-nio"), .product(name: "NIOSSL", package: "swift-nio-ssl"),
        .product(name: "Logging", package: "swift-log"),
      ]),
    .executableTarget(
      name: "storage-check", dependencies: ["ArtifactS3", "ArtifactStores", "S3Documents", "JSONDocument"],
      path: "Tests/Storage/storage-check", swiftSettings: swiftSettings),
    library("Settings"),
    .target(name: "CProcess"),
    .target(name: "CAllocator"),
    library("ModelHosting", ["ServingCore", "JSONDocument", "TextEncodings", "CAllocator"]),
    tests("ModelHosting", ["ServingCore", "JSONDocument", "TensorCore"]),
    library(
      "Supervisor",
      [
        "Settings", "CProcess", "ModelHosting", "ServingCore", "JSONDocument",
        .product(name: "Logging", package: "swift-log"),
      ]),
    library("JSONDocument"),
    library("TextEncodings"),
    library(
      "ModelLoading",
      [
        "TensorCore", "Kernels", "InferenceGraph", "ModelFormats", "PreparedWeights", "FormatONNX", "ServingCore",
        "JSONDocument", "CAllocator", .product(name: "Crypto", package: "swift-crypto"),
      ]),
    library(
      "ModelTools",
      [
        "TensorCore", "Kernels", "InferenceGraph", "ModelFormats", "FormatONNX", "ModelLoading", "ServingCore",
        "JSONDocument",
      ]),
    library(
      "Command",
      [
        "ModelLoading", "ModelFormats", "FormatONNX", "ModelTools", "ServingCore", "ArtifactStores", "JSONDocument",
        "Kernels", "InferenceGraph", "ServeCommand", "Settings", "Supervisor", "TextEncodings",
        .product(name: "AsyncHTTPClient", package: "async-http-client"),
        .product(name: "NIOCore", package: "swift-nio"),
        .product(name: "NIOHTTP1", package: "swift-nio"),
        .product(name: "ArgumentParser", package: "swift-argument-parser"),
      ]),
    library(
      "ServeCommand",
      [
        "Settings", "Supervisor", "ServingCore", "ServingHTTP", "ModelFormats", "ModelHosting", "ModelLoading",
        "ArtifactStores", "ArtifactS3", "InferenceGraph", "JSONDocument", "Kernels", "TensorCore",
        .product(name: "NIOPosix", package: "swift-nio"), .product(name: "NIOCore", package: "swift-nio"),
        .product(name: "Logging", package: "swift-log"),
      ]),
    .executableTarget(name: "serve", dependencies: ["ServeCommand"], swiftSettings: swiftSettings),
    .executableTarget(
      name: "swiftlet",
      dependencies: ["Command", "ServeCommand", .product(name: "ArgumentParser", package: "swift-argument-parser")],
      swiftSettings: swiftSettings),
    tests("Settings"),
    tests("Supervisor", ["Settings", .product(name: "Logging", package: "swift-log")]),
    tests("TensorCore"),
    tests("Kernels", ["KernelChecks", "TensorCore"]),
    tests("ImageDecoding", exclude: ["Fixtures"]),
    tests("InferenceGraph", ["TensorCore", "Kernels"]),
    tests(
      "ModelLoading", ["TensorCore", "Kernels", "InferenceGraph", "ModelFormats", "ModelTools", "PreparedWeights"],
      exclude: ["DamagedModels"]),
    tests("LinearModels", ["InferenceGraph", "Kernels", "TensorCore"]),
    tests("TreeEnsembles", ["InferenceGraph", "Kernels", "LinearModels", "TensorCore"]),
    tests(
      "FormatONNX", ["TensorCore", "InferenceGraph", "ModelFormats"], exclude: ["Fixtures-ml", "Fixtures-vision"]),
    tests("ArtifactStores", ["JSONDocument"], exclude: ["Fixtures"]),
    tests(
      "ArtifactS3",
      [
        "ArtifactStores", "S3Documents", "JSONDocument", "TextEncodings",
        .product(name: "Crypto", package: "swift-crypto"), .product(name: "NIOCore", package: "swift-nio"),
        .product(name: "NIOPosix", package: "swift-nio"),
        .product(name: "NIOHTTP1", package: "swift-nio"),
      ]),
    tests("JSONDocument"),
    tests("TextEncodings"),
    tests(
      "ServingHTTP",
      [
        "ServingCore", "ServingTesting", .product(name: "NIOCore", package: "swift-nio"),
        .product(name: "NIOPosix", package: "swift-nio"), .product(name: "Logging", package: "swift-log"),
      ]),
    .executableTarget(
      name: "codec-bench", dependencies: ["ServingCore", "TensorCore"], path: "Benchmarks/codecs",
      swiftSettings: swiftSettings),
    .executableTarget(
      name: "load-bench", dependencies: ["ModelLoading", "ModelTools", "ModelFormats", "Kernels"],
      path: "Benchmarks/loading", swiftSettings: swiftSettings),
    .executableTarget(
      name: "tree-bench", dependencies: ["FormatONNX", "ModelFormats", "InferenceGraph", "Kernels", "TensorCore"],
      path: "Benchmarks/trees", exclude: ["bench.py"], swiftSettings: swiftSettings),
    tests("ServingCore", ["ServingTesting", "TensorCore"], exclude: ["Fixtures"]),
  ] + kernelVariants
)
