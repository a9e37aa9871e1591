public import TensorCore

extension ModelService {
  /// Runs the model on a synthesised row until it is warm, and measures what a small call takes.
  ///
  /// The row holds zeros and empty strings; extents that the model leaves free are `free`. The median of the runs, answer
  /// written, becomes `expectedNanoseconds`.
  ///
  /// - Returns: the median in nanoseconds; nil when the inputs cannot be synthesised from the signature (an unknown rank,
  ///   an input that is no tensor), and then nothing was run.
  /// - Throws: `ServingError` when the model fails on the row.
  @discardableResult
  public func warmUp(runs: Int = 8, free: Int = 8) throws(ServingError) -> UInt64? {
    guard let inputs = layout.synthesised(free: free) else { return nil }
    var positions = try standingOutputs
    if preferredAnswer.codec.encodesFirstOutputOnly { positions.removeSubrange(1...) }
    let clock = ContinuousClock()
    var times: [UInt64] = []
    for _ in 0..<max(runs, 1) {
      let start = clock.now
      _ = try answer(DecodedRequest(inputs: inputs), positions, preferredAnswer)
      let (seconds, attoseconds) = (clock.now - start).components
      times.append(UInt64(max(seconds, 0)) &* 1_000_000_000 &+ UInt64(max(attoseconds, 0)) / 1_000_000_000)
    }
    times.sort()
    let median = times[times.count / 2]
    setExpected(nanoseconds: median)
    return median
  }
}

extension InputLayout {
  /// One row of zeros (empty strings, `false`) for every required input; nil for the optional ones. The whole is nil when
  /// some required input's rank or type does not let it be made.
  public func synthesised(free: Int) -> [Value?]? {
    var values = [Value?](repeating: nil, count: inputs.count)
    for i in required {
      guard let dtype = inputs[i].dtype, let dims = SampleBody.dims(inputs[i], free: free),
        let count = Shape(dims).checkedElementCount, count <= 1 << 28
      else { return nil }
      values[i] = .tensor(Tensor(zeros: dtype, Shape(dims)))
    }
    return values
  }
}
