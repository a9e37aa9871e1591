import Testing
import TextEncodings

@Suite struct PercentEncodingTests {
  @Test func percentEncodingIsReversible() {
    let text = "a b+c%20/é日\u{1}~"
    #expect(PercentEncoding.encoded(text) == "a%20b%2Bc%2520%2F%C3%A9%E6%97%A5%01~")
    #expect(PercentEncoding.decoded(PercentEncoding.encoded(text)) == text)
    #expect(PercentEncoding.decoded("a+b", plusIsBlank: true) == "a b")
    for bad in ["%", "%2", "%zz", "%FF"] { #expect(PercentEncoding.decoded(bad) == nil) }
  }
}
