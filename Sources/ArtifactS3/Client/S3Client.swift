public import ArtifactStores
import AsyncHTTPClient
import Logging
import NIOCore
import NIOHTTP1
import Synchronization

/// Connections, credentials and what has been learned of buckets, shared by all stores of one configuration.
///
/// To make one is cheap: threads and connections begin with the first request. `shutdown` ends them; without it they end
/// when the last reference goes.
public final class S3Client: Sendable {
  package let configuration: S3Configuration
  package let transport: HTTPTransport
  package let quota = RetryQuota()
  let rules: S3EndpointRules
  private let credentials: CredentialCache
  /// Regions of buckets that answered from elsewhere.
  private let regions = Mutex<[String: String]>([:])
  /// Milliseconds that the server's clock is ahead of this machine's.
  private let clockOffset = Mutex<Int64>(0)

  /// - Throws: `StoreError` with the code `invalidLocation` for settings that cannot be used.
  public init(_ configuration: S3Configuration) throws(StoreError) {
    guard configuration.partSize > 0, configuration.parallelism > 0, configuration.maxAttempts > 0 else {
      throw StoreError(.invalidLocation, "partSize, parallelism and maxAttempts begin at 1")
    }
    rules = try configuration.endpointRules()
    if let path = configuration.certificates, (try? SmallFile.read(path, limit: 16 << 20)).flatMap({ $0 }) == nil {
      throw StoreError(
        .invalidLocation, "the certificates \(path) cannot be read; see AWS_CA_BUNDLE, ca_bundle and SSL_CERT_FILE")
    }
    self.configuration = configuration
    transport = HTTPTransport(configuration)
    credentials = CredentialCache(CredentialChain(configuration, transport: transport))
  }

  /// The objects of one bucket.
  public func store(bucket: String) -> S3Store { S3Store(bucket: bucket, client: self) }

  /// Ends connections and threads. Calls that are under way fail, and so do later ones.
  public func shutdown() async {
    await credentials.shutdown()
    await transport.shutdown()
  }

  /// The policy of retries of a new request.
  func policy() -> RetryPolicy { RetryPolicy(maxAttempts: configuration.maxAttempts) }

  /// Runs one call under the deadline of the configuration.
  func underDeadline<T: Sendable>(
    _ subject: String, _ body: @escaping @Sendable () async throws(StoreError) -> T
  ) async throws(StoreError) -> T {
    let text = configuration.deadline.map { "\($0)" } ?? ""
    return try await withTimeLimit(
      configuration.deadline, late: StoreError(.deadline, "\(subject): not done after the \(text) that are allowed"),
      body)
  }

  /// Sends a request until it succeeds, or nothing helps any more: signs it, goes where the bucket is, refreshes
  /// credentials and sets the clock, once each, and tries again as `policy` says.
  ///
  /// - Returns: an answer with a status of 2xx, whose body is yet to be read.
  func send(_ operation: S3Operation, policy: inout RetryPolicy) async throws(StoreError) -> HTTPClientResponse {
    var repairs = S3Repairs()
    var endpoint = self.endpoint(of: operation.bucket)
    while true {
      let identity = configuration.isAnonymous ? nil : try await credentials.credentials()
      let call = operation.call(to: endpoint, credentials: identity, at: (configuration.hooks.now() + offset) / 1000)
      let (fault, error): (AttemptFault, StoreError)
      do throws(TransportFault) {
        let response = try await transport.send(call)
        if (200..<300).contains(response.status.code) {
          policy.succeed(quota: quota)
          return response
        }
        let failure = await self.failure(of: response, operation, endpoint, identity)
        let now = configuration.hooks.now()
        switch S3Reaction(to: failure, at: endpoint, rules: rules, repairs: repairs, now: now) {
        case .region(let name):
          repairs.hasMoved = true
          remember(name, of: operation.bucket)
          endpoint = rules.endpoint(bucket: operation.bucket, region: name)
          continue
        case .findRegion:
          repairs.hasMoved = true
          if let name = await findRegion(of: operation.bucket, endpoint, identity), name != endpoint.region {
            remember(name, of: operation.bucket)
            endpoint = rules.endpoint(bucket: operation.bucket, region: name)
            continue
          }
        case .location(let url):
          repairs.hasMoved = true
          // For this request alone: it is said to be temporary.
          endpoint = S3Endpoint(
            url: EndpointURL(isSecure: url.isSecure, host: url.host, port: url.port),
            root: url.host.hasPrefix("\(operation.bucket).") ? "/" : "/\(operation.bucket)/", region: endpoint.region)
          continue
        case .refresh:
          repairs.hasRefreshed = true
          if let identity { await credentials.invalidate(identity) }
          continue
        case .clock(let offset):
          repairs.hasSetClock = true
          clockOffset.withLock { $0 = offset }
          configuration.logger.warning("this machine's clock is \(offset / 1000) s behind that of \(endpoint.url)")
          continue
        case .retry:
          if failure.isElsewhere, repairs.hasMoved { remember(nil, of: operation.bucket) }
        }
        fault = failure.fault
        error = failure.error(operation, at: endpoint, credentials: identity)
      } catch let problem {
        fault = problem.fault
        error = problem.error(operation.subject, at: endpoint.url)
      }
      guard let delay = policy.delay(after: fault, quota: quota, random: configuration.hooks.random) else {
        throw error
      }
      try await pause(delay, after: error)
    }
  }

  /// Waits before the next attempt.
  func pause(_ delay: Duration, after error: StoreError) async throws(StoreError) {
    configuration.logger.debug("trying again in \(delay): \(error)")
    do { try await configuration.hooks.sleep(delay) } catch { throw StoreError(.cancelled, "cancelled") }
  }

  /// What an answer tells. HEAD has no body to tell it in: then the first byte is asked for, for the sake of the answer.
  private func failure(
    of response: HTTPClientResponse, _ operation: S3Operation, _ endpoint: S3Endpoint, _ identity: AWSCredentials?
  ) async -> S3Failure {
    func read(_ response: HTTPClientResponse) async -> S3Failure {
      let work = { @Sendable [limit = configuration.limits.errorBytes] () async throws(TransportFault) -> [UInt8] in
        try await HTTPTransport.body(of: response, limit: limit, cuts: true)
      }
      let late = TransportFault(.connection, "")
      let body = (try? await withTimeLimit(configuration.readTimeout, late: late, work)) ?? []
      return S3Failure(
        status: Int(response.status.code), headers: response.headers, body: body, now: configuration.hooks.now())
    }
    let failure = await read(response)
    guard operation.method == .HEAD, failure.code == nil, [301, 307, 400, 403, 404].contains(failure.status) else {
      return failure
    }
    var question = operation
    question.method = .GET
    if operation.key.isEmpty {
      question.query = [("list-type", "2"), ("max-keys", "0")]
    } else {
      question.headers.append(("Range", "bytes=0-0"))
    }
    let call = question.call(to: endpoint, credentials: identity, at: (configuration.hooks.now() + offset) / 1000)
    guard let answer = try? await transport.send(call), answer.status == response.status else { return failure }
    var told = await read(answer)
    told.region = failure.region ?? told.region
    told.isDeleteMarker = failure.isDeleteMarker || told.isDeleteMarker
    return told
  }

  /// Asks for the bucket alone, whose header names its region whoever asks.
  private func findRegion(of bucket: String, _ endpoint: S3Endpoint, _ identity: AWSCredentials?) async -> String? {
    let call = S3Operation(.HEAD, bucket: bucket).call(
      to: endpoint, credentials: identity, at: (configuration.hooks.now() + offset) / 1000)
    guard let answer = try? await transport.answer(call, limit: configuration.limits.errorBytes, cuts: true),
      let name = answer.headers.first(name: "x-amz-bucket-region"), S3EndpointRules.isRegion(name)
    else { return nil }
    return name
  }

  /// Where requests for a bucket go now.
  func endpoint(of bucket: String) -> S3Endpoint { rules.endpoint(bucket: bucket, region: region(of: bucket)) }

  private var offset: Int64 { clockOffset.withLock { $0 } }

  private func region(of bucket: String) -> String {
    regions.withLock { $0[bucket] } ?? configuration.region
  }

  /// - Parameter region: nil to forget what was learned.
  private func remember(_ region: String?, of bucket: String) {
    configuration.logger.debug("the bucket \(bucket) is \(region.map { "in \($0)" } ?? "nowhere that was named")")
    regions.withLock { regions in
      if regions.count >= 1000 { regions = [:] }
      regions[bucket] = region
    }
  }
}
