import Testing
import TextEncodings

@Suite struct TimestampTests {
  @Test(
    arguments: [
      ("2026-01-02T03:04:05Z", 1_767_323_045_000), ("1970-01-01T00:00:00.001Z", 1), ("1969-12-31T23:59:59Z", -1000),
      ("2026-01-02T03:04:05+01:00", 1_767_319_445_000), ("2026-01-02T03:04:05UTC", 1_767_323_045_000),
      ("2024-02-29T00:00:00Z", 1_709_164_800_000), ("2026-13-02T03:04:05Z", nil), ("2026-01-02", nil), ("", nil),
      ("2026-01-02T03:04:05+0", nil), ("2026-01-02T0é:04:05Z", nil),
    ] as [(String, Int64?)]) func datesAreRead(_ text: String, _ milliseconds: Int64?)
  {
    #expect(Timestamp.milliseconds(iso8601: text) == milliseconds)
  }

  @Test func datesAreWritten() {
    #expect(Timestamp.amz(1_369_353_600) == "20130524T000000Z")
    #expect(Timestamp.amz(1_709_210_096) == "20240229T123456Z")
    #expect(Timestamp.amz(-1) == "19691231T235959Z")
    #expect(Timestamp.amz(.max) == "99991231T235959Z")
    #expect(Timestamp.iso8601(1_709_210_096) == "2024-02-29T12:34:56Z")
    #expect(Timestamp.seconds(httpDate: "Sun, 06 Nov 1994 08:49:37 GMT") == 784_111_777)
    #expect(Timestamp.seconds(httpDate: "nonsense") == nil)
  }

  @Test(arguments: [
    (0, "1970-01-01T00:00:00.000Z"), (1, "1970-01-01T00:00:00.001Z"), (86_399_999, "1970-01-01T23:59:59.999Z"),
    (86_400_000, "1970-01-02T00:00:00.000Z"), (-1, "1969-12-31T23:59:59.999Z"),
    (-62_135_596_800_000, "0001-01-01T00:00:00.000Z"), (68_169_600_000, "1972-02-29T00:00:00.000Z"),
    (951_782_400_000, "2000-02-29T00:00:00.000Z"), (951_868_799_999, "2000-02-29T23:59:59.999Z"),
    (951_868_800_000, "2000-03-01T00:00:00.000Z"), (978_307_199_999, "2000-12-31T23:59:59.999Z"),
    (978_307_200_000, "2001-01-01T00:00:00.000Z"), (1_709_210_096_789, "2024-02-29T12:34:56.789Z"),
    (1_767_225_600_000, "2026-01-01T00:00:00.000Z"), (4_107_542_399_999, "2100-02-28T23:59:59.999Z"),
    (4_107_542_400_000, "2100-03-01T00:00:00.000Z"), (253_402_300_799_999, "9999-12-31T23:59:59.999Z"),
  ])
  func `times are written as UTC`(milliseconds: Int, text: String) {
    #expect(Timestamp.iso8601(milliseconds: milliseconds) == text)
  }

  @Test func `every day of eight hundred years follows the one before`() {
    var (year, month, day) = (1600, 1, 1)
    func isLeap(_ year: Int) -> Bool { year % 4 == 0 && (year % 100 != 0 || year % 400 == 0) }
    func pad(_ number: Int) -> String { number < 10 ? "0\(number)" : "\(number)" }
    // 1600-01-01 is 135 140 days before 1970-01-01.
    var wrong = 0
    for number in -135_140..<157_054 {
      if !Timestamp.iso8601(milliseconds: number * 86_400_000).hasPrefix("\(year)-\(pad(month))-\(pad(day))T") {
        wrong += 1
      }
      let days = [31, isLeap(year) ? 29 : 28, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31][month - 1]
      day += 1
      if day > days { (month, day) = (month + 1, 1) }
      if month > 12 { (year, month) = (year + 1, 1) }
    }
    #expect(wrong == 0)
    #expect(year == 2400)
  }
}
