import TensorCore

/// How rows of columns and named tensors map to a model's inputs; worked out once from its signature.
public final class InputLayout: Sendable {
  /// One input as codecs see it.
  struct Input: Sendable {
    let name: String
    /// Nil for sequences, maps and optionals, which bodies cannot carry.
    let dtype: DType?
    let type: ValueType
    let dims: [Int?]?
    let isRequired: Bool
    /// Elements of one row (the product of every extent but the first); nil where an extent is free.
    let rowWidth: Int?

    /// The shape as messages print it, `?` for a free extent.
    var shapeText: String {
      dims.map { $0.isEmpty ? "scalar" : $0.map { $0.map(String.init) ?? "?" }.joined(separator: "x") } ?? "any shape"
    }
  }

  /// Where a column of a row goes.
  struct Column: Sendable {
    let input: Int
    let offset: Int
    let dtype: DType
  }

  /// The signature this was made from.
  public let signature: ModelSignature
  let inputs: [Input]
  /// Positions of the inputs that a row must fill.
  let required: [Int]
  /// The number of columns of a row; nil when some required input has no fixed row width.
  let width: Int?
  /// Where the columns of a row go when several inputs share them; empty for a sole input, whose columns are its own.
  private let columns: [Column]
  /// The columns' names, where the model gives them (or has one one-column input for each).
  let columnNames: [String]?
  /// `columnNames` as UTF-8; empty where there are none.
  let columnBytes: [[UInt8]]
  let columnIndex: [String: Int]
  private let inputIndex: [String: Int]

  /// The only required input, or nil when there are several.
  let single: Int?

  public init(_ signature: ModelSignature) {
    self.signature = signature
    let named = signature.columns?.count
    let soleInput = signature.inputs.filter(\.isRequired).count == 1
    let inputs = signature.inputs.map { port in
      Input(
        name: port.name, dtype: port.type.dtype, type: port.type, dims: port.dims, isRequired: port.isRequired,
        rowWidth: InputLayout.rowWidth(port.dims) ?? (soleInput && (port.dims?.count ?? 2) == 2 ? named : nil))
    }
    let required = inputs.indices.filter { inputs[$0].isRequired }
    let width = InputLayout.width(inputs, required)
    columns = width == nil || required.count == 1 ? [] : InputLayout.columns(inputs, required)
    let columnNames = width.flatMap { InputLayout.names(signature, inputs, required, width: $0) }
    self.inputs = inputs
    self.required = required
    self.width = width
    self.columnNames = columnNames
    single = required.count == 1 ? required[0] : nil
    columnBytes = (columnNames ?? []).map { Array($0.utf8) }
    columnIndex = Dictionary(
      uniqueKeysWithValues: (columnNames ?? []).enumerated().map { ($0.element, $0.offset) })
    inputIndex = Dictionary(inputs.enumerated().map { ($0.element.name, $0.offset) }, uniquingKeysWith: { a, _ in a })
  }

  private static func rowWidth(_ dims: [Int?]?) -> Int? {
    guard let dims, !dims.isEmpty else { return nil }
    var width = 1
    for extent in dims.dropFirst() {
      guard let extent, extent > 0 else { return nil }
      let (product, overflow) = width.multipliedReportingOverflow(by: extent)
      if overflow || product > 1 << 28 { return nil }
      width = product
    }
    return width
  }

  private static func width(_ inputs: [Input], _ required: [Int]) -> Int? {
    var total = 0
    for i in required {
      guard let width = inputs[i].rowWidth, inputs[i].dtype != nil, total + width <= 1 << 28 else { return nil }
      total += width
    }
    return total == 0 || (required.count > 1 && total > 1 << 20) ? nil : total
  }

  private static func columns(_ inputs: [Input], _ required: [Int]) -> [Column] {
    required.flatMap { i in
      (0..<(inputs[i].rowWidth ?? 0)).map { Column(input: i, offset: $0, dtype: inputs[i].dtype ?? .float32) }
    }
  }

  private static func names(
    _ signature: ModelSignature, _ inputs: [Input], _ required: [Int], width: Int
  ) -> [String]? {
    let names: [String]
    if let given = signature.columns, given.count == width {
      names = given
    } else if required.count > 1, required.count == width {
      names = required.map { inputs[$0].name }
    } else {
      return nil
    }
    return Set(names).count == names.count ? names : nil
  }

  /// Where column `i` of a row goes.
  @inline(__always)
  func column(_ i: Int) -> Column {
    if let single { return Column(input: single, offset: i, dtype: inputs[single].dtype ?? .float32) }
    return columns[i]
  }

  /// The position of the input called `name`; few names are compared, many looked up.
  func position(ofInput name: String) -> Int? {
    inputs.count <= 4 ? inputs.firstIndex { $0.name == name } : inputIndex[name]
  }

  /// The names of all inputs, for messages.
  var inputNames: String { inputs.map(\.name).joined(separator: ", ") }

  /// `column 3` with its name where it has one, 1-based, for messages.
  func columnText(_ column: Int) -> String {
    if let columnNames, columnNames.indices.contains(column) {
      return "column \(column + 1) (\(columnNames[column]))"
    }
    return "column \(column + 1)"
  }
}
