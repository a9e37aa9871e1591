/// What `GET /execution-parameters` tells a batch transform job.
///
/// SageMaker accepts at most 100 MB a request and at most 100 for the product of both numbers.
public struct ExecutionParameters: Sendable, Equatable {
  public let maxConcurrentTransforms: Int
  public let maxPayloadInMB: Int

  /// - Parameters:
  ///   - workers: requests that can be computed at a time.
  ///   - maxBodySize: the largest body in bytes; SageMaker's MB is 1024 times 1024 of them.
  public init(workers: Int, maxBodySize: Int) {
    let concurrency = min(max(workers, 1), 100)
    maxConcurrentTransforms = concurrency
    maxPayloadInMB = max(1, min(maxBodySize >> 20, 100 / concurrency))
  }

  public var json: String {
    "{\"MaxConcurrentTransforms\":\(maxConcurrentTransforms),\"BatchStrategy\":\"MULTI_RECORD\",\"MaxPayloadInMB\":\(maxPayloadInMB)}"
  }
}
