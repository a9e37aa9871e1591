import S3Documents

/// The endpoints of the services that credentials come from, and the order of settings that all services have
/// (AWS SDKs and Tools reference, "Service-specific endpoints").
package enum ServiceEndpoint {
  /// What the settings say for a service, such as `s3` or `sts`; nil where they say nothing or are to be ignored.
  package static func configured(
    _ service: String, environment: [String: String], profiles: SharedProfiles
  ) -> String? {
    let ignore =
      environment.value("AWS_IGNORE_CONFIGURED_ENDPOINT_URLS") ?? profiles.current?["ignore_configured_endpoint_urls"]
    guard ignore?.lowercased() != "true" else { return nil }
    return environment.value("AWS_ENDPOINT_URL_\(service.uppercased())") ?? environment.value("AWS_ENDPOINT_URL")
      ?? profiles.endpoint(service: service)
  }

  /// The URL of a service other than S3, by its settings or AWS's name for the region.
  package static func url(
    _ service: String, host: String, region: String, environment: [String: String], profiles: SharedProfiles
  ) -> EndpointURL? {
    if let text = configured(service, environment: environment, profiles: profiles) { return EndpointURL(text) }
    return EndpointURL(isSecure: true, host: "\(host).\(region).\(S3EndpointRules.suffix(region: region))")
  }
}
