/// Numbers of bytes in messages.
enum ByteCount {
  private static let units = [
    ("GiB", 1 << 30), ("GB", 1_000_000_000), ("MiB", 1 << 20), ("MB", 1_000_000), ("KiB", 1 << 10),
  ]

  /// The shortest exact form, as settings take it: `100MiB`, `5MB`, `4095B`.
  static func text(_ count: Int) -> String {
    for (name, unit) in units where count >= unit && count % unit == 0 { return "\(count / unit)\(name)" }
    return "\(count)B"
  }
}
