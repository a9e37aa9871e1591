public import InferenceGraph
public import TensorCore

/// The values of a map in the order of a vocabulary, missing ones as zero (or an empty string). A sequence of maps gives
/// one row each.
public struct DictVectorizer: Operator {
  public let name = "DictVectorizer"
  let vocabulary: ClassLabels
  let index: KeyIndex

  public init(_ vocabulary: ClassLabels) {
    self.vocabulary = vocabulary
    switch vocabulary {
    case .integers(let keys): index = KeyIndex(integers: keys)
    case .strings(let keys): index = KeyIndex(strings: keys)
    }
  }

  public func addHeld(to memory: inout HeldMemory) {
    vocabulary.addHeld(to: &memory)
    index.addHeld(to: &memory, withKeys: false)
  }

  public var attributes: [(name: String, value: String)] { [("vocabulary", "\(vocabulary.count)")] }

  public func outputFacts(_ inputs: [Fact?]) throws -> [Fact] {
    switch (inputs.first ?? nil)?.type {
    case .map(let key, let value)?:
      try check(key)
      return [Fact(type: value, shape: [1, Dim(vocabulary.count)])]
    case .sequence(.map(let key, let value))?:
      try check(key)
      return [Fact(type: value, shape: [.unknown, Dim(vocabulary.count)])]
    case nil: return [Fact(type: nil, shape: [.unknown, Dim(vocabulary.count)])]
    case let type?: throw GraphError(.invalidModel, "the input is \(type), expected a map")
    }
  }

  private func check(_ key: DType) throws {
    guard key == vocabulary.dtype else {
      throw GraphError(.invalidModel, "the map has \(key) keys, the vocabulary \(vocabulary.dtype) ones")
    }
  }

  public func evaluate(_ inputs: inout [Value?], _ context: EvaluationContext) throws -> [Value] {
    var maps: [TensorMap] = []
    var kind = DType.float32
    switch inputs.first ?? nil {
    case .map(let map)?: maps = [map]
    case .sequence(let members, let element)?:
      if case .map(_, let value) = element { kind = value.dtype ?? kind }
      for member in members {
        guard case .map(let map) = member else { throw GraphError(.invalidInput, "expected a sequence of maps") }
        maps.append(map)
      }
    default: throw GraphError(.invalidInput, "expected a map")
    }
    let dtype = maps.first?.values.dtype ?? kind
    let width = vocabulary.count
    let out = Tensor(zeros: dtype, [maps.count, width])
    var strings = [String](repeating: "", count: dtype == .string ? maps.count * width : 0)
    for (row, map) in maps.enumerated() {
      guard map.values.dtype == dtype, map.values.count >= map.keys.count else {
        throw GraphError(.invalidInput, "the maps' values differ in kind, or are fewer than their keys")
      }
      let bytes = dtype.byteWidth
      let from = map.values.unsafeBytes
      let to = out.unsafeMutableBytes
      let texts = Array(map.values.strings)
      let known = index.lookUp(map.keys) { i, position in
        guard position >= 0 else { return }
        let at = row * width + position
        if dtype == .string {
          strings[at] = texts[i]
        } else {
          for b in 0..<bytes { to[at * bytes + b] = from[i * bytes + b] }
        }
      }
      guard known else {
        throw GraphError(.invalidInput, "the map has \(map.keys.dtype) keys, the vocabulary \(vocabulary.dtype) ones")
      }
    }
    if dtype == .string { out.unsafeSetStrings(strings) }
    return [.tensor(out)]
  }
}
