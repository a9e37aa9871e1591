import TensorCore

/// Writes values as JSON.
///
/// Numbers are the shortest text that reads back as the same float. JSON has no NaN and no infinity: they are written as
/// the strings `"NaN"`, `"Infinity"` and `"-Infinity"`, as protobuf's JSON mapping does.
enum JSONWriter {
  /// One entry of the answer: the value itself for one output, else an object keyed by output name.
  static func writeEntry(_ answer: Answer, _ row: Int?, into sink: inout ByteSink) {
    if answer.values.count == 1 { return write(answer.values[0], row, into: &sink) }
    sink.append(UInt8(ascii: "{"))
    for i in answer.values.indices {
      if i > 0 { sink.append(UInt8(ascii: ",")) }
      sink.append(jsonString: answer.names[i])
      sink.append(UInt8(ascii: ":"))
      write(answer.values[i], row, into: &sink)
    }
    sink.append(UInt8(ascii: "}"))
  }

  /// Entry `row` of the value, or the whole of it.
  static func write(_ value: Value, _ row: Int?, into sink: inout ByteSink) {
    switch value {
    case .tensor(let tensor):
      guard let row, tensor.shape.rank > 0 else { return writeTensor(tensor, 0, 0, into: &sink) }
      writeTensor(tensor, 1, row * tensor.rowStride, into: &sink)
    case .sequence(let values, _):
      if let row { return write(values[row], nil, into: &sink) }
      sink.append(UInt8(ascii: "["))
      for (i, value) in values.enumerated() {
        if i > 0 { sink.append(UInt8(ascii: ",")) }
        write(value, nil, into: &sink)
      }
      sink.append(UInt8(ascii: "]"))
    case .optional(let value, _):
      if let value { write(value, row, into: &sink) } else { sink.append("null") }
    case .map(let map): writeMap(map, into: &sink)
    }
  }

  /// An object; integer keys are written as their digits.
  private static func writeMap(_ map: TensorMap, into sink: inout ByteSink) {
    let count = min(map.keys.count, map.values.shape.rank == 0 ? 1 : map.values.shape[0])
    let stride = map.values.rowStride
    sink.append(UInt8(ascii: "{"))
    for i in 0..<count {
      if i > 0 { sink.append(UInt8(ascii: ",")) }
      if map.keys.dtype == .string {
        sink.append(jsonString: map.keys.strings[map.keys.strings.startIndex + i])
      } else {
        sink.append(UInt8(ascii: "\""))
        NumberWriter.write(map.keys, i, 1, separator: 0, forJSON: false, into: &sink)
        sink.append(UInt8(ascii: "\""))
      }
      sink.append(UInt8(ascii: ":"))
      writeTensor(map.values, 1, i * stride, into: &sink)
    }
    sink.append(UInt8(ascii: "}"))
  }

  /// Nested arrays of the axes from `axis` on, the first element at `offset`.
  private static func writeTensor(_ tensor: Tensor, _ axis: Int, _ offset: Int, into sink: inout ByteSink) {
    let rank = tensor.shape.rank
    if axis >= rank { return NumberWriter.write(tensor, offset, 1, separator: 0, forJSON: true, into: &sink) }
    let extent = tensor.shape[axis]
    sink.append(UInt8(ascii: "["))
    if axis == rank - 1 {
      NumberWriter.write(tensor, offset, extent, separator: UInt8(ascii: ","), forJSON: true, into: &sink)
    } else {
      let stride = tensor.shape.product((axis + 1)..<rank)
      for i in 0..<extent {
        if i > 0 { sink.append(UInt8(ascii: ",")) }
        writeTensor(tensor, axis + 1, offset + i * stride, into: &sink)
      }
    }
    sink.append(UInt8(ascii: "]"))
  }
}

/// Writes a value as CSV: a line a row, every row's elements side by side, maps as their values in key order.
enum CSVWriter {
  static func write(_ value: Value, into sink: inout ByteSink) {
    switch value {
    case .tensor(let tensor):
      let stride = tensor.rowStride
      for row in 0..<(tensor.shape.rank == 0 ? 1 : tensor.shape[0]) {
        NumberWriter.write(tensor, row * stride, stride, separator: UInt8(ascii: ","), forJSON: false, into: &sink)
        sink.append(0x0A)
      }
    case .sequence(let values, _):
      for value in values {
        writeLine(value, into: &sink)
        sink.append(0x0A)
      }
    case .optional(let value, _): if let value { write(value, into: &sink) }
    case .map:
      writeLine(value, into: &sink)
      sink.append(0x0A)
    }
  }

  private static func writeLine(_ value: Value, into sink: inout ByteSink) {
    switch value {
    case .tensor(let tensor):
      NumberWriter.write(tensor, 0, tensor.count, separator: UInt8(ascii: ","), forJSON: false, into: &sink)
    case .map(let map):
      NumberWriter.write(map.values, 0, map.values.count, separator: UInt8(ascii: ","), forJSON: false, into: &sink)
    case .optional(let value, _): if let value { writeLine(value, into: &sink) }
    case .sequence(let values, _):
      for (i, value) in values.enumerated() {
        if i > 0 { sink.append(UInt8(ascii: ",")) }
        writeLine(value, into: &sink)
      }
    }
  }
}
