import ArtifactStores
import JSONDocument
import TextEncodings

/// A session that a login of the AWS tools left on this machine: JSON, in a file whose name is a hash. What a refresh gives
/// is written back, so that the tools and later starts go on from it.
struct TokenCacheFile {
  let path: String
  /// How a person gets a new session.
  let remedy: String
  private(set) var document: JSONDocument

  /// - Throws: `StoreError` where the file is missing or no JSON.
  init(_ path: String, remedy: String, _ context: CredentialContext) throws(StoreError) {
    self.path = path
    self.remedy = remedy
    let bytes: [UInt8]?
    do throws(FileFault) { bytes = try SmallFile.read(path, limit: 64 << 10) } catch {
      throw context.fault(error.reason)
    }
    guard let bytes else { throw context.fault("there is no session \(path); run: \(remedy)") }
    guard let document = try? JSONDocument(parsing: bytes, maxDepth: 16), document.object != nil else {
      throw context.fault("the session \(path) cannot be read; run: \(remedy)")
    }
    self.document = document
  }

  /// A member that must be there.
  func string(_ name: String, _ context: CredentialContext) throws(StoreError) -> String {
    guard let value = document[name]?.string, !value.isEmpty else {
      throw context.fault("the session \(path) has no \(name); run: \(remedy)")
    }
    return value
  }

  /// Milliseconds since 1970 of a member; nil where it is missing or no time.
  func time(_ name: String) -> Int64? { document[name]?.string.flatMap { Timestamp.milliseconds(iso8601: $0) } }

  /// Takes new members over, and writes the file so that only its owner can read it. A folder that cannot be written to is
  /// no failure: the session is used all the same.
  mutating func update(_ members: [(name: String, value: JSONDocument)]) {
    var all = document.object ?? []
    for member in members {
      if let index = all.firstIndex(where: { $0.name == member.name }) {
        all[index] = member
      } else {
        all.append(member)
      }
    }
    document = .object(all)
    try? Files.replace(path, with: Array(document.text().utf8), isPrivate: true)
  }
}
