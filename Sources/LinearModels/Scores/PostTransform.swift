#if canImport(Glibc)
import Glibc
#elseif canImport(Musl)
import Musl
#elseif canImport(Darwin)
import Darwin
#endif

/// What is done to the scores of one row at the end (`post_transform` of `ai.onnx.ml`).
public enum PostTransform: String, Sendable, CaseIterable {
  case none = "NONE"
  case softmax = "SOFTMAX"
  case logistic = "LOGISTIC"
  /// Softmax over the scores that are not zero.
  case softmaxZero = "SOFTMAX_ZERO"
  case probit = "PROBIT"

  /// Transforms the scores of one row, two or more.
  @inlinable public func apply(_ scores: UnsafeMutableBufferPointer<Float>) {
    switch self {
    case .none: break
    case .logistic: for i in scores.indices { scores[i] = PostTransform.logistic(scores[i]) }
    case .probit: for i in scores.indices { scores[i] = PostTransform.probit(scores[i]) }
    case .softmax: PostTransform.softmax(scores)
    case .softmaxZero: PostTransform.softmaxZero(scores)
    }
  }

  /// 1 / (1 + exp(-x)), without overflow.
  public static func logistic(_ x: Float) -> Float {
    let p = 1 / (1 + expf(-abs(x)))
    return x < 0 ? 1 - p : p
  }

  /// The standard normal quantile as the standard's reference approximates it (Winitzki's inverse error function).
  public static func probit(_ x: Float) -> Float {
    let y = 2 * x - 1
    let l = logf((1 - y) * (1 + y))
    let a: Float = 0.147
    let v = 2 / (3.14159 * a) + 0.5 * l
    let w = (v * v - l / a).squareRoot() - v
    return 1.41421356 * (y < 0 ? -w.squareRoot() : w.squareRoot())
  }

  /// Softmax in place.
  public static func softmax(_ scores: UnsafeMutableBufferPointer<Float>) {
    var top = -Float.greatestFiniteMagnitude
    for s in scores where s > top { top = s }
    var sum: Float = 0
    for i in scores.indices {
      scores[i] = expf(scores[i] - top)
      sum += scores[i]
    }
    for i in scores.indices { scores[i] /= sum }
  }

  /// Softmax in place over the scores that are not (almost) zero; the others stay almost zero.
  public static func softmaxZero(_ scores: UnsafeMutableBufferPointer<Float>) {
    var top = -Float.greatestFiniteMagnitude
    for s in scores where s > top { top = s }
    let scale = expf(-top)
    var sum: Float = 0
    for i in scores.indices {
      if abs(scores[i]) > 1e-7 {
        scores[i] = expf(scores[i] - top)
        sum += scores[i]
      } else {
        scores[i] *= scale
      }
    }
    for i in scores.indices { scores[i] /= sum }
  }
}

/// How one score of a two-class model becomes two columns.
public enum SecondScore: Sendable {
  /// The score is a probability: `[1 - p, p]`.
  case complement
  /// The score is a margin: `[-s, s]`.
  case negation

  /// Writes both columns. Softmax of one score is not taken, as in ONNX Runtime.
  @inlinable public func write(_ score: Float, _ transform: PostTransform, to out: UnsafeMutablePointer<Float>) {
    switch (transform, self) {
    case (.logistic, _):
      out[0] = PostTransform.logistic(-score)
      out[1] = PostTransform.logistic(score)
    case (.probit, _):
      out[0] = PostTransform.probit(1 - score)
      out[1] = PostTransform.probit(score)
    case (_, .complement):
      out[0] = 1 - score
      out[1] = score
    case (_, .negation):
      out[0] = -score
      out[1] = score
    }
  }
}
