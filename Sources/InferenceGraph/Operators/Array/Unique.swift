public import TensorCore

/// The distinct elements (or distinct entries along an axis), with the first index of each, the place of every element
/// among them, and how often each occurs. ONNX `Unique`.
public struct Unique: Operator {
  public let axis: Int?
  public let isSorted: Bool

  public init(axis: Int?, isSorted: Bool) {
    self.axis = axis
    self.isSorted = isSorted
  }

  public var name: String { "Unique" }
  public var attributes: [(name: String, value: String)] {
    (axis.map { [("axis", "\($0)")] } ?? []) + [("sorted", isSorted ? "1" : "0")]
  }

  public func outputFacts(_ inputs: [Fact?]) throws -> [Fact] {
    let data = try inputs.required(0, "X")
    let list = Fact(.int64, [.unknown])
    var shape: [Dim]? = [.unknown]
    var inverse: Dim = .unknown
    if let axis {
      shape = data.shape
      if let rank = data.rank {
        let at = try ShapeFacts.axis(axis, rank: rank)
        inverse = shape![at]
        shape![at] = .unknown
      }
    } else if let dims = data.shape {
      inverse = ShapeFacts.product(dims)
    }
    return [Fact(type: data.type, shape: shape), list, Fact(.int64, [inverse]), list]
  }

  public func evaluate(_ inputs: inout [Value?], _ context: EvaluationContext) throws -> [Value] {
    var data = try Operand.tensor(inputs, 0, "X")
    if axis == nil { data = try data.viewed([data.count]) }
    let axis = try Operand.axis(axis ?? 0, rank: data.shape.rank)
    guard let keys = OrderKey.keys(data) else { throw GraphError(.invalidInput, "\(data.dtype) has no order") }
    let extent = data.shape[axis]
    let inner = data.shape.product((axis + 1)..<data.shape.rank)
    let outer = data.shape.product(0..<axis)
    /// -1, 0 or 1 as entry `a` stands before, at or after entry `b`.
    func compare(_ a: Int, _ b: Int) -> Int {
      for block in 0..<outer {
        for column in 0..<inner {
          let x = keys[(block &* extent &+ a) &* inner &+ column]
          let y = keys[(block &* extent &+ b) &* inner &+ column]
          if x != y { return x < y ? -1 : 1 }
        }
      }
      return 0
    }
    let order = (0..<extent).sorted {
      let sign = compare($0, $1)
      return sign != 0 ? sign < 0 : $0 < $1
    }
    var groups: [(first: Int, members: [Int])] = []
    for entry in order {
      if let last = groups.last, compare(last.first, entry) == 0 {
        groups[groups.count - 1].members.append(entry)
      } else {
        groups.append((entry, [entry]))
      }
    }
    if !isSorted { groups.sort { $0.first < $1.first } }
    var inverse = [Int64](repeating: 0, count: extent)
    for (place, group) in groups.enumerated() { for entry in group.members { inverse[entry] = Int64(place) } }
    let first = Tensor(groups.map { Int64($0.first) })
    var picked: [Value?] = [.tensor(data), .tensor(first)]
    return try Gather(axis: axis).evaluate(&picked, context) + [
      .tensor(first), .tensor(Tensor(inverse)), .tensor(Tensor(groups.map { Int64($0.members.count) })),
    ]
  }
}
