import InferenceGraph
import Kernels
import ModelFormats
import ModelLoading
import PreparedWeights
import TensorCore
import Testing

struct PreparedWeightsTests {
  private let files = WeightsFolderFiles()

  @Test(arguments: ["torch", "boosting", "sklearn", "contrib"])
  func aModelAnswersTheSameToTheBitWithWeightsFromAFile(_ group: String) throws {
    var found = 0
    for (index, name) in Fixtures.names(group).enumerated() {
      let loaded = { try self.files.fixture(name, shift: index % 4) }
      let answer = try PreparedModel(loaded()).answer()
      let first = try PreparedModel(loaded(), weights: files.weights)
      #expect(try first.answer() == answer, "\(name)")
      let second = try PreparedModel(loaded(), weights: files.weights)
      #expect(try second.answer() == answer, "\(name)")
      switch first.weights {
      case .file(_, isNew: true):
        #expect(second.isFromFile, "\(name): \(second.weights)")
        found += 1
      case .file(_, isNew: false): Issue.record("\(name) found the weights of another model")
      case .memory(let reason): #expect(reason == nil, "\(name)")
      }
    }
    #expect(found > 0)
    #expect(files.names().count { $0.hasSuffix(".weights") } == found)
  }

  @Test func weightsThatLieInTheFileTakeNoMemoryOfTheirOwn() throws {
    let (graph, bytes) = try Chain.graph(layers: 4, width: 128)
    let model = LoadedModel(format: "test", path: "", graph: graph)
    let folder = WeightsFolder(files.weights.path, modelDigest: "chain")
    let own = try PreparedModel(model, weights: nil).memory
    #expect(own.mappedBytes == 0 && own.privateBytes >= bytes)
    for _ in 0..<2 {
      let mapped = try PreparedModel(model, weights: folder).memory
      #expect(mapped.mappedBytes >= bytes && mapped.privateBytes < 16_384)
    }
  }

  @Test func graphsInsideOperatorsHaveTheirWeightsInTheFileToo() throws {
    let (branch, bytes) = try Chain.graph(layers: 2, width: 64)
    var builder = GraphBuilder()
    let condition = builder.input("c", Fact(.bool, []))
    let x = builder.input("x", Fact(.float32, [3, 64]))
    let y = try builder.add1(Conditional(then: branch, otherwise: branch), condition, x, x)
    builder.output(y, name: "y")
    let model = LoadedModel(format: "test", path: "", graph: builder.graph)
    let folder = WeightsFolder(files.weights.path, modelDigest: "branches")
    let answer = try PreparedModel(model).answer()
    for isLater in [false, true] {
      let prepared = try PreparedModel(model, weights: folder)
      #expect(prepared.isFromFile == isLater)
      #expect(try prepared.answer() == answer)
      #expect(prepared.memory.mappedBytes >= 2 * bytes)
    }
  }

  @Test func aDamagedFileIsPassedOverAndMadeAnew() throws {
    let model = try chain()
    let good = try PreparedModel(model, weights: folder)
    let answer = try good.answer()
    guard case .file(let path, _) = good.weights else {
      Issue.record("\(good.weights)")
      return
    }
    let bytes = try MappedFile(path: path).contents()
    let key = try headerOf(bytes).key
    for length in stride(from: 0, to: bytes.count, by: 64) {
      files.write(Array(bytes[..<length]), as: path)
      #expect(throws: WeightsFileError.self) { try WeightsFile(path: path, key: key) }
    }
    let header = try headerOf(bytes).length
    for bit in 0..<(header * 8) {
      var flipped = bytes
      flipped[bit / 8] ^= 1 << UInt8(bit % 8)
      #expect(throws: WeightsFileError.self) { try headerOf(flipped) }
    }
    for damaged in [[], Array(bytes[..<header]), bytes + [0], [UInt8](repeating: 0xFF, count: bytes.count)] {
      files.write(damaged, as: path)
      let again = try PreparedModel(model, weights: folder)
      #expect(again.weights == .file(path: path, isNew: true))
      #expect(try again.answer() == answer)
      #expect(try MappedFile(path: path).contents() == bytes)
    }
    #expect(files.names().count == 1)
  }

  @Test func aHeaderThatLiesAboutItsConstantsIsRefused() throws {
    let good = WeightsHeader.Entry(
      name: "w", dtype: .float32, shape: [4], isKept: true, offset: 128, length: 16, checksum: 0)
    func refusal(_ change: (inout WeightsHeader.Entry) -> Void) -> Bool {
      var entry = good
      change(&entry)
      var header = WeightsHeader(key: "k", entries: [entry], fileLength: 192)
      header.fileLength = header.length + 64
      let bytes = header.encoded() + [UInt8](repeating: 0, count: 64)
      return (try? headerOf(bytes)) == nil
    }
    #expect(!refusal { _ in })
    #expect(refusal { $0.offset = 64 })
    #expect(refusal { $0.offset = 129 })
    #expect(refusal { $0.offset = 192 })
    #expect(refusal { $0.offset = Int.max })
    #expect(refusal { $0.length = 20 })
    #expect(refusal { $0.shape = [1 << 62, 4] })
    #expect(refusal { ($0.shape, $0.length) = ([17], 68) })
    #expect(refusal { $0.dtype = .string })
    #expect(refusal { ($0.isKept, $0.shape, $0.length) = (false, [1 << 40], 1 << 42) })
  }

  @Test func noByteOfAHeaderLeadsAReaderOutOfTheFile() throws {
    guard case .file(let path, _) = try PreparedModel(chain(), weights: folder).weights else { return }
    let bytes = try MappedFile(path: path).contents()
    let length = try headerOf(bytes).length
    func read(_ bytes: [UInt8]) {
      guard let header = try? bytes.withUnsafeBytes({ try WeightsHeader(reading: $0, checksum: false) }) else { return }
      for entry in header.entries where entry.isKept {
        #expect(entry.offset >= 0 && entry.length >= 0 && entry.offset <= bytes.count - entry.length)
      }
    }
    for bit in 0..<(length * 8) {
      var flipped = bytes
      flipped[bit / 8] ^= 1 << UInt8(bit % 8)
      read(flipped)
    }
    for at in 0...(length - 8) {
      for number in [UInt64.max, UInt64(Int64.max), UInt64(Int64.max) + 1, UInt64(bytes.count), 0] {
        var changed = bytes
        withUnsafeBytes(of: number.littleEndian) { changed.replaceSubrange(at..<(at + 8), with: $0) }
        read(changed)
      }
    }
  }

  @Test func aFileWithoutAConstantThatIsAskedForIsMadeAnew() throws {
    let model = try chain()
    let good = try PreparedModel(model, weights: folder)
    let answer = try good.answer()
    guard case .file(let path, _) = good.weights else { return }
    let bytes = try MappedFile(path: path).contents()
    let header = try headerOf(bytes)
    for index in header.entries.indices {
      var poorer = header
      poorer.entries[index].name = "another".padded(to: header.entries[index].name.utf8.count)
      files.write(poorer.encoded() + bytes[header.length...], as: path)
      let again = try PreparedModel(model, weights: folder)
      #expect(again.weights == .file(path: path, isNew: true))
      #expect(try again.answer() == answer)
    }
  }

  @Test func aFlippedBitInATableIsFound() throws {
    var large: (name: String, path: String, answer: [String])?
    for name in Fixtures.names("boosting") where large == nil {
      let model = try PreparedModel(files.fixture(name), weights: files.weights)
      if case .file(let path, _) = model.weights { large = (name, path, try model.answer()) }
    }
    let (name, path, answer) = try #require(large)
    let loaded = { try self.files.fixture(name) }
    let bytes = try MappedFile(path: path).contents()
    for entry in try headerOf(bytes).entries where entry.isKept {
      for at in stride(from: 0, to: entry.length, by: Swift.max(1, entry.length / 4)) {
        var flipped = bytes
        flipped[entry.offset + at] ^= 0x10
        files.write(flipped, as: path)
        let again = try PreparedModel(loaded(), weights: files.weights)
        #expect(again.weights == .file(path: path, isNew: true), "\(entry.name) byte \(at)")
        #expect(try again.answer() == answer)
      }
    }
  }

  @Test func buildersAtTheSameTimeLeaveOneFile() async throws {
    let model = try chain()
    let folder = folder
    let answer = try PreparedModel(model).answer()
    let answers = try await withThrowingTaskGroup(of: [String].self) { group in
      for _ in 0..<8 { group.addTask { try PreparedModel(model, weights: folder).answer() } }
      return try await group.reduce(into: []) { $0.append($1) }
    }
    #expect(answers == [[String]](repeating: answer, count: 8))
    #expect(files.names().count == 1 && files.names().allSatisfy { $0.hasSuffix(".weights") })
  }

  @Test func whereNoFileCanBeWrittenTheWeightsAreInMemoryAndTheReasonIsSaid() throws {
    let model = try chain()
    let answer = try PreparedModel(model).answer()
    for path in ["\(files.path)/none", files.write([1], as: "file"), "/proc"] {
      let prepared = try PreparedModel(model, weights: WeightsFolder(path, modelDigest: "chain"))
      guard case .memory(let reason?) = prepared.weights else {
        Issue.record("\(path): \(prepared.weights)")
        continue
      }
      #expect(reason.contains(path))
      #expect(try prepared.answer() == answer)
    }
    let nameless = try PreparedModel(model, weights: files.weights)
    #expect(nameless.weights.description.contains("no file"))
  }

  @Test func everyModelAndEverySetOfKernelsHasItsFile() throws {
    let model = try files.fixture("torch/\(Fixtures.names("torch")[0].split(separator: "/")[1])")
    let kernels = KernelTable.runnable.compactMap { files.weights.file(for: model, kernels: $0) }
    #expect(Set(kernels).count == KernelTable.runnable.count)
    #expect(files.weights.file(for: model) == files.weights.file(for: model))
    let one = WeightsFolder(files.weights.path, modelDigest: "a/../b").file(for: model)
    #expect(one != WeightsFolder(files.weights.path, modelDigest: "a").file(for: model))
    #expect(one?.hasPrefix("\(files.weights.path)/") == true && one?.contains("..") == false)
    let shifted = try files.fixture("torch/\(Fixtures.names("torch")[0].split(separator: "/")[1])", shift: 1)
    #expect(files.weights.file(for: shifted) != files.weights.file(for: model))
  }

  @Test func aReleasedModelIsGone() throws {
    weak var session: Session?
    for place in [nil, folder] {
      do {
        let model = try PreparedModel(chain(), weights: place)
        _ = try model.answer()
        session = model.session
      }
      #expect(session == nil)
    }
  }

  private var folder: WeightsFolder { WeightsFolder(files.weights.path, modelDigest: "chain") }

  private func chain() throws -> LoadedModel {
    LoadedModel(format: "test", path: "", graph: try Chain.graph(layers: 3, width: 48).graph)
  }

  @discardableResult
  private func headerOf(_ bytes: [UInt8]) throws -> WeightsHeader {
    try bytes.withUnsafeBytes { try WeightsHeader(reading: $0) }
  }
}

extension String {
  fileprivate func padded(to count: Int) -> String {
    String(prefix(count)) + String(repeating: ".", count: Swift.max(0, count - utf8.count))
  }
}

/// Products with constant matrices, one of them made from another constant.
enum Chain {
  /// The graph, and the bytes of its matrices.
  static func graph(layers: Int, width: Int) throws -> (graph: Graph, bytes: Int) {
    var builder = GraphBuilder()
    var x = builder.input("x", Fact(.float32, [3, Dim(width)]))
    for layer in 0..<layers {
      let elements = (0..<width * width).map { Float(($0 * 31 + layer * 7) % 17 - 8) / 16 }
      var w = builder.constant(try Tensor(elements, shape: [width, width]), name: "w\(layer)")
      if layer == 0 { w = try builder.add1(Transpose([1, 0]), w) }
      x = try builder.add1(MatMul(), x, w)
    }
    builder.output(x, name: "y")
    return (builder.graph, layers * width * width * 4)
  }
}
