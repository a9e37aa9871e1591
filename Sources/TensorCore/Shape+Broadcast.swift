extension Shape {
  /// The shape two shapes broadcast to (NumPy's rule: aligned at the last axis, extent 1 stretches), or nil.
  public func broadcast(with other: Shape) -> Shape? {
    if self == other { return self }
    let rank = Swift.max(self.rank, other.rank)
    var out = [Int](repeating: 1, count: rank)
    for i in 0..<rank {
      let a = i < rank - self.rank ? 1 : dims[i - (rank - self.rank)]
      let b = i < rank - other.rank ? 1 : other.dims[i - (rank - other.rank)]
      if a == b || b == 1 {
        out[i] = a
      } else if a == 1 {
        out[i] = b
      } else {
        return nil
      }
    }
    return Shape(out)
  }

  /// Element strides that read a tensor of this shape as if it had shape `target`: 0 along stretched axes.
  ///
  /// `target` must be a shape that this one broadcasts to.
  public func broadcastStrides(to target: Shape) -> [Int] {
    let own = strides
    let lead = target.rank - rank
    var out = [Int](repeating: 0, count: target.rank)
    for i in 0..<rank where dims[i] != 1 { out[lead + i] = own[i] }
    return out
  }
}
