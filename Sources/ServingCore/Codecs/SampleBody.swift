import TensorCore

/// Values for bodies that show a person what to send.
enum SampleBody {
  static func csvValue(_ dtype: DType) -> String {
    switch dtype {
    case .string: "a"
    case .bool: "1"
    case _ where dtype.isInteger: "1"
    default: "1.0"
    }
  }

  static func jsonValue(_ dtype: DType) -> String {
    switch dtype {
    case .string: "\"a\""
    case .bool: "true"
    case _ where dtype.isInteger: "1"
    default: "1.0"
    }
  }

  /// Extents for a sample or a warm-up: one row, `free` for every other extent that the model leaves open. Nil when even
  /// the rank is unknown.
  static func dims(_ input: InputLayout.Input, free: Int) -> [Int]? {
    guard let dims = input.dims else { return input.rowWidth.map { [1, $0] } }
    return dims.enumerated().map { axis, extent in
      extent ?? (axis == 0 ? 1 : dims.count == 2 ? input.rowWidth ?? free : free)
    }
  }

  /// Appends a nested JSON array of `dims[level...]`.
  static func appendTensor(_ dims: [Int], _ level: Int, _ value: String, into sink: inout ByteSink) {
    if level == dims.count { return sink.append(utf8: value) }
    sink.append(UInt8(ascii: "["))
    for i in 0..<dims[level] {
      if i > 0 { sink.append(", ") }
      appendTensor(dims, level + 1, value, into: &sink)
    }
    sink.append(UInt8(ascii: "]"))
  }

  /// Appends one row: an array for a sole input, else an object keyed by input name. False when the inputs are not
  /// known well enough.
  static func appendRow(_ layout: InputLayout, into sink: inout ByteSink) -> Bool {
    if let single = layout.single {
      let input = layout.inputs[single]
      guard let dtype = input.dtype, let dims = dims(input, free: 3), !dims.isEmpty else { return false }
      appendTensor(dims, 1, jsonValue(dtype), into: &sink)
      return true
    }
    sink.append(UInt8(ascii: "{"))
    for (position, i) in layout.required.enumerated() {
      let input = layout.inputs[i]
      guard let dtype = input.dtype, let dims = dims(input, free: 3), !dims.isEmpty else { return false }
      if position > 0 { sink.append(", ") }
      sink.append(jsonString: input.name)
      sink.append(": ")
      if input.rowWidth == 1, dims.count == 2 {
        sink.append(utf8: jsonValue(dtype))
      } else {
        appendTensor(dims, 1, jsonValue(dtype), into: &sink)
      }
    }
    sink.append(UInt8(ascii: "}"))
    return true
  }
}
