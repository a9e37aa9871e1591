/// Dates as S3's protocol writes them, in the proleptic Gregorian calendar and UTC, without a calendar library.
public enum Timestamp {
  /// `yyyymmddThhmmssZ`, as `X-Amz-Date` has it; years before 0 and after 9999 become those.
  ///
  /// - Parameter seconds: since 1970.
  public static func amz(_ seconds: Int64) -> String { text(seconds, "", "") }

  /// `yyyy-mm-ddThh:mm:ssZ` (RFC 3339); years before 0 and after 9999 become those.
  ///
  /// - Parameter seconds: since 1970.
  public static func iso8601(_ seconds: Int64) -> String { text(seconds, "-", ":") }

  /// `yyyy-mm-ddThh:mm:ss.fffZ` of milliseconds since 1970.
  public static func iso8601(milliseconds: Int) -> String {
    let seconds = milliseconds >= 0 ? milliseconds / 1000 : (milliseconds - 999) / 1000
    let whole = iso8601(Int64(seconds))
    return "\(whole.dropLast()).\(pad(Int64(milliseconds - seconds * 1000), 3))Z"
  }

  private static func text(_ seconds: Int64, _ dash: String, _ colon: String) -> String {
    let seconds = min(max(seconds, -62_167_219_200), 253_402_300_799)
    let day = seconds >= 0 ? seconds / 86_400 : (seconds - 86_399) / 86_400
    let second = seconds - day * 86_400
    let (year, month, date) = civil(day)
    let days = [pad(year, 4), pad(month), pad(date)].joined(separator: dash)
    let time = [pad(second / 3600), pad(second / 60 % 60), pad(second % 60)].joined(separator: colon)
    return "\(days)T\(time)Z"
  }

  /// Milliseconds since 1970 of `yyyy-mm-ddThh:mm:ss[.fff][Z|±hh:mm|UTC]` (ISO 8601); nil for any other text.
  public static func milliseconds(iso8601 text: some StringProtocol) -> Int64? {
    let bytes = Array(text.utf8)
    guard bytes.count >= 19, bytes.count <= 40, bytes[4] == 0x2D, bytes[7] == 0x2D,
      bytes[10] == 0x54 || bytes[10] == 0x20 || bytes[10] == 0x74, bytes[13] == 0x3A, bytes[16] == 0x3A,
      let year = number(bytes[0..<4]), let month = number(bytes[5..<7]), let date = number(bytes[8..<10]),
      let hour = number(bytes[11..<13]), let minute = number(bytes[14..<16]), let second = number(bytes[17..<19]),
      let start = seconds(year, month, date, hour, minute, second)
    else { return nil }
    var at = 19
    var milliseconds: Int64 = 0
    if at < bytes.count, bytes[at] == 0x2E {
      at += 1
      var scale: Int64 = 100
      while at < bytes.count, (0x30...0x39).contains(bytes[at]) {
        milliseconds += Int64(bytes[at] - 0x30) * scale
        scale /= 10
        at += 1
      }
    }
    let zone = bytes[at...]
    var offset: Int64 = 0
    if let sign = zone.first, sign == 0x2B || sign == 0x2D {
      let digits = zone.dropFirst().filter { $0 != 0x3A }
      guard digits.count == 4, let hours = number(digits[0..<2]), let minutes = number(digits[2..<4]) else {
        return nil
      }
      offset = (hours * 3600 + minutes * 60) * (sign == 0x2B ? 1 : -1)
    } else if !(zone.isEmpty || zone.elementsEqual("Z".utf8) || zone.elementsEqual("z".utf8)
      || zone.elementsEqual("UTC".utf8))
    {
      return nil
    }
    return (start - offset) * 1000 + milliseconds
  }

  /// Seconds since 1970 of `Sun, 06 Nov 1994 08:49:37 GMT` (RFC 9110, section 5.6.7); nil for any other text.
  public static func seconds(httpDate text: some StringProtocol) -> Int64? {
    let words = text.split(separator: " ")
    let months = ["Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec"]
    guard words.count == 6, let month = months.firstIndex(where: { $0 == words[2] }),
      let date = number(Array(words[1].utf8)),
      words[3].utf8.count == 4, let year = number(Array(words[3].utf8))
    else { return nil }
    let time = words[4].split(separator: ":")
    guard time.count == 3, let hour = number(Array(time[0].utf8)), let minute = number(Array(time[1].utf8)),
      let second = number(Array(time[2].utf8))
    else { return nil }
    return seconds(year, Int64(month + 1), date, hour, minute, second)
  }

  private static func seconds(
    _ year: Int64, _ month: Int64, _ date: Int64, _ hour: Int64, _ minute: Int64, _ second: Int64
  ) -> Int64? {
    guard (1...12).contains(month), (1...31).contains(date), hour < 24, minute < 60, second < 61 else { return nil }
    return days(year, month, date) * 86_400 + hour * 3600 + minute * 60 + second
  }

  /// Days since 1970 (H. Hinnant, "chrono-compatible low-level date algorithms").
  private static func days(_ year: Int64, _ month: Int64, _ date: Int64) -> Int64 {
    let y = month <= 2 ? year - 1 : year
    let era = (y >= 0 ? y : y - 399) / 400
    let yearOfEra = y - era * 400
    let dayOfYear = (153 * (month > 2 ? month - 3 : month + 9) + 2) / 5 + date - 1
    return era * 146_097 + yearOfEra * 365 + yearOfEra / 4 - yearOfEra / 100 + dayOfYear - 719_468
  }

  /// The reverse of `days`.
  private static func civil(_ day: Int64) -> (year: Int64, month: Int64, date: Int64) {
    let z = day + 719_468
    let era = (z >= 0 ? z : z - 146_096) / 146_097
    let dayOfEra = z - era * 146_097
    let yearOfEra = (dayOfEra - dayOfEra / 1460 + dayOfEra / 36_524 - dayOfEra / 146_096) / 365
    let dayOfYear = dayOfEra - (365 * yearOfEra + yearOfEra / 4 - yearOfEra / 100)
    let month = (5 * dayOfYear + 2) / 153
    let date = dayOfYear - (153 * month + 2) / 5 + 1
    return (yearOfEra + era * 400 + (month >= 10 ? 1 : 0), month < 10 ? month + 3 : month - 9, date)
  }

  /// A number of one to nine digits and nothing else.
  private static func number(_ digits: some Collection<UInt8>) -> Int64? {
    guard (1...9).contains(digits.count), digits.allSatisfy({ (0x30...0x39).contains($0) }) else { return nil }
    return digits.reduce(0) { $0 * 10 + Int64($1 - 0x30) }
  }

  private static func pad(_ value: Int64, _ width: Int = 2) -> String {
    let text = String(value)
    return String(repeating: "0", count: max(0, width - text.utf8.count)) + text
  }
}
