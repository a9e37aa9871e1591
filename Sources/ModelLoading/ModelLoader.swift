public import ModelFormats

#if canImport(Glibc)
import Glibc
#elseif canImport(Musl)
import Musl
#elseif canImport(Darwin)
import Darwin
#endif

/// Finds and reads the model at a path: a model file, or a folder that holds exactly one.
public struct ModelLoader: Sendable {
  public var formats: [any ModelFormat.Type]

  public init(formats: [any ModelFormat.Type] = BuiltinFormats.formats) { self.formats = formats }

  /// Reads the model.
  ///
  /// - Throws: `LoadError` that names the path, the fault and the remedy.
  public func load(_ path: String) throws(LoadError) -> LoadedModel {
    let file = try modelFile(path)
    let format = try format(of: file)
    do {
      return try format.load(path: file)
    } catch {
      throw LoadError(.malformed, "cannot load \(file): \(error)")
    }
  }

  /// The model file that `path` means.
  ///
  /// In a folder: `model.<extension>` if there is one, else the only file with a known extension; hidden files and
  /// `code/` are passed over.
  public func modelFile(_ path: String) throws(LoadError) -> String {
    var info = stat()
    guard stat(path, &info) == 0 else {
      let reason = String(cString: strerror(errno))
      throw LoadError(errno == ENOENT ? .missing : .unreadable, "no model at \(path): \(reason)")
    }
    guard info.st_mode & S_IFMT == S_IFDIR else {
      guard access(path, R_OK) == 0 else {
        throw LoadError(.unreadable, "cannot read \(path): \(String(cString: strerror(errno)))")
      }
      return path
    }
    let extensions = formats.flatMap { $0.extensions }
    let names = try ModelLoader.files(in: path)
    let candidates = names.filter { name in extensions.contains { name.hasSuffix(".\($0)") } }
    if let preferred = extensions.map({ "model.\($0)" }).first(where: candidates.contains) {
      return "\(path)/\(preferred)"
    }
    if candidates.count == 1 { return "\(path)/\(candidates[0])" }
    if candidates.isEmpty {
      let found = names.isEmpty ? "it holds no files" : "it holds " + names.prefix(5).joined(separator: ", ")
      throw LoadError(
        .missing,
        "no model in \(path): \(found); expected a file ending in \(extensions.map { ".\($0)" }.joined(separator: ", "))"
      )
    }
    throw LoadError(
      .ambiguous,
      "\(path) holds several models (\(candidates.prefix(5).joined(separator: ", "))): name one, or call it model.\(extensions[0])"
    )
  }

  private func format(of file: String) throws(LoadError) -> any ModelFormat.Type {
    if let match = formats.first(where: { $0.extensions.contains { file.hasSuffix(".\($0)") } }) { return match }
    var head = [UInt8](repeating: 0, count: 512)
    // Without O_NONBLOCK the opening of a pipe waits for its writer.
    let fd = open(file, O_RDONLY | O_CLOEXEC | O_NONBLOCK)
    guard fd >= 0 else { throw LoadError(.unreadable, "cannot read \(file): \(String(cString: strerror(errno)))") }
    defer { close(fd) }
    let n = read(fd, &head, head.count)
    if n > 0 {
      let match = head.withUnsafeBytes { bytes in
        formats.first { $0.probe(UnsafeRawBufferPointer(rebasing: bytes[0..<n])) }
      }
      if let match { return match }
    }
    let known = formats.map { "\($0.name) (.\($0.extensions.joined(separator: ", .")))" }.joined(separator: ", ")
    throw LoadError(.unknownFormat, "\(file) is of no known format; known are \(known)")
  }

  /// Names of the regular, visible files of a folder, sorted.
  public static func files(in path: String) throws(LoadError) -> [String] {
    guard let dir = opendir(path) else {
      throw LoadError(.unreadable, "cannot read the folder \(path): \(String(cString: strerror(errno)))")
    }
    defer { closedir(dir) }
    var names: [String] = []
    while let entry = readdir(dir) {
      let name = withUnsafePointer(to: &entry.pointee.d_name) {
        $0.withMemoryRebound(to: CChar.self, capacity: 256) { String(cString: $0) }
      }
      var info = stat()
      guard !name.hasPrefix("."), stat("\(path)/\(name)", &info) == 0, info.st_mode & S_IFMT == S_IFREG else {
        continue
      }
      names.append(name)
    }
    return names.sorted()
  }
}
