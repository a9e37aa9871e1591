/// One reader of outside bytes under test: it may refuse any input, and may never trap.
struct FuzzTarget: Sendable {
  let name: String
  /// True where inputs are protobuf messages, which are then mutated field by field.
  let isProtobuf: Bool
  let run: @Sendable (UnsafeRawBufferPointer) -> Void

  init(_ name: String, isProtobuf: Bool = false, run: @escaping @Sendable (UnsafeRawBufferPointer) -> Void) {
    self.name = name
    self.isProtobuf = isProtobuf
    self.run = run
  }

  /// One reader is one file and one line here.
  static let all: [FuzzTarget] = [
    onnx, tensor, archive, zip, json, csv, jsonBody, jsonLines, npy, npz, image, s3xml, ini, weights,
  ]
}
