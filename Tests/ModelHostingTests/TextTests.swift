import ModelHosting
import Testing

@Suite struct Texts {
  @Test(arguments: ["", "a", "iris/v1", "café", "模型", "\0\u{7F}\n", "a%b"])
  func `hexadecimal text comes back`(text: String) {
    let code = HexText.encode(text)
    #expect(code.utf8.count == 2 * text.utf8.count)
    #expect(HexText.decode(code[...]) == text)
  }

  @Test func `hexadecimal text has two lower-case digits a byte`() {
    #expect(HexText.encode("\u{1}Az/") == "01417a2f")
    #expect(HexText.encode("é") == "c3a9")
  }

  @Test(arguments: ["4", "414", "zz", "4g", " 41", "4 ", "ff", "c3", "é9", "41 42", "0x41"])
  func `what no encoding gives is refused`(code: String) { #expect(HexText.decode(code[...]) == nil) }

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
  func `times are written as UTC`(milliseconds: Int, text: String) { #expect(WallClock.text(milliseconds) == text) }

  @Test func `every day of eight hundred years follows the one before`() {
    var (year, month, day) = (1600, 1, 1)
    func isLeap(_ year: Int) -> Bool { year % 4 == 0 && (year % 100 != 0 || year % 400 == 0) }
    func pad(_ number: Int) -> String { number < 10 ? "0\(number)" : "\(number)" }
    // 1600-01-01 is 135 140 days before 1970-01-01.
    var wrong = 0
    for number in -135_140..<157_054 {
      if !WallClock.text(number * 86_400_000).hasPrefix("\(year)-\(pad(month))-\(pad(day))T") { wrong += 1 }
      let days = [31, isLeap(year) ? 29 : 28, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31][month - 1]
      day += 1
      if day > days { (month, day) = (month + 1, 1) }
      if month > 12 { (year, month) = (year + 1, 1) }
    }
    #expect(wrong == 0)
    #expect(year == 2400)
  }
}
