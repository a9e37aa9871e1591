import InferenceGraph
import Kernels
import LinearModels
import TensorCore
import Testing

@Suite struct LinearModelsTests {
  private func run(_ op: any Operator, _ inputs: [Value]) throws -> [Value] {
    var inputs: [Value?] = inputs
    return try op.evaluate(&inputs, EvaluationContext(pool: .inline, arena: Arena()))
  }

  private func said(_ body: () throws -> Void) -> String {
    do {
      try body()
      return "no error"
    } catch { return "\(error)" }
  }

  @Test("a batch of n answers what n batches of one answer")
  func batches() throws {
    let op = try LinearClassifier(
      coefficients: (0..<39).map { Float($0 % 7) * 0.25 - 0.6 }, intercepts: [0.5, -0.25, 0.125],
      labels: .integers([3, 5, 8]), transform: .softmax)
    let x = (0..<(70 * 13)).map { Float(($0 * 37) % 101) / 50 - 1 }
    let whole = try run(op, [.tensor(Tensor(x, shape: [70, 13]))])
    let scores = try #require(whole[1].tensor?.array(of: Float.self))
    let labels = try #require(whole[0].tensor?.array(of: Int64.self))
    for i in 0..<70 {
      let one = try run(op, [.tensor(Tensor(Array(x[(i * 13)..<(i * 13 + 13)]), shape: [1, 13]))])
      #expect(one[1].tensor?.array(of: Float.self) == Array(scores[(i * 3)..<(i * 3 + 3)]))
      #expect(one[0].tensor?.array(of: Int64.self) == [labels[i]])
    }
  }

  @Test("attributes whose lengths contradict each other are refused by name")
  func lengths() throws {
    let labels = ClassLabels.integers([0, 1, 2])
    #expect(
      said {
        _ = try LinearClassifier(
          coefficients: [1, 2, 3, 4], intercepts: [0, 0, 0], labels: labels, transform: .none)
      }.contains("coefficients"))
    #expect(
      said {
        _ = try LinearRegressor(coefficients: [1, 2], intercepts: [0, 0], targets: 1, transform: .none)
      }.contains("intercepts"))
    let kernel = try SVMKernel(.rbf, parameters: [0.5, 0, 3])
    func svm(_ perClass: [Int], _ coefficients: Int, _ rho: Int) -> String {
      said {
        _ = try SVMClassifier(
          kernel: kernel, vectors: [Float](repeating: 1, count: 12), vectorsPerClass: perClass,
          coefficients: [Float](repeating: 1, count: coefficients), rho: [Float](repeating: 0, count: rho), probA: [],
          probB: [], labels: labels, transform: .none)
      }
    }
    #expect(svm([2, 2, 2], 12, 3) == "no error")
    #expect(svm([2, 2, 2], 11, 3).contains("coefficients"))
    #expect(svm([2, 2, 2], 12, 2).contains("rho"))
    #expect(svm([2, 2, 1], 12, 3).contains("support_vectors"))
    #expect(svm([2, 4], 12, 3).contains("vectors_per_class"))
    #expect(svm([-1, 4, 3], 12, 3).contains("vectors_per_class"))
    #expect(svm([Int.max, Int.max, 3], 12, 3).contains("vectors_per_class"))
    #expect(said { _ = try SVMKernel(.rbf, parameters: [1]) }.contains("kernel_params"))
    #expect(said { _ = try FeatureVectorizer(widths: [3, -1]) }.contains("inputdimensions"))
    #expect(said { _ = try CastMap(to: .float32, form: .sparse(-1)) }.contains("max_map"))
  }

  @Test("rows of another width than the weights are refused when the graph is built, or else when they come")
  func widths() throws {
    let op = try LinearRegressor(coefficients: [1, 2, 3], intercepts: [], targets: 1, transform: .none)
    #expect(said { _ = try op.outputFacts([Fact(.float32, [.symbol("n"), 4])]) }.contains("3 features"))
    #expect(said { _ = try op.outputFacts([Fact(.string, [.symbol("n"), 3])]) }.contains("numeric"))
    #expect(
      said { _ = try run(op, [.tensor(Tensor([1, 2, 3, 4] as [Float], shape: [1, 4]))]) }.contains("3 features"))
    let facts = try op.outputFacts([Fact(.float32, [.symbol("n"), 3])])
    #expect(facts[0].description == "float32[n,1]")
  }

  @Test("no rows give no answers")
  func noRows() throws {
    let op = try LinearClassifier(
      coefficients: [1, 2, 3, 4], intercepts: [0, 0], labels: .strings(["a", "b"]), transform: .softmax)
    let out = try run(op, [.tensor(Tensor([Float](), shape: [0, 2]))])
    #expect(out[0].tensor?.shape == [0] && out[1].tensor?.shape == [0, 2])
  }

  @Test("maps made from rows share one tensor of keys and tell their type beforehand")
  func zipMap() throws {
    let op = ZipMap(.strings(["no", "yes"]))
    let facts = try op.outputFacts([Fact(.float32, [.symbol("n"), 2])])
    #expect(facts[0].type == .sequence(.map(key: .string, value: .tensor(.float32))))
    let out = try run(op, [.tensor(Tensor([0.25, 0.75, 1, 0] as [Float], shape: [2, 2]))])
    guard case .sequence(let maps, _) = out[0], case .map(let a) = maps[0], case .map(let b) = maps[1] else {
      Issue.record("expected a sequence of maps")
      return
    }
    #expect(maps.count == 2 && a.keys.storage === b.keys.storage)
    #expect(b.values.array(of: Float.self) == [1, 0] && b.values.shape == [2])
    #expect(said { _ = try op.outputFacts([Fact(.float32, [.symbol("n"), 3])]) } != "no error")
  }

  @Test("strings are the same category only when their bytes are")
  func bytes() throws {
    let composed = "\u{E9}"
    let decomposed = "e\u{301}"
    let op = try OneHotEncoder(categories: .strings([composed, decomposed]), allowsUnknown: true)
    let out = try run(op, [.tensor(Tensor(strings: [decomposed, composed, "e"], shape: [3]))])
    #expect(out[0].tensor?.array(of: Float.self) == [0, 1, 1, 0, 0, 0])
    let strict = try OneHotEncoder(categories: .strings(["a"]), allowsUnknown: false)
    #expect(said { _ = try run(strict, [.tensor(Tensor(strings: ["b"], shape: [1]))]) }.contains("element 0"))
  }

  @Test("numbers beyond every integer are no category")
  func hugeNumbers() throws {
    let op = try OneHotEncoder(categories: .integers([0, .min]), allowsUnknown: true)
    let out = try run(op, [.tensor(Tensor([1e30, .nan, -.infinity, 0.5] as [Float], shape: [4]))])
    #expect(out[0].tensor?.array(of: Float.self) == [0, 0, 0, 0, 0, 0, 1, 0])
  }

  @Test("dictionaries become rows in the order of the vocabulary")
  func dictionaries() throws {
    let op = DictVectorizer(.strings(["b", "a", "c"]))
    let map = TensorMap(
      keys: try Tensor(strings: ["a", "z", "c"], shape: [3]), values: Tensor([1.5, 9, 2.5] as [Double]))
    let out = try run(op, [.map(map)])
    #expect(out[0].tensor?.array(of: Double.self) == [0, 1.5, 2.5] && out[0].tensor?.shape == [1, 3])
    let cast = try CastMap(to: .string, form: .sparse(3))
    let numbers = TensorMap(keys: Tensor([2, 0] as [Int64]), values: Tensor([-0.5, 12.25] as [Float]))
    #expect(Array(try run(cast, [.map(numbers)])[0].tensor?.strings ?? []) == ["12.250000", "0.f", "-0.500000"])
    let negative = TensorMap(keys: Tensor([-1] as [Int64]), values: Tensor([1] as [Float]))
    #expect(said { _ = try run(cast, [.map(negative)]) }.contains("-1"))
  }

  @Test("indices outside the axis are refused")
  func extraction() throws {
    let x = Value.tensor(try Tensor([1, 2, 3] as [Float], shape: [1, 3]))
    for index in [-1, 3, Int64.max] {
      #expect(said { _ = try run(ArrayFeatureExtractor(), [x, .tensor(Tensor([index]))]) }.contains("index"))
    }
  }
}
