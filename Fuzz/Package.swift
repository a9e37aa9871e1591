// swift-tools-version: 6.2
import PackageDescription

// Build with scripts/fuzz, which adds `-sanitize=fuzzer,address` to every module.
let package = Package(
  name: "fuzz",
  platforms: [.macOS(.v15)],
  dependencies: [.package(name: "swiftlet", path: "..")],
  targets: [
    .target(name: "CLibFuzzer"),
    .executableTarget(
      name: "swiftlet-fuzz",
      dependencies: ["CLibFuzzer", .product(name: "SwiftletReaders", package: "swiftlet")],
      swiftSettings: [
        .swiftLanguageMode(.v6), .enableUpcomingFeature("ExistentialAny"),
        .enableUpcomingFeature("MemberImportVisibility"), .enableUpcomingFeature("InternalImportsByDefault"),
      ]),
  ])
