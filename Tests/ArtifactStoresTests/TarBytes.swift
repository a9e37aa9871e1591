/// A tar header block with a right checksum.
func tarHeader(_ name: String, size: Int, type: Character = "0", link: String = "", mode: Int = 0o644) -> [UInt8] {
  var block = [UInt8](repeating: 0, count: 512)
  func put(_ text: String, _ at: Int) { for (i, c) in text.utf8.enumerated() { block[at + i] = c } }
  func octal(_ value: Int, _ width: Int) -> String {
    let digits = String(value, radix: 8)
    return String(repeating: "0", count: width - digits.count) + digits
  }
  put(name, 0)
  put(octal(mode, 7), 100)
  put(octal(size, 11), 124)
  put(octal(0, 11), 136)
  put(String(type), 156)
  put(link, 157)
  put("ustar\0", 257)
  put("00", 263)
  return withChecksum(block)
}

/// A header block with its checksum made right.
func withChecksum(_ header: [UInt8]) -> [UInt8] {
  var block = header
  for i in 148..<156 { block[i] = 32 }
  let digits = String(block.reduce(0) { $0 + Int($1) }, radix: 8)
  let field = String(repeating: "0", count: 6 - digits.count) + digits + "\0 "
  for (i, c) in field.utf8.enumerated() { block[148 + i] = c }
  return block
}

/// Bytes and what fills up their last block.
func tarBody(_ bytes: [UInt8]) -> [UInt8] { bytes + [UInt8](repeating: 0, count: (512 - bytes.count % 512) % 512) }

func tarEntry(_ name: String, _ body: String) -> [UInt8] {
  tarHeader(name, size: body.utf8.count) + tarBody(Array(body.utf8))
}

let tarEnd = [UInt8](repeating: 0, count: 1024)

/// An archive of files.
func tar(_ files: [(name: String, text: String)]) -> [UInt8] {
  files.flatMap { tarEntry($0.name, $0.text) } + tarEnd
}
