import ArtifactStores
import Glibc
import Synchronization
import Testing

/// All keys of a listing, and how many pages they took.
private func keys(
  _ store: LocalStore, _ prefix: String = "", isFlat: Bool = true
) async throws -> (keys: [String], pages: Int) {
  var found: [String] = []
  var token: String?
  var pages = 0
  repeat {
    let page = try await store.list(prefix: prefix, isFlat: isFlat, token: token)
    found += page.objects.map(\.key) + page.folders
    token = page.next
    pages += 1
  } while token != nil
  return (found, pages)
}

@Suite struct LocalStoreTests {
  @Test func keysComeInByteOrder() async throws {
    let scratch = Scratch()
    for name in ["a/b", "a.b", "a-b", "a/b_c", "B", "z/\u{E9}", "z/f", "a0"] { scratch.write(name, "x") }
    let store = LocalStore(folder: scratch.path)
    let all = try await keys(store).keys
    #expect(all == ["B", "a-b", "a.b", "a/b", "a/b_c", "a0", "z/f", "z/\u{E9}"])
    #expect(try await keys(store, "a").keys == ["a-b", "a.b", "a/b", "a/b_c", "a0"])
    #expect(try await keys(store, "a/").keys == ["a/b", "a/b_c"])
    #expect(try await keys(store, "", isFlat: false).keys.sorted() == ["B", "a-b", "a.b", "a/", "a0", "z/"])
    #expect(try await keys(store, "nowhere/").keys == [])
    #expect(try await keys(store, "../").keys == [])
  }

  @Test(arguments: [true, false])
  func pagesCoverAllOnce(_ isFlat: Bool) async throws {
    let scratch = Scratch()
    var expected: [String] = []
    for i in 0..<1250 {
      let name = isFlat && i % 3 == 0 ? "\(i)/m.onnx" : isFlat ? "\(i).onnx" : "\(i)-m/m"
      scratch.write(name, "x")
      expected.append(isFlat ? name : "\(i)-m/")
    }
    let got = try await keys(LocalStore(folder: scratch.path), isFlat: isFlat)
    #expect(got.keys == expected.sorted { $0.utf8.lexicographicallyPrecedes($1.utf8) })
    #expect(got.pages == 2)
  }

  @Test(arguments: ["../x", "a/../../x", "/etc/passwd", "", ".", "..", "a//b", "a/", "a\0b"])
  func keysThatLeaveTheFolderNameNothing(_ key: String) async throws {
    let scratch = Scratch()
    scratch.write("a/b", "x")
    let store = LocalStore(folder: scratch.path)
    await #expect { try await store.object(key, versionID: nil) } throws: { ($0 as? StoreError)?.code == .notFound }
  }

  @Test func linksAreFollowedOnlyWhereTheyMay() async throws {
    let (scratch, outside) = (Scratch(), Scratch())
    outside.write("secret", "x")
    scratch.write("in/m.onnx", "x")
    symlink("in/m.onnx", "\(scratch.path)/good")
    symlink("in", "\(scratch.path)/folder")
    symlink("\(outside.path)/secret", "\(scratch.path)/bad")
    symlink(outside.path, "\(scratch.path)/out")
    symlink("nowhere", "\(scratch.path)/dangling")
    symlink(".", "\(scratch.path)/loop")
    symlink("..", "\(scratch.path)/in/up")
    let store = LocalStore(folder: scratch.path)
    let got = try await keys(store).keys
    #expect(got == ["folder/m.onnx", "good", "in/m.onnx"])
    for key in ["bad", "out/secret"] {
      await #expect { try await store.object(key, versionID: nil) } throws: {
        ($0 as? StoreError)?.code == .accessDenied
      }
    }
    #expect(try await keys(store, "out/").keys == [])
    #expect(try await LocalStore(folder: scratch.path, links: .anywhere).object("bad", versionID: nil).size == 1)
  }

  @Test func aFileIsCopiedAndAChangeIsNoticed() async throws {
    let scratch = Scratch()
    let text = String(repeating: "0123456789abcdef", count: 1 << 17)
    scratch.write("m", text)
    let store = LocalStore(folder: scratch.path)
    let object = try await store.object("m", versionID: nil)
    let told = Mutex(0)
    try await store.download(object, to: "\(scratch.path)/copy") { bytes in told.withLock { $0 = bytes } }
    #expect(bytes(of: "\(scratch.path)/copy") == Array(text.utf8))
    #expect(told.withLock { $0 } == 16 << 17)
    scratch.write("m", "other")
    await #expect { try await store.download(object, to: "\(scratch.path)/copy") { _ in } } throws: {
      ($0 as? StoreError)?.code == .changed
    }
    #expect(try await store.object("m", versionID: nil).fingerprint != object.fingerprint)
  }
}
