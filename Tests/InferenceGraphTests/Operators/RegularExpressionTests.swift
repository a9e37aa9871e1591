import InferenceGraph
import Kernels
import TensorCore
import Testing

@Suite struct RegularExpressionTests {
  private func matches(_ pattern: String, _ text: String) throws -> Bool {
    var inputs: [Value?] = [.tensor(try Tensor(strings: [text], shape: [1]))]
    let op = RegexFullMatch(pattern: try RegularExpression(pattern))
    let out = try op.evaluate(&inputs, EvaluationContext(pool: .inline, arena: Arena()))
    return out[0].tensor?.array(of: Bool.self) == [true]
  }

  @Test(arguments: [
    ("", ""), ("a*", "aaa"), ("a|bc", "bc"), ("(ab)+", "abab"), ("a{2,3}", "aaa"), ("a{2,}", "aaaa"), ("a{0}", ""),
    ("[a-c]+", "abcab"), ("[^a-c]", "d"), ("[]a]+", "]a"), ("[a-]+", "a-"), (#"\d{3}-\d+"#, "123-4567"),
    (#"\w+@\w+\.com"#, "me@site.com"), (#"[\w.]+"#, "a.b"), ("(?i)StraSSe", "sTRASSe"), ("(?i:a)b", "Ab"),
    (#"\bfoo\b"#, "foo"), (#"foo\Bbar"#, "foobar"), (".", "é"), ("..", "日本"), (#"\x{65E5}\x41"#, "日A"),
    ("(?s).*", "a\nb"), ("(?m)a$\n^b", "a\nb"), (#"\p{Lu}\pL+"#, "Éa"), (#"\P{Nd}"#, "x"), ("[[:alpha:]]+", "abc"),
    ("[[:^digit:]]+", "abc"), (#"\Qa.b*\E"#, "a.b*"), (#"\Qab\E+"#, "abb"), ("(?P<year>[0-9]{4})", "2024"),
    ("(?<y>a)", "a"),
    ("(a*)*", "aaaa"), ("(a|b|)*c", "abac"), ("a{", "a{"), ("a{,2}", "a{,2}"), (#"\101"#, "A"), ("x*?y??", "xxy"),
  ])
  func aWholeMatchIsFound(_ pattern: String, _ text: String) throws {
    #expect(try matches(pattern, text))
  }

  @Test(arguments: [
    ("a", "ab"), ("a", "ba"), ("", "a"), ("a{2,3}", "aaaa"), (".", "\n"), ("[^a]", "a"), (#"\d"#, "٣"), (#"\w"#, "é"),
    (#"foo\bbar"#, "foobar"), ("^a^", "aa"), (#"\p{^Lu}"#, "A"), ("(?i)a(?-i)b", "AB"),
  ])
  func whatIsNoWholeMatchIsNot(_ pattern: String, _ text: String) throws {
    #expect(try !matches(pattern, text))
  }

  @Test(arguments: [
    "(", ")", "a)", "(?z)", "[a", "[b-a]", "*a", "a**", "a{2}{3}", "a{1001}", #"\"#, #"\1"#, #"\C"#, #"\p{Greek}"#,
    #"\y"#,
    "[[:nope:]]", "((a{1000}){1000}){1000}", String(repeating: "(", count: 100_000), #"\x{110000}"#, "(?P<>a)",
  ])
  func anUnsoundPatternIsRefused(_ pattern: String) {
    #expect(throws: GraphError.self) { try RegularExpression(pattern) }
  }

  @Test(.timeLimit(.minutes(1))) func noTextMakesMatchingSlow() throws {
    #expect(try !matches("(a+)+b", String(repeating: "a", count: 20_000)))
    #expect(try matches("(a?){500}a{500}", String(repeating: "a", count: 500)))
  }
}
