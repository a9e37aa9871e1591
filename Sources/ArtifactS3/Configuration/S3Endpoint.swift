import TextEncodings

/// How a bucket is named in a URL.
public enum S3AddressingStyle: String, Sendable, Hashable, CaseIterable {
  /// In the host where that is possible, else in the path.
  case auto
  /// In the host: `https://bucket.s3.region.amazonaws.com/key`.
  case virtual
  /// In the path: `https://s3.region.amazonaws.com/bucket/key`.
  case path
}

/// Where the objects of one bucket are asked for.
package struct S3Endpoint: Sendable, Hashable {
  /// The service, and the bucket where it is part of the host.
  package var url: EndpointURL
  /// What the key comes after, raw: `/`, or `/bucket/`.
  package var root: String
  /// The region that requests are signed for.
  package var region: String
}

/// Endpoints of S3 (Amazon S3 user guide, "Virtual hosting of buckets"; AWS General Reference, "Amazon S3 endpoints").
package struct S3EndpointRules: Sendable, Hashable {
  /// A server of one's own; nil for AWS.
  package var custom: EndpointURL?
  package var style = S3AddressingStyle.auto
  /// Names that have IPv6 addresses, too.
  package var usesDualStack = false
  /// Names whose cryptography is validated (FIPS 140).
  package var usesFIPS = false

  package init(custom: EndpointURL? = nil, style: S3AddressingStyle = .auto) {
    self.custom = custom
    self.style = style
  }

  /// - Parameter region: `aws-global` is the global name, which is signed for us-east-1.
  package func endpoint(bucket: String, region: String) -> S3Endpoint {
    var url = custom ?? EndpointURL(isSecure: true, host: serviceHost(region: region))
    let isVirtual = usesHost(bucket: bucket, url: url)
    if isVirtual { url.host = "\(bucket).\(url.host)" }
    let prefix = PercentEncoding.decoded(url.path) ?? url.path
    url.path = ""
    return S3Endpoint(
      url: url, root: isVirtual ? "\(prefix)/" : "\(prefix)/\(bucket)/",
      region: region == "aws-global" ? "us-east-1" : region)
  }

  private func usesHost(bucket: String, url: EndpointURL) -> Bool {
    guard !url.isAddress, S3EndpointRules.isHostLabel(bucket) else { return false }
    switch style {
    case .path: return false
    // A certificate for *.s3.region.amazonaws.com does not cover more labels.
    case .virtual: return !(url.isSecure && bucket.contains("."))
    case .auto: return custom == nil && !bucket.contains(".")
    }
  }

  private func serviceHost(region: String) -> String {
    if region == "aws-global" { return "s3.amazonaws.com" }
    return
      "s3\(usesFIPS ? "-fips" : "")\(usesDualStack ? ".dualstack" : "").\(region).\(S3EndpointRules.suffix(region: region))"
  }

  /// The domain of the partition that `region` is in.
  package static func suffix(region: String) -> String {
    let suffixes = [
      ("cn-", "amazonaws.com.cn"), ("us-iso-", "c2s.ic.gov"), ("us-isob-", "sc2s.sgov.gov"),
      ("us-isof-", "csp.hci.ic.gov"), ("eu-isoe-", "cloud.adc-e.uk"), ("eusc-", "amazonaws.eu"),
    ]
    return suffixes.first { region.hasPrefix($0.0) }?.1 ?? "amazonaws.com"
  }

  /// The region in the name of one of AWS's endpoints, such as `bucket.s3-eu-west-1.amazonaws.com`; nil where there is none.
  package static func region(endpoint host: String) -> String? {
    let labels = host.lowercased().split(separator: ".")
    guard let end = labels.lastIndex(of: "amazonaws"), end > 0 else { return nil }
    for (i, label) in labels[..<end].enumerated().reversed() {
      if label.hasPrefix("s3-"), isRegion(label.dropFirst(3)) { return String(label.dropFirst(3)) }
      if label == "s3" || label == "s3-fips" {
        let next = labels[(i + 1)..<end].first { $0 != "dualstack" }
        return next.flatMap { isRegion($0) ? String($0) : nil }
      }
    }
    return nil
  }

  /// Whether a text can be a region: it becomes part of host names and signatures.
  package static func isRegion(_ text: some StringProtocol) -> Bool {
    (1...63).contains(text.utf8.count)
      && text.utf8.allSatisfy { (0x30...0x39).contains($0) || (0x61...0x7A).contains($0) || $0 == 0x2D }
      && !text.hasPrefix("-") && !text.hasSuffix("-") && text != "external-1" && text != "fips"
  }

  private static func isHostLabel(_ bucket: String) -> Bool {
    (3...63).contains(bucket.utf8.count)
      && bucket.split(separator: ".", omittingEmptySubsequences: false).allSatisfy { label in
        !label.isEmpty && !label.hasPrefix("-") && !label.hasSuffix("-")
          && label.utf8.allSatisfy { (0x30...0x39).contains($0) || (0x61...0x7A).contains($0) || $0 == 0x2D }
      }
  }
}
