public import InferenceGraph
public import TensorCore

/// One column a category: 1 where the element is that category, else 0, along a new last axis.
public struct OneHotEncoder: Operator {
  public let name = "OneHotEncoder"
  let categories: ClassLabels
  let index: KeyIndex
  let allowsUnknown: Bool

  /// - Parameter allowsUnknown: an element that is no category gives zeros; otherwise it is an error.
  /// - Throws: `GraphError` when there are no categories.
  public init(categories: ClassLabels, allowsUnknown: Bool) throws {
    guard categories.count > 0 else {
      throw GraphError(.invalidModel, "attributes \"cats_int64s\" and \"cats_strings\" are both missing or empty")
    }
    self.categories = categories
    self.allowsUnknown = allowsUnknown
    switch categories {
    case .integers(let keys): index = KeyIndex(integers: keys)
    case .strings(let keys): index = KeyIndex(strings: keys)
    }
  }

  public func addHeld(to memory: inout HeldMemory) {
    categories.addHeld(to: &memory)
    index.addHeld(to: &memory, withKeys: false)
  }

  public var attributes: [(name: String, value: String)] { [("categories", "\(categories.count)")] }

  public func outputFacts(_ inputs: [Fact?]) throws -> [Fact] {
    let fact = inputs.first ?? nil
    if let dtype = fact?.dtype, (dtype == .string) != (categories.dtype == .string) {
      throw GraphError(.invalidModel, "the input is \(dtype), the categories are \(categories.dtype)")
    }
    return [Fact(.float32, fact?.shape.map { $0 + [Dim(categories.count)] })]
  }

  public func evaluate(_ inputs: inout [Value?], _ context: EvaluationContext) throws -> [Value] {
    let x = try Inputs.tensor(inputs[0])
    let width = categories.count
    let out = try context.allocate(.float32, Shape(x.shape.dims + [width]))
    let to = out.unsafeMutableElements(of: Float.self)
    to.update(repeating: 0)
    var unknown: Int?
    func put(_ element: Int, _ position: Int) {
      if position >= 0 { to[element &* width &+ position] = 1 } else if unknown == nil { unknown = element }
    }
    var known = true
    if x.dtype == .float32 || x.dtype == .float64 {
      known = categories.dtype != .string
      let whole = try context.allocate(.int64, x.shape)
      let integers = whole.unsafeMutableElements(of: Int64.self)
      // What no integer is near (NaN, 1e30) has none, and is no category whatever number stands in its place.
      var without = Set<Int>()
      func convert<T: BinaryFloatingPoint & BitwiseCopyable>(_ from: UnsafeBufferPointer<T>) {
        for i in from.indices {
          let integer = Int64(exactly: from[i].rounded(.towardZero))
          integers[i] = integer ?? 0
          if integer == nil { without.insert(i) }
        }
      }
      if x.dtype == .float32 {
        convert(x.unsafeElements(of: Float.self))
      } else {
        convert(x.unsafeElements(of: Double.self))
      }
      if known { known = index.lookUp(whole) { put($0, without.contains($0) ? -1 : $1) } }
      context.arena.recycle(.tensor(whole))
    } else {
      known = index.lookUp(x, put)
    }
    guard known else {
      throw GraphError(.invalidInput, "the input is \(x.dtype), the categories are \(categories.dtype)")
    }
    if let unknown, !allowsUnknown {
      throw GraphError(.invalidInput, "element \(unknown) of the input is none of the \(width) categories")
    }
    return [.tensor(out)]
  }
}
