#if canImport(Glibc)
import Glibc
#elseif canImport(Musl)
import Musl
#elseif canImport(Darwin)
import Darwin
#endif

/// Class probabilities from pairwise ones: Wu, Lin and Weng, "Probability Estimates for Multi-class Classification by
/// Pairwise Coupling" (2004), second method, with libsvm's stopping rule.
enum PairwiseCoupling {
  /// - Parameters:
  ///   - pairwise: `[i * classes + j]` is the probability of class `i` against `j`.
  ///   - work: room for `classes * classes + classes` values.
  ///   - out: the probabilities of the classes.
  static func solve(
    _ classes: Int, _ pairwise: UnsafePointer<Float>, work: UnsafeMutablePointer<Float>,
    out: UnsafeMutablePointer<Float>
  ) {
    let q = work
    let qp = work + classes * classes
    for i in 0..<classes {
      out[i] = 1 / Float(classes)
      var diagonal: Float = 0
      for j in 0..<classes where j != i {
        let r = pairwise[j * classes + i]
        diagonal += r * r
        q[i * classes + j] = -r * pairwise[i * classes + j]
      }
      q[i * classes + i] = diagonal
    }
    let tolerance = 0.005 / Float(classes)
    for _ in 0..<100 {
      var pqp: Float = 0
      for i in 0..<classes {
        var sum: Float = 0
        for j in 0..<classes { sum += q[i * classes + j] * out[j] }
        qp[i] = sum
        pqp += out[i] * sum
      }
      var worst: Float = 0
      for i in 0..<classes { worst = Swift.max(worst, abs(qp[i] - pqp)) }
      if worst < tolerance { break }
      for i in 0..<classes {
        let pivot = q[i * classes + i]
        let step = (pqp - qp[i]) / pivot
        out[i] += step
        let scale = 1 + step
        pqp = (pqp + step * (step * pivot + 2 * qp[i])) / scale / scale
        for j in 0..<classes {
          qp[j] = (qp[j] + step * q[i * classes + j]) / scale
          out[j] /= scale
        }
      }
    }
  }

  /// Platt's probability of the first class of a pair: libsvm's `sigmoid_predict`, kept away from 0 and 1.
  static func probability(_ score: Float, _ a: Float, _ b: Float) -> Float {
    let p = 1 - PostTransform.logistic(score * a + b)
    return Swift.min(Swift.max(p, 1e-7), 1 - 1e-7)
  }
}
