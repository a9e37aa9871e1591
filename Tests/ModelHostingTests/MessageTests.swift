import JSONDocument
import ModelHosting
import ServingCore
import Testing

private let sources = [
  ModelSource(name: "model", path: "/cache/a", digest: "abc", version: "3", bytes: 1 << 40, isPinned: true),
  ModelSource(name: "a \"b\"/é\n", path: "/x\\y", digest: "", version: nil, bytes: 0),
]

private let failure = ServingError(
  .shapeMismatch, "line\nbreak \"quoted\" \u{1}", field: "f", expected: "e", got: "g", limit: "l", setting: "s")

@Suite struct Messages {
  static let commands: [HostCommand] =
    sources.flatMap { [.prepare(id: 7, $0), .load($0)] } + [
      .commit(id: 1), .discard(id: -3), .loadNot(name: "a", failure),
      .loadNot(name: "b", ServingError(.notFound, "no")), .unload(id: 5, name: "é/\u{2028}"),
      .lease(bytes: .max, isFinal: true), .lease(bytes: 0, isFinal: false), .shrink(id: 9, bytes: 12), .report(id: 4),
    ]

  static let replies: [HostReply] = [
    .prepared(id: 1, memory: HostedMemory(privateBytes: 3, mappedBytes: 4), microseconds: 5), .refused(id: 2, failure),
    .done(id: 3, bytes: 1 << 50), .removed(id: 4), .want(name: "a/\"b\""),
    .resident(name: "m", digest: "d", memory: HostedMemory(), microseconds: 0), .loadFailed(name: "m", failure),
    .gone(name: "m"), .need(bytes: 77), .report(id: 8, [], HostTotals()),
    .report(
      id: 8, [ModelReport(name: "a", hits: 1, lastUse: 2), ModelReport(name: "b", hits: 3, lastUse: 4)],
      HostTotals(hits: 1, misses: 2, evictions: 3, privateBytes: 4)),
  ]

  @Test func `commands come through a line of JSON`() throws {
    for command in Messages.commands {
      let text = command.document.text()
      #expect(!text.utf8.contains(10))
      #expect(HostCommand(try JSONDocument(parsing: Array(text.utf8))) == command)
    }
  }

  @Test func `replies come through a line of JSON`() throws {
    for reply in Messages.replies {
      let text = reply.document.text()
      #expect(!text.utf8.contains(10))
      #expect(HostReply(try JSONDocument(parsing: Array(text.utf8))) == reply)
    }
  }

  @Test func `a message without one of its members is none`() {
    // A lease is not final where it does not say so, a source may lack its version, an error all but code and message.
    for command in Messages.commands {
      for part in damaged(command.document, optional: ["final", "version"]) { #expect(HostCommand(part) == nil) }
    }
    for reply in Messages.replies {
      for part in damaged(reply.document, optional: []) { #expect(HostReply(part) == nil) }
    }
  }

  /// The document without each of its members, and with another type in its place, one after the other, at every depth
  /// but inside errors.
  private func damaged(_ document: JSONDocument, optional: Set<String>) -> [JSONDocument] {
    guard let members = document.object else { return [] }
    var out: [JSONDocument] = []
    for (index, member) in members.enumerated() where !optional.contains(member.name) {
      var less = members
      less.remove(at: index)
      out.append(.object(less))
      var other = members
      other[index].value = .array([.null])
      out.append(.object(other))
      guard member.name != "error" else { continue }
      for inner in damaged(member.value, optional: optional) {
        other[index].value = inner
        out.append(.object(other))
      }
    }
    return out
  }

  @Test(arguments: [
    "null", "[]", "{}", "1", "\"commit\"", #"{"do":"commit"}"#, #"{"do":"commit","id":"1"}"#,
    #"{"do":"commit","id":1.5}"#, #"{"do":"commit","id":99999999999999999999}"#, #"{"do":"Commit","id":1}"#,
    #"{"do":null,"id":1}"#, #"{"event":"gone"}"#, #"{"event":"report","id":1,"models":[{}],"totals":{}}"#,
    #"{"event":"report","id":1,"models":[{"name":"a"}],"totals":{"hits":1,"misses":1,"evictions":1,"private":1}}"#,
    #"{"event":"load-failed","name":"m","error":{"code":"no_such_code","message":"m"}}"#,
    #"{"do":"load-not","name":"m","error":{"code":"not_found"}}"#, #"{"event":"refused","id":1,"error":"not_found"}"#,
  ])
  func `garbage is no message`(text: String) throws {
    let document = try JSONDocument(parsing: Array(text.utf8))
    #expect(HostCommand(document) == nil)
    #expect(HostReply(document) == nil)
  }

  @Test func `memory adds up without overflow`() {
    #expect(HostedMemory(privateBytes: 3, mappedBytes: 4).total == 7)
    #expect(HostedMemory(privateBytes: .max, mappedBytes: 1).total == .max)
  }
}
