import ServingCore
import Testing

#if canImport(Glibc)
import Glibc
#elseif canImport(Musl)
import Musl
#elseif canImport(Darwin)
import Darwin
#endif

/// A small generator with a fixed seed (SplitMix64), so that every run sees the same numbers.
struct SplitMix: RandomNumberGenerator {
  var state: UInt64

  mutating func next() -> UInt64 {
    state &+= 0x9E37_79B9_7F4A_7C15
    var z = state
    z = (z ^ (z >> 30)) &* 0xBF58_476D_1CE4_E5B9
    z = (z ^ (z >> 27)) &* 0x94D0_49BB_1331_11EB
    return z ^ (z >> 31)
  }
}

@Suite struct NumberTests {
  #if DEBUG
  static let rounds = 20_000
  #else
  static let rounds = 400_000
  #endif

  /// True when both readers agree with the C library's correctly rounded conversion, bit for bit.
  private func agrees(_ text: String) -> Bool {
    let double = strtod(text, nil)
    let float = strtof(text, nil)
    return DecimalText.double(text)?.bitPattern == double.bitPattern
      && DecimalText.float(text)?.bitPattern == float.bitPattern
  }

  @Test(
    "hard decimals are rounded as the C library rounds them",
    arguments: [
      "0", "-0", "0.0", "-0.0e5", "1", "0.1", "0.2", "0.3", "1e22", "1e23", "123456789012345678", "9007199254740993",
      "9007199254740992.5", "9007199254740993.00000000000000000000000000001", "18446744073709551615",
      "18446744073709551616",
      "1.7976931348623157e308", "1.7976931348623158e308", "1.7976931348623159e308", "2e308", "4.9e-324", "5e-324",
      "2e-324",
      "2.4703282292062327e-324", "2.4703282292062328e-324", "2.2250738585072014e-308", "2.2250738585072011e-308",
      "2.225073858507201136057409796709131975934819546351645648023426109724822222021076945516529523908135087914149158913039621106870086438694594645527657207407820621743379988141063267329253552286881372149012981122451451889849057222307285255133155755015914397476397983411801999323962548289017107081850690630666655994938275772572015763062690663332647565300009245888316433037779791869612049497390377829704905051080609940730262937128958950003583799967207254304360284078895771796150945516748243471030702609144621572289880258182545180325707018860872113128079512233426288368622321503775666622503982534335974568884423900265498198385487948292206894721689831099698365846814022854243330660339850886445804001034933970427567186443383770486037861622771738545623065874679014086723327636718751234567890123456789012345678901e-308",
      "3.4028235e38", "3.4028234663852886e38", "3.4028235677973366e38", "3.4028235677973365e38", "3.4028236e38", "1e39",
      "1.17549435e-38", "1.1754943e-38", "1.401298464324817e-45", "7.006492321624085e-46", "7.006492321624086e-46",
      "1e-46",
      "16777217", "16777219", "16777217.0000000000000000001", "16777216.99999999999999999999", "33554435",
      "0.000000000000000000000000000000000000011754943508222875",
      "1.00000017881393421514957253748434595763683319091796875001", "1.00000017881393432617187499",
      "1.000000178813934326171875",
      "1.00000017881393432617187501", "0.500000059604644775390625", "8388609.5", "8388610.5", "67108862", "67108866",
      "1e-400", "1e400", "1e-1000000", "1e1000000", "0e99999999999999999999", "1e-99999999999999999999",
      "1e99999999999999999999",
      "100000000000000000000000000000000000000000000000000e-50",
      "0.00000000000000000000000000000000000000000000000001e50",
      "6.631236846766476e-316",
      "3.237883913302901289588352412501532174863037669423108059901297049552301970670676565786835742587799557860615776559838283435514391084153169252689190564396459577394618038928365305143463955100356696665629202017331344031730044369360205258345803431471660032699580731300954848363975548690010751530018881758184174569652173110473696022749934638425380623369774736560008997404060967498028389191878963968575439222206416981462690113342524002724385941651051293552601421155333430225237291523843322331326138431477823591142408800030775170625915670728657003151953664260769822494937951845801530895238439819708403389937873241463484205608000027270531106827387907791444918534771598750162812548862768493201518991668028251730299953143924168545708663913273994694463908672332763671875e-319",
    ])
  func hard(_ text: String) {
    #expect(
      agrees(text),
      "\(text): \(String(describing: DecimalText.float(text))) \(String(describing: DecimalText.double(text)))")
  }

  @Test("what floats and doubles print is read back, bit for bit")
  func roundTrips() {
    var random = SplitMix(state: 1)
    var wrong = 0
    for _ in 0..<Self.rounds {
      let double = Double(bitPattern: random.next())
      if double.isFinite {
        let text = DecimalText.text(double)
        if DecimalText.double(text)?.bitPattern != double.bitPattern || text != double.description || !agrees(text) {
          wrong += 1
        }
      }
      let float = Float(bitPattern: UInt32(truncatingIfNeeded: random.next()))
      if float.isFinite {
        let text = DecimalText.text(float)
        if DecimalText.float(text)?.bitPattern != float.bitPattern || text != float.description || !agrees(text) {
          wrong += 1
        }
      }
    }
    #expect(wrong == 0)
  }

  @Test("floats and doubles of everyday size are written as Swift describes them")
  func everyday() {
    var random = SplitMix(state: 4)
    var wrong: [String] = []
    func check(_ value: Double) {
      if DecimalText.text(value) != value.description { wrong.append(value.description) }
      let float = Float(value)
      if float.isFinite, DecimalText.text(float) != float.description { wrong.append(float.description) }
    }
    for i in 0..<(Self.rounds / 20) {
      check(
        Double(bitPattern: UInt64.random(in: (1023 - 160)...(1023 + 205), using: &random) << 52 | random.next() >> 12))
      for value in [Double(i) / 100, Double(i) * 1e11, 0x1p53 + Double(2 * i), 0x1p53 - Double(i), 0x1p24 + Double(i)] {
        check(value)
        check(-value)
      }
    }
    for exponent in UInt64(850)...1230 {
      for tail in [0, 1, 2, UInt64(1) << 52 - 1] { check(Double(bitPattern: exponent << 52 | tail)) }
    }
    #expect(wrong.isEmpty, "\(wrong.prefix(10))")
  }

  @Test("random decimals of every length and exponent are rounded as the C library rounds them")
  func random() {
    var random = SplitMix(state: 2)
    var wrong: [String] = []
    for _ in 0..<Self.rounds {
      var text = random.next() & 1 == 0 ? "" : "-"
      let digits = Int.random(in: 1...25, using: &random)
      let point = Int.random(in: 1...digits, using: &random)
      for i in 0..<digits {
        if i == point { text += "." }
        let least = i == 0 && digits > 1 && point > 1 ? 1 : 0
        text += String(Int.random(in: least...9, using: &random))
      }
      switch random.next() % 4 {
      case 0: text += "e\(Int.random(in: -345...310, using: &random))"
      case 1: text += "E+\(Int.random(in: 0...40, using: &random))"
      case 2: text += "e-\(Int.random(in: 0...60, using: &random))"
      default: break
      }
      if !agrees(text) { wrong.append(text) }
    }
    #expect(wrong.isEmpty, "\(wrong.prefix(10))")
  }

  @Test("decimals at and beside the midpoints of floats and doubles go the right way")
  func midpoints() {
    var random = SplitMix(state: 3)
    var wrong: [String] = []
    func check(_ text: String) { if !agrees(text) { wrong.append(text) } }
    for _ in 0..<(Self.rounds / 20) {
      let float = Float(bitPattern: UInt32.random(in: 0x2000_0000...0x5F00_0000, using: &random))
      let middle = (Double(float) + Double(float.nextUp)) / 2
      let exact = exactText(middle)
      check(exact)
      check(exact + (exact.contains(".") ? "1" : ".0000000001"))
      check(middle.nextUp.description)
      check(middle.nextDown.description)
      let wide = UInt64.random(in: (1 << 53)...(1 << 62), using: &random)
      check("\(wide)")
      check("\(wide).5")
      let even = (wide >> 10) << 10 | 1 << 9
      check("\(even)")
      check("\(even).00000000000000000000001")
    }
    #expect(wrong.isEmpty, "\(wrong.prefix(10))")
  }

  /// The decimal expansion of a double, every digit of it.
  private func exactText(_ value: Double) -> String {
    var buffer = [CChar](repeating: 0, count: 400)
    _ = withVaList([value]) { vsnprintf(&buffer, buffer.count, "%.150f", $0) }
    var text = String(decoding: buffer.prefix { $0 != 0 }.map { UInt8(bitPattern: $0) }, as: UTF8.self)
    while text.hasSuffix("0"), text.contains(".") { text.removeLast() }
    if text.hasSuffix(".") { text.removeLast() }
    return text
  }

  @Test(
    "only JSON numbers are numbers",
    arguments: ["", "-", "+1", ".5", "1.", "01", "-01", "1e", "1e+", "0x1", "1_0", "NaN", "Infinity", " 1", "1 "])
  func notNumbers(_ text: String) {
    #expect(DecimalText.double(text) == nil)
  }
}
