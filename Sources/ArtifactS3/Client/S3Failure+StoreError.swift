import ArtifactStores

extension S3Failure {
  /// The error that a user sees: what was asked of which endpoint, what it said, and what helps.
  func error(
    _ operation: S3Operation, at endpoint: S3Endpoint, credentials: AWSCredentials?
  ) -> StoreError {
    var said = "\(status)"
    if let code { said += " \(code)" }
    if let message, !message.isEmpty { said += " \"\(message.prefix(300))\"" }
    let request = requestID.map { ", request \($0.prefix(80))" } ?? ""
    let (kind, remedy) = meaning(operation, at: endpoint, credentials: credentials)
    return StoreError(
      kind, "\(operation.subject) at \(endpoint.url) (region \(endpoint.region)\(request)): \(said): \(remedy)")
  }

  private func meaning(
    _ operation: S3Operation, at endpoint: S3Endpoint, credentials: AWSCredentials?
  ) -> (StoreError.Code, String) {
    let who =
      credentials.map { "the access key \($0.accessKeyID) from \($0.source)" } ?? "a request without credentials"
    switch code {
    case "NoSuchBucket":
      return (.notFound, "there is no bucket \"\(operation.bucket)\"; check its name and the endpoint")
    case "NoSuchVersion": return (.notFound, "the object has no such version")
    case "NoSuchKey":
      return (
        .notFound, isDeleteMarker ? "the object has been deleted; a versionId reads it" : "there is no such object"
      )
    case "SignatureDoesNotMatch":
      return (
        .accessDenied,
        "the secret key that belongs to \(who) is wrong, or a proxy changes requests on the way; check AWS_SECRET_ACCESS_KEY"
      )
    case "InvalidAccessKeyId":
      return (.accessDenied, "\(who) is not known there; is it meant for another endpoint?")
    case "ExpiredToken", "ExpiredTokenException", "TokenRefreshRequired":
      return (.accessDenied, "the session of \(who) is over, and refreshing it brought no other; log in again")
    case "InvalidToken":
      return (.accessDenied, "the session token of \(who) does not belong to it; check AWS_SESSION_TOKEN")
    case "RequestTimeTooSkewed", "RequestExpired", "RequestInTheFuture":
      return (.accessDenied, "this machine's clock is wrong by more than 15 minutes; set it")
    case "InvalidObjectState":
      return (.accessDenied, "the object is archived; restore it before it is read")
    case "AllAccessDisabled", "AccountProblem":
      return (.accessDenied, "the bucket or the account is closed; ask its owner")
    case "AuthorizationHeaderMalformed", "PermanentRedirect", "IllegalLocationConstraintException", "IncorrectEndpoint":
      let other = region.map { "; the bucket is in \($0)" } ?? ""
      return (.accessDenied, "requests for this bucket must go to another region or endpoint\(other); set AWS_REGION")
    case "PreconditionFailed": return (.changed, "the object was replaced while it was read")
    case "InvalidRange": return (.changed, "the object has become shorter while it was read")
    case "KMS.DisabledException", "KMS.NotFoundException", "KMS.KMSInvalidStateException":
      return (.accessDenied, "the key that the object is encrypted with cannot be used")
    default: break
    }
    switch status {
    case 300..<400 where region != nil && status == 301:
      return (.accessDenied, "the bucket is in \(region ?? ""), but that did not answer either; set AWS_REGION")
    case 300..<400:
      let place = location.map { " to \($0.prefix(200))" } ?? ""
      return (
        .accessDenied,
        "a redirect\(place) that is not followed; set AWS_REGION or AWS_ENDPOINT_URL_S3 to where the bucket is"
      )
    case 401, 403:
      let list = operation.key.isEmpty ? "s3:ListBucket" : "s3:GetObject"
      let hint = operation.key.isEmpty ? "" : "; a key that does not exist is refused, too, without s3:ListBucket"
      return (.accessDenied, "\(who) may not do this; it needs \(list)\(hint)")
    case 404: return (.notFound, operation.key.isEmpty ? "there is no such bucket" : "there is no such object")
    case 405 where isDeleteMarker: return (.notFound, "this version says that the object was deleted")
    case 412: return (.changed, "the object was replaced while it was read")
    case 416: return (.changed, "the object has become shorter while it was read")
    case 408, 429, 500...599: return (.unavailable, "the server cannot answer now; try again later")
    default:
      return (
        .badAnswer,
        "the server does not take the request; is it one that speaks S3's protocol, over \(endpoint.url.scheme)?"
      )
    }
  }
}

extension TransportFault {
  /// What trying again the same may change.
  var fault: AttemptFault {
    switch kind {
    case .silence: StorePatience.isShort ? .permanent : .connection
    case .connection, .name, .garbage: .connection
    case .tls, .limit, .unusable, .cancelled: .permanent
    }
  }

  /// The error that a user sees.
  func error(_ subject: String, at url: EndpointURL) -> StoreError {
    switch kind {
    case .connection, .silence: StoreError(.unreachable, "\(subject): no answer from \(url): \(description)")
    case .name:
      StoreError(.unreachable, "\(subject): \(url) cannot be found: \(description); check the region and the endpoint")
    case .tls:
      StoreError(
        .unreachable,
        "\(subject): no secure connection to \(url): \(description); AWS_CA_BUNDLE names other certificates")
    case .garbage: StoreError(.badAnswer, "\(subject): \(url) gave \(description); is it an S3 endpoint?")
    case .limit: StoreError(.limit, "\(subject): \(url) gave \(description)")
    case .unusable: StoreError(.unreachable, "\(subject): \(url) cannot be asked: \(description)")
    case .cancelled: StoreError(.cancelled, "\(subject): cancelled")
    }
  }
}
