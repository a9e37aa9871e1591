import Kernels
import TensorCore

/// One run of a recurrent network. Per direction: one product for all steps' inputs, then the steps, each one product
/// with R and the gates' arithmetic.
struct RecurrentRun<S: RecurrentScalar & TensorElement> {
  let network: Recurrent
  let weights: RecurrentWeights<S>
  let x: Tensor
  let bias: Tensor?
  let lengths: [Int]
  let initialH: Tensor?
  let initialC: Tensor?
  let peepholes: Tensor?
  let y: Tensor, lastH: Tensor, lastC: Tensor
  let t: Int, n: Int
  let pool: ComputePool

  private typealias Pointer = UnsafeMutablePointer<S>

  func run(_ d: Int) {
    let h = weights.hidden
    let gates = network.cell.rawValue
    let width = gates &* h
    let rows = t &* n
    withUnsafeTemporaryAllocation(of: S.self, capacity: n &* (width &+ 4 &* h) &+ 4 &* h &+ 1) { small in
      let projected = UnsafeMutablePointer<S>.allocate(capacity: Swift.max(1, rows &* width))
      defer { projected.deallocate() }
      guard let base = small.baseAddress else { return }
      if rows > 0, let from = x.unsafeElements(of: S.self).baseAddress {
        S.multiply(rows, from, weights.w[d], projected, width, accumulate: false, pool)
      }
      let gate = base
      let state = gate + n &* width
      let cell = state + n &* h
      let scratch = cell + n &* h
      addBias(projected, rows, d)
      read(initialH, d, into: state)
      read(initialC, d, into: cell)
      let reverse = network.direction == .reverse || d == 1
      let to = y.unsafeMutableElements(of: S.self)
      for s in 0..<t {
        let step = reverse ? t &- 1 &- s : s
        for b in 0..<n {
          (gate + b &* width).update(from: projected + row(step, b) &* width, count: width)
        }
        switch network.cell {
        case .plain: plain(d, gate, state, scratch)
        case .gru: gru(d, gate, state, scratch)
        case .lstm: lstm(d, gate, state, cell, scratch)
        }
        for b in 0..<n {
          let isActive = step < lengths[b]
          let next = scratch + b &* 2 &* h
          if isActive {
            (state + b &* h).update(from: next, count: h)
            if network.cell == .lstm { (cell + b &* h).update(from: next + h, count: h) }
          }
          let at = outputRow(step, b, d) &* h
          for i in 0..<h { to[at &+ i] = isActive ? next[i] : 0 }
        }
      }
      write(state, d, to: lastH)
      if network.cell == .lstm { write(cell, d, to: lastC) }
    }
  }

  /// The row of X of one step and sample.
  private func row(_ step: Int, _ b: Int) -> Int { network.isBatchFirst ? b &* t &+ step : step &* n &+ b }

  private func outputRow(_ step: Int, _ b: Int, _ d: Int) -> Int {
    network.isBatchFirst
      ? (b &* t &+ step) &* network.directions &+ d : (step &* network.directions &+ d) &* n &+ b
  }

  private func stateRow(_ b: Int, _ d: Int) -> Int {
    network.isBatchFirst ? b &* network.directions &+ d : d &* n &+ b
  }

  private func read(_ tensor: Tensor?, _ d: Int, into state: Pointer) {
    let h = weights.hidden
    guard let from = tensor?.unsafeElements(of: S.self) else {
      state.update(repeating: 0, count: n &* h)
      return
    }
    for b in 0..<n { for i in 0..<h { state[b &* h &+ i] = from[stateRow(b, d) &* h &+ i] } }
  }

  private func write(_ state: Pointer, _ d: Int, to tensor: Tensor) {
    let h = weights.hidden
    let to = tensor.unsafeMutableElements(of: S.self)
    for b in 0..<n { for i in 0..<h { to[stateRow(b, d) &* h &+ i] = state[b &* h &+ i] } }
  }

  /// Adds both biases to the projected inputs; R's bias of the last gate of a GRU that resets after the product is added
  /// there.
  private func addBias(_ projected: Pointer, _ rows: Int, _ d: Int) {
    guard let b = bias?.unsafeElements(of: S.self) else { return }
    let h = weights.hidden
    let width = network.cell.rawValue &* h
    let start = d &* 2 &* width
    let late = network.cell == .gru && network.resetsAfterProduct ? 2 &* h : width
    for r in 0..<rows {
      for j in 0..<width {
        projected[r &* width &+ j] += b[start &+ j] + (j < late ? b[start &+ width &+ j] : 0)
      }
    }
  }

  private func function(_ d: Int, _ index: Int) -> RecurrentFunction {
    network.functions[d &* Recurrent.functionCount(network.cell) &+ index]
  }

  private func apply(_ f: RecurrentFunction, _ x: Pointer, _ count: Int) {
    if let clip = network.clip {
      let limit = S(double: Double(clip))
      for i in 0..<count { x[i] = Swift.min(Swift.max(x[i], -limit), limit) }
    }
    S.apply(f, x, count)
  }

  /// The cells leave the next state of sample `b` at `scratch + 2*h*b`, and an LSTM its cell memory after that.
  private func plain(_ d: Int, _ gate: Pointer, _ state: Pointer, _ scratch: Pointer) {
    let h = weights.hidden
    S.multiply(n, state, weights.r[d], gate, h, accumulate: true, pool)
    apply(function(d, 0), gate, n &* h)
    for b in 0..<n { (scratch + b &* 2 &* h).update(from: gate + b &* h, count: h) }
  }

  private func gru(_ d: Int, _ gate: Pointer, _ state: Pointer, _ scratch: Pointer) {
    let h = weights.hidden
    let width = 3 &* h
    S.multiply(n, state, weights.r[d], gate, width, accumulate: true, pool)
    for b in 0..<n { apply(function(d, 0), gate + b &* width, 2 &* h) }
    // The cell memory is unused by a GRU: room for the operand of the second product.
    let operand = state + n &* h
    if network.resetsAfterProduct {
      let late = bias?.unsafeElements(of: S.self)
      let start = d &* 6 &* h &+ 5 &* h
      S.multiply(n, state, weights.rLast[d], operand, h, accumulate: false, pool)
      for b in 0..<n {
        for i in 0..<h {
          let product = operand[b &* h &+ i] + (late.map { $0[start &+ i] } ?? 0)
          gate[b &* width &+ 2 &* h &+ i] += gate[b &* width &+ h &+ i] * product
        }
      }
    } else {
      for b in 0..<n {
        for i in 0..<h { operand[b &* h &+ i] = gate[b &* width &+ h &+ i] * state[b &* h &+ i] }
      }
      S.multiply(n, operand, weights.rLast[d], gate + 2 &* h, width, accumulate: true, pool)
    }
    for b in 0..<n {
      let g = gate + b &* width
      apply(function(d, 1), g + 2 &* h, h)
      let next = scratch + b &* 2 &* h
      for i in 0..<h { next[i] = (1 - g[i]) * g[2 &* h &+ i] + g[i] * state[b &* h &+ i] }
    }
  }

  private func lstm(_ d: Int, _ gate: Pointer, _ state: Pointer, _ cell: Pointer, _ scratch: Pointer) {
    let h = weights.hidden
    let width = 4 &* h
    S.multiply(n, state, weights.r[d], gate, width, accumulate: true, pool)
    let p = peepholes.flatMap { $0.unsafeElements(of: S.self).baseAddress }.map { $0 + d &* 3 &* h }
    for b in 0..<n {
      let g = gate + b &* width
      let c = cell + b &* h
      let next = scratch + b &* 2 &* h
      if let p {
        for i in 0..<h {
          g[i] += p[i] * c[i]
          g[2 &* h &+ i] += p[2 &* h &+ i] * c[i]
        }
        apply(function(d, 0), g, h)
        apply(function(d, 0), g + 2 &* h, h)
      } else {
        apply(function(d, 0), g, 3 &* h)
      }
      apply(function(d, 1), g + 3 &* h, h)
      for i in 0..<h {
        let forget = network.couplesForgetGate ? 1 - g[i] : g[2 &* h &+ i]
        next[h &+ i] = forget * c[i] + g[i] * g[3 &* h &+ i]
        next[i] = next[h &+ i]
      }
      if let p {
        for i in 0..<h { g[h &+ i] += p[h &+ i] * next[h &+ i] }
        apply(function(d, 0), g + h, h)
      }
      S.apply(function(d, 2), next, h)
      for i in 0..<h { next[i] *= g[h &+ i] }
    }
  }
}
