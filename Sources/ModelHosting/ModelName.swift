import ServingCore

/// Names of models below a store.
public enum ModelName {
  /// The one form of a name: without `.tar.gz`.
  public static func canonical(_ text: String) -> String {
    guard text.utf8.count > archiveSuffix.utf8.count, text.hasSuffix(archiveSuffix) else { return text }
    return String(text.dropLast(archiveSuffix.count))
  }

  static let archiveSuffix = ".tar.gz"

  /// Whether `name` is a path that stays below its folder: 1 to 900 bytes, no empty, `.` or `..` parts, no control
  /// characters, no backslash.
  public static func isValid(_ name: String) -> Bool {
    let bytes = name.utf8
    guard (1...900).contains(bytes.count), bytes.allSatisfy({ $0 >= 0x20 && $0 != 0x7F && $0 != UInt8(ascii: "\\") })
    else { return false }
    return bytes.split(separator: UInt8(ascii: "/"), omittingEmptySubsequences: false).allSatisfy { part in
      !part.isEmpty && !part.elementsEqual(".".utf8) && !part.elementsEqual("..".utf8)
    }
  }

  /// The worker that answers for a name while it is not in great demand: what nginx's `hash` picks among servers of equal
  /// weight (ngx_http_upstream_hash_module: bits 16 to 30 of the key's CRC-32).
  public static func home(_ key: String, workers: Int) -> Int {
    var crc = UInt32.max
    func add(_ byte: UInt8) {
      crc ^= UInt32(byte)
      for _ in 0..<8 { crc = crc & 1 == 1 ? crc >> 1 ^ 0xEDB8_8320 : crc >> 1 }
    }
    for byte in key.utf8 {
      // nginx sees the header as it is sent, and there what is not ASCII is percent-encoded.
      guard byte >= 0x80 else {
        add(byte)
        continue
      }
      for digit in "%\(String(byte, radix: 16, uppercase: true))".utf8 { add(digit) }
    }
    return Int((~crc >> 16) & 0x7FFF) % max(workers, 1)
  }
}

extension Dictionary where Key == String {
  /// Whether there is something under a name that Swift takes for the same and that has other bytes: names are bytes, and a
  /// letter with an accent may be written in two ways (Unicode, normalisation forms).
  func hasOtherSpelling(of name: String) -> Bool {
    guard let index = index(forKey: name) else { return false }
    return !self[index].key.utf8.elementsEqual(name.utf8)
  }
}

extension ServingError {
  static func modelNotLoaded(_ name: String) -> ServingError {
    ServingError(.notFound, "The model \(shown(name)) is not loaded.", field: "model", got: shown(name))
  }

  static func otherSpelling(_ name: String) -> ServingError {
    ServingError(
      .conflict,
      "A model is loaded whose name differs from \(shown(name)) only in how accents are written (Unicode normalisation); "
        + "unload it to have this one.", field: "X-Amzn-SageMaker-Target-Model")
  }

  static func invalidModelName(_ name: String) -> ServingError {
    ServingError(
      .badRequest, "\(shown(name)) is no model name: it is a path below the model store, without . and .. parts.",
      field: "X-Amzn-SageMaker-Target-Model", expected: "a path below the model store, such as iris.tar.gz",
      got: shown(name))
  }

  static func modelTooLarge(_ name: String, limit: Int) -> ServingError {
    ServingError(
      .insufficientStorage, "The model \(shown(name)) takes more memory than one model may.", limit: "\(limit) bytes",
      setting: "max-model-memory")
  }

  static func noMemory(_ name: String) -> ServingError {
    ServingError(
      .insufficientStorage,
      "There is no memory for the model \(shown(name)): what is loaded is in use or pinned. Unload models or raise the "
        + "budget.", setting: "memory-budget")
  }

  static func signatureChanged(_ reason: String) -> ServingError {
    ServingError(
      .modelLoadFailed,
      "The new generation does not take the requests of the old one: \(reason). With allow-signature-change it is served "
        + "all the same.", setting: "allow-signature-change")
  }

  /// A name in a message: long ones are cut.
  static func shown(_ name: String) -> String { "\"\(name.prefix(200))\"" }
}
