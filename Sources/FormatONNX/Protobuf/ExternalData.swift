import TensorCore

/// Files beside a model that hold its large tensors.
///
/// A path must stay in the model's folder: absolute paths and `..` are refused. Symbolic links are followed, since caches of
/// models are made of them; those that leave an archive are refused when it is unpacked.
final class ExternalData {
  private let folder: String
  private var files: [String: MappedFile] = [:]

  init(modelPath: String) {
    folder = modelPath.lastIndex(of: "/").map { String(modelPath[..<$0]) + "/" } ?? ""
  }

  /// The bytes of a tensor whose data is external, and the file that keeps them alive.
  func bytes(_ proto: TensorProto) throws -> (UnsafeRawBufferPointer, MappedFile) {
    guard let location = proto.externalData["location"], !location.isEmpty else {
      throw ONNXError(.malformed, "tensor \"\(proto.name)\" is external and names no file")
    }
    // Bytes are compared, not characters: a combining mark after a slash makes another character of it.
    let path = location.utf8
    guard path.first != UInt8(ascii: "/"), !path.contains(0),
      !path.split(separator: UInt8(ascii: "/")).contains(where: { $0.elementsEqual("..".utf8) })
    else {
      throw ONNXError(
        .malformed, "tensor \"\(proto.name)\": external file \"\(location)\" lies outside the model's folder")
    }
    let file = try map(location, tensor: proto.name)
    func number(_ key: String) throws -> Int? {
      guard let text = proto.externalData[key] else { return nil }
      guard let value = Int(text), value >= 0 else {
        throw ONNXError(.malformed, "tensor \"\(proto.name)\": external \(key) \"\(text)\" is no size")
      }
      return value
    }
    let offset = try number("offset") ?? 0
    guard offset <= file.bytes.count else {
      throw ONNXError(.malformed, "tensor \"\(proto.name)\": \"\(location)\" ends before offset \(offset)")
    }
    let length = try number("length") ?? file.bytes.count - offset
    guard length <= file.bytes.count - offset else {
      throw ONNXError(
        .malformed,
        "tensor \"\(proto.name)\": \"\(location)\" has \(file.bytes.count) bytes, \(length) at \(offset) are asked for")
    }
    return (UnsafeRawBufferPointer(rebasing: file.bytes[offset..<(offset + length)]), file)
  }

  /// The files, by name.
  var all: [MappedFile] { files.sorted { $0.key < $1.key }.map(\.value) }

  private func map(_ location: String, tensor: String) throws -> MappedFile {
    if let file = files[location] { return file }
    do {
      let file = try MappedFile(path: folder + location)
      files[location] = file
      return file
    } catch {
      throw ONNXError(.malformed, "tensor \"\(tensor)\": external data: \(error)")
    }
  }
}
