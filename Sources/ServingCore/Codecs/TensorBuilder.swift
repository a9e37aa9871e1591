import TensorCore

/// A tensor in the making: storage that grows while elements of one dtype are read into it.
struct TensorBuilder {
  let dtype: DType
  let stride: Int
  private var storage: TensorStorage?
  private(set) var base: UnsafeMutableRawPointer
  private var capacity = 0
  /// Elements so far.
  var count = 0
  /// The elements of a string tensor; their number is `count`.
  var strings: [String] = []

  init(_ dtype: DType) {
    self.dtype = dtype
    stride = dtype.byteWidth
    base = UnsafeMutableRawPointer(bitPattern: TensorStorage.alignment)!
  }

  /// Makes room for `extra` elements beyond `count`; those of a string tensor are empty strings until they are set.
  @inline(__always)
  mutating func reserve(_ extra: Int) {
    if capacity &- count < extra { grow(extra, atLeast: 64) }
  }

  /// Room for exactly `elements`, for a reader that knows how many can come.
  mutating func reserveExactly(_ elements: Int) {
    if capacity < elements { grow(elements - count, atLeast: 0) }
  }

  @inline(never)
  private mutating func grow(_ extra: Int, atLeast minimum: Int) {
    let wanted = max(count + extra, minimum == 0 ? 0 : max(capacity * 2, minimum))
    if dtype == .string {
      strings.reserveCapacity(wanted)
      capacity = wanted
      return
    }
    let next = TensorStorage(byteCount: wanted * stride)
    next.base.copyMemory(from: base, byteCount: count * stride)
    storage = next
    base = next.base
    capacity = wanted
  }

  /// The place of element `index`, which has been reserved.
  @inline(__always)
  func slot(_ index: Int) -> UnsafeMutableRawPointer { base + index &* stride }

  /// Sets string `index`, filling up with empty ones before it.
  mutating func setString(_ string: String, at index: Int) {
    if index == strings.count { return strings.append(string) }
    while strings.count <= index { strings.append("") }
    strings[index] = string
  }

  /// The tensor of everything read, under `shape`, whose element count is `count`.
  consuming func finish(_ shape: Shape) throws(ServingError) -> Tensor {
    do {
      if dtype == .string { return try Tensor(strings: strings, shape: shape) }
      return try Tensor(dtype: dtype, shape: shape, storage: storage ?? TensorStorage(byteCount: 0))
    } catch {
      throw ServingError(.shapeMismatch, "\(error)")
    }
  }
}

extension InputLayout.Input {
  /// The shape that `shape` stands for under this input's declared extents, or nil when it does not fit.
  ///
  /// Besides the declared shape itself, the readings that leave no doubt are taken: rows written flat where every extent
  /// but the first is fixed, one value a row for a row of one element, a column for a vector.
  func fitting(_ shape: [Int]) -> [Int]? {
    guard let dims else { return shape }
    func fits(_ candidate: [Int]) -> Bool {
      candidate.count == dims.count && zip(candidate, dims).allSatisfy { $1 == nil || $0 == $1 }
    }
    if fits(shape) { return shape }
    guard let rowWidth, shape.count <= 2 else { return nil }
    let rows = shape.first ?? 1
    let elements = shape.count == 2 ? shape[1] : 1
    guard elements == rowWidth else { return nil }
    let candidate = [rows] + dims.dropFirst().map { $0 ?? 1 }
    return fits(candidate) ? candidate : nil
  }

  /// The shape of flat rows `width` wide where one extent beside the first is free: the only one that fits, or nil.
  func fitting(rows: Int, ofWidth width: Int) -> [Int]? {
    guard let dims, dims.count >= 2, dims[0] ?? rows == rows, dims.dropFirst().filter({ $0 == nil }).count == 1 else {
      return nil
    }
    var known = 1
    for extent in dims.dropFirst() {
      let (product, overflow) = known.multipliedReportingOverflow(by: extent ?? 1)
      if overflow || product <= 0 { return nil }
      known = product
    }
    guard width % known == 0 else { return nil }
    return [rows] + dims.dropFirst().map { $0 ?? width / known }
  }

  func mismatch(_ shape: [Int], field: String?) -> ServingError {
    let got = shape.isEmpty ? "scalar" : shape.map(String.init).joined(separator: "x")
    return ServingError(
      .shapeMismatch, "Input \(name) takes shape \(shapeText); the body has \(got).", field: field ?? name,
      expected: shapeText, got: got)
  }
}

extension InputLayout {
  /// A builder for input `i`.
  ///
  /// - Throws: `badRequest` when a body cannot carry the input's type.
  func builder(_ i: Int) throws(ServingError) -> TensorBuilder {
    guard let dtype = inputs[i].dtype else {
      throw ServingError(
        .badRequest, "Input \(inputs[i].name) is a \(inputs[i].type), which a request body cannot carry.",
        field: inputs[i].name)
    }
    switch dtype {
    case .complex64, .complex128, .float8E4M3FN, .float8E4M3FNUZ, .float8E5M2, .float8E5M2FNUZ, .float8E8M0,
      .float4E2M1:
      throw ServingError(
        .badRequest, "Input \(inputs[i].name) has element type \(dtype), which a text body cannot carry.",
        field: inputs[i].name)
    default: return TensorBuilder(dtype)
    }
  }

  /// Checks that inputs agree where the model says that they must: free axes of one name have one extent, and so have
  /// the unnamed first axes of tabular inputs. Every required input must be there.
  func checked(_ values: [Value?]) throws(ServingError) -> [Value?] {
    var extents: [String: (extent: Int, input: String)] = [:]
    for (i, value) in values.enumerated() {
      guard let tensor = value?.tensor else {
        if inputs[i].isRequired {
          throw ServingError(
            .missingField, "Input \(inputs[i].name) is missing; the model needs \(inputNames).", field: inputs[i].name)
        }
        continue
      }
      if tensor.shape.rank > 0, tensor.shape[0] == 0 {
        throw ServingError(
          .shapeMismatch, "The body has no rows; send at least one.", field: inputs[i].name, expected: "at least 1 row",
          got: "0 rows")
      }
      if values.count == 1 { continue }
      let names = signature.inputs[i].dimNames
      for axis in 0..<tensor.shape.rank where inputs[i].dims?[axis] == nil {
        guard let name = names[axis] ?? (axis == 0 && width != nil && inputs[i].isRequired ? "" : nil) else { continue }
        let extent = tensor.shape[axis]
        if let earlier = extents[name], earlier.extent != extent {
          let what = name.isEmpty ? "rows" : "extent of axis \(name)"
          throw ServingError(
            .shapeMismatch,
            "Inputs \(earlier.input) and \(inputs[i].name) must have the same \(what), but have \(earlier.extent) and \(extent).",
            field: inputs[i].name, expected: "\(earlier.extent)", got: "\(extent)")
        }
        extents[name] = (extent, inputs[i].name)
      }
    }
    return values
  }
}
