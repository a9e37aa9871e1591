public import ServingCore

/// A deterministic model for tests of everything around a model: `text/csv` rows of integers in, the sum of each row out.
public struct SumRows: InvocationHandler {
  public let expectedNanoseconds: UInt64
  private let before: @Sendable (InvocationRequest) -> Void

  /// - Parameters:
  ///   - expectedNanoseconds: what a front end is told.
  ///   - before: called with every request, on the thread that computes.
  public init(expectedNanoseconds: UInt64 = 1000, before: @escaping @Sendable (InvocationRequest) -> Void = { _ in }) {
    self.expectedNanoseconds = expectedNanoseconds
    self.before = before
  }

  public func invoke(_ request: InvocationRequest) throws(ServingError) -> InvocationResponse {
    before(request)
    guard request.contentType == "text/csv" else {
      throw ServingError(
        .unsupportedMediaType, "This media type is not read.", expected: "text/csv", got: request.contentType)
    }
    if request.body.isEmpty { throw ServingError(.emptyBody, "The body is empty.") }
    var answer: [UInt8] = []
    for (row, line) in String(decoding: request.body, as: UTF8.self).split(separator: "\n").enumerated() {
      var sum = 0
      for (column, text) in line.split(separator: ",").enumerated() {
        guard let number = Int(text), let next = Optional(sum.addingReportingOverflow(number)), !next.overflow else {
          throw ServingError(
            .invalidValue, "A value is no number.", field: "row \(row + 1), column \(column + 1)",
            got: String(text.prefix(40)))
        }
        sum = next.partialValue
      }
      answer += Array("\(sum)\n".utf8)
    }
    return InvocationResponse(contentType: "text/csv", body: answer)
  }
}
