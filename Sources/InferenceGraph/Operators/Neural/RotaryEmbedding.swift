public import TensorCore

/// Rotates pairs of components by an angle that depends on the place.
///
/// Inputs: X `[batch, heads, length, size]` or `[batch, length, heads*size]`, cosines and sines `[places, size/2]` with
/// position numbers `[batch, length]`, or `[batch, length, size/2]` without.
public struct RotaryEmbedding: Operator {
  /// Heads of a three-dimensional X.
  public var heads: Int
  /// Components of each head that are rotated; 0: all.
  public var dimensions: Int
  /// Pairs are neighbours; else one is in each half.
  public var isInterleaved: Bool

  public var name: String { "RotaryEmbedding" }

  public init(heads: Int, dimensions: Int, isInterleaved: Bool) {
    self.heads = heads
    self.dimensions = dimensions
    self.isInterleaved = isInterleaved
  }

  public func outputFacts(_ inputs: [Fact?]) throws -> [Fact] {
    let x = try Operand.fact(inputs, 0, "X")
    if let dtype = x.dtype, !dtype.isReal { throw Operand.unsupported(dtype, "floating-point numbers") }
    return [Fact(type: x.type, shape: x.shape)]
  }

  public func evaluate(_ inputs: inout [Value?], _ context: EvaluationContext) throws -> [Value] {
    let x = try Operand.tensor(inputs, 0, "X")
    let cosines = try Operand.tensor(inputs, 1, "cos_cache")
    let sines = try Operand.tensor(inputs, 2, "sin_cache")
    let positions = try Operand.optional(inputs, 3, "position_ids")
    let wide = x.shape.rank == 4
    guard wide || x.shape.rank == 3 && heads > 0 && x.shape[2] % heads == 0 else {
      throw GraphError(.invalidInput, "X of shape \(x.shape) does not divide into \(heads) heads")
    }
    let batch = x.shape[0]
    let length = x.shape[wide ? 2 : 1]
    let count = wide ? x.shape[1] : heads
    let size = wide ? x.shape[3] : x.shape[2] / heads
    let rotated = dimensions == 0 ? size : dimensions
    guard rotated >= 0, rotated <= size, rotated % 2 == 0 else {
      throw GraphError(.invalidInput, "\(rotated) of \(size) components cannot be rotated in pairs")
    }
    let half = rotated / 2
    var places = (0..<(batch * length)).map { $0 }
    let rows = half == 0 ? 0 : cosines.count / half
    if let positions {
      guard let given = positions.integers, given.count == places.count else {
        throw GraphError(.invalidInput, "position_ids must be \(places.count) integers")
      }
      places = given
    }
    guard cosines.shape == sines.shape, cosines.shape.dims.last == half, cosines.dtype == sines.dtype,
      half == 0 || places.allSatisfy({ $0 >= 0 && $0 < rows })
    else {
      throw GraphError(
        .invalidInput, "cos_cache of shape \(cosines.shape) and sin_cache of \(sines.shape) do not fit \(half) pairs")
    }
    let (c, s) = (try Numbers.read(cosines), try Numbers.read(sines))
    var values = try Numbers.read(x)
    for b in 0..<batch {
      for t in 0..<length {
        let angle = places[b * length + t] * half
        for h in 0..<count {
          let start = (wide ? (b * count + h) * length + t : (b * length + t) * count + h) * size
          for i in 0..<half {
            let first = start + (isInterleaved ? 2 * i : i)
            let second = isInterleaved ? first + 1 : first + half
            let (p, q) = (values[first], values[second])
            values[first] = c[angle + i] * p - s[angle + i] * q
            values[second] = s[angle + i] * p + c[angle + i] * q
          }
        }
      }
    }
    return [try Numbers.write(values, x.dtype, x.shape, context)]
  }
}
