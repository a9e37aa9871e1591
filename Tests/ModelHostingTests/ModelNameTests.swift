import ModelHosting
import Testing

@Suite struct ModelNames {
  @Test(arguments: [
    ("iris", "iris"), ("iris.tar.gz", "iris"), ("a/b.tar.gz", "a/b"), ("iris.onnx", "iris.onnx"),
    ("50%", "50%"), ("a%2Fb.tar.gz", "a%2Fb"), ("caf%C3%A9", "caf%C3%A9"),
    // The suffix goes once, and a name is never emptied.
    ("a.tar.gz.tar.gz", "a.tar.gz"), (".tar.gz", ".tar.gz"), ("", ""), ("a.TAR.GZ", "a.TAR.GZ"),
  ])
  func `the one form of a name`(text: String, name: String) {
    #expect(ModelName.canonical(text) == name)
  }

  @Test(arguments: [
    "a", "iris", "a/b/c", "...", "..a", "a..", "a/.b", "a b", "café", "模型", "a.tar.gz", "50%", "\"", "a:b", "-",
    String(repeating: "x", count: 900),
  ])
  func `names that are paths below a folder`(name: String) { #expect(ModelName.isValid(name)) }

  @Test(arguments: [
    "", ".", "..", "/", "/a", "a/", "a//b", "../a", "a/..", "a/../b", "a/./b", "./a", "a\\b", "a\0", "a\nb", "\u{7F}",
    "\u{1F}", String(repeating: "x", count: 901), String(repeating: "é", count: 451),
  ])
  func `names that are not`(name: String) { #expect(!ModelName.isValid(name)) }

  /// `zlib.crc32(percent_encoded(name)) >> 16 & 0x7fff` of Python, which is what nginx divides by the number of servers.
  @Test(arguments: [
    ("iris", 19756), ("models/iris", 10230), ("model", 22421), ("", 0), ("a", 26807), ("bert-base/v1", 21790),
    ("x y", 6654), ("123456789", 19444), ("m0", 14163), ("m1", 16468), ("m2", 22877), ("m3", 11866),
    ("caf\u{E9}", 21901), ("模型", 19004),
  ])
  func `the home of a name is what nginx picks`(name: String, hash: Int) {
    for workers in [1, 2, 3, 4, 7, 16, 32_768] { #expect(ModelName.home(name, workers: workers) == hash % workers) }
    #expect(ModelName.home(name, workers: 0) == 0)
  }
}
