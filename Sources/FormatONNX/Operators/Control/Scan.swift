import InferenceGraph
import TensorCore

extension OperatorTable {
  static let scan = ONNXOperator("Scan", versions: [8, 9, 11, 16, 19, 21, 23, 24, 25]) { n in
    guard let scanned = try n.int("num_scan_inputs"), scanned >= 1 else {
      throw GraphError(.invalidModel, "attribute \"num_scan_inputs\" must be a number above 0")
    }
    let isBatched = n.version < 9
    let values = Array(n.inputs.dropFirst(isBatched ? 1 : 0))
    let stateCount = values.count - scanned
    guard stateCount >= 0 else {
      throw GraphError(.invalidModel, "\(scanned) scan inputs, \(values.count) inputs")
    }
    let axes = try n.ints("scan_input_axes") ?? []
    let directions = try n.ints(isBatched ? "directions" : "scan_input_directions") ?? []
    let reading = (0..<scanned).map { i in
      Scan.Course(axis: i < axes.count ? axes[i] : 0, isReversed: i < directions.count && directions[i] == 1)
    }
    let formals = try values.enumerated().map { i, id in
      guard let id, !isBatched else { return Fact(type: id.flatMap { n.fact($0).type }, shape: nil) }
      let fact = n.fact(id)
      return i < stateCount
        ? Fact(type: fact.type, shape: fact.shape)
        : try Scan.entry(fact, axis: reading[i - stateCount].axis)
    }
    let body = try n.graph("body", formals: formals)
    let outAxes = try n.ints("scan_output_axes") ?? []
    let outDirections = try n.ints("scan_output_directions") ?? []
    let writing = (0..<max(0, body.graph.outputs.count - stateCount)).map { i in
      Scan.Course(
        axis: i < outAxes.count ? outAxes[i] : 0, isReversed: i < outDirections.count && outDirections[i] == 1)
    }
    let scan = try Scan(body: body.graph, stateCount: stateCount, reading: reading, writing: writing)
    return isBatched
      ? try n.add(Scan.Batched(scan), [n.optional(0)] + values + body.captures)
      : try n.add(scan, values + body.captures)
  }
}
