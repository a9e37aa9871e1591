import S3Documents
import TextEncodings

extension FuzzTarget {
  /// Answers of S3 and STS, in XML. What a listing says must stay within its limits.
  static let s3xml = FuzzTarget("s3-xml") { bytes in
    let bytes = Array(bytes)
    var limits = XMLLimits()
    limits.textBytes = 1024
    if let listing = try? S3ListingDocument(bytes, limits: limits, maxEntries: 100) {
      guard listing.entries.count + listing.prefixes.count <= 100, listing.entries.allSatisfy({ $0.size >= 0 }) else {
        fatalError("a listing beyond its limits")
      }
    }
    _ = S3ErrorDocument(bytes, limits: limits)
    _ = try? STSCredentialsDocument(bytes, limits: limits)
  }

  /// Settings files of AWS's tools, and the texts inside them.
  static let ini = FuzzTarget("ini") { bytes in
    guard let file = try? INIFile(Array(bytes)) else { return }
    for section in file.sections.values {
      for value in section.settings.values {
        _ = Timestamp.milliseconds(iso8601: value)
        _ = Timestamp.seconds(httpDate: value)
        guard PercentEncoding.decoded(PercentEncoding.encoded(value)) == value else {
          fatalError("encoded text is decoded differently")
        }
        _ = PercentEncoding.decoded(value, plusIsBlank: true)
      }
    }
  }
}
