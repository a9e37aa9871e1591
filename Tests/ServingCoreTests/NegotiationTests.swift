import ServingCore
import ServingTesting
import TensorCore
import Testing

@Suite struct NegotiationTests {
  @Test(
    "Accept picks the answer's type",
    arguments: [
      (nil, "application/json"), ("", "application/json"), ("*/*", "application/json"), ("*", "application/json"),
      ("text/csv", "text/csv"), ("TEXT/CSV", "text/csv"), ("text/csv; charset=utf-8", "text/csv"),
      ("application/json;verbose=true", "application/json"), ("text/csv, application/json", "text/csv"),
      ("application/json, text/csv", "application/json"),
      ("text/csv;q=0.5, application/json;q=0.9", "application/json"),
      ("application/json;q=.2, text/csv;q=0.3", "text/csv"), ("text/*", "text/csv"),
      ("application/*", "application/json"),
      ("image/png, text/csv;q=0.1", "text/csv"), ("*/*;q=0.1, text/csv", "text/csv"),
      ("application/json;q=0, */*", "text/csv"), ("text/html, image/gif, *; q=.2, */*; q=.2", "application/json"),
      ("application/json, text/plain, */*", "application/json"), ("text/html;level=\"1,2;q=0\", TEXT/*", "text/csv"),
      ("application/x-ndjson", "application/x-ndjson"), ("application/x-npy", "application/x-npy"),
    ] as [(String?, String)])
  func accept(_ accept: String?, _ expected: String) throws {
    let (service, _) = try Models.matrix(1)
    #expect(try service.call("1".utf8, contentType: "text/csv", accept: accept).contentType == expected)
  }

  @Test("the default Accept is a setting")
  func defaultAccept() throws {
    let (service, _) = try Models.recorder(
      [Models.port("x", .float32, [nil, 1])], configuration: .init(defaultAccept: "text/csv"))
    #expect(try service.call("1".utf8, contentType: "text/csv").contentType == "text/csv")
    #expect(try service.call("1".utf8, contentType: "text/csv", accept: "*/*").contentType == "text/csv")
    #expect(
      try service.call("1".utf8, contentType: "text/csv", accept: "application/*").contentType == "application/json")
    #expect(throws: ServingError.self) {
      try Models.recorder([Models.port("x", .float32, [nil, 1])], configuration: .init(defaultAccept: "text/html"))
    }
  }

  @Test(
    "what cannot be written is a 406 that lists what can",
    arguments: ["image/png", "text/html, image/*", "text/csv;q=0", "json", "application/x-npz"])
  func notAcceptable(_ accept: String) throws {
    let (service, _) = try Models.matrix(1)
    let error = #expect(throws: ServingError.self) {
      try service.call("1".utf8, contentType: "text/csv", accept: accept)
    }
    #expect(error?.code == .notAcceptable)
    #expect(error?.expected?.contains("application/x-npy") == true)
    #expect(error?.expected?.contains("npz") == false)
  }

  @Test(
    "an unknown Content-Type is a 415 with the list and a body that works",
    arguments: [
      nil, "", "text/plain", "application/x-www-form-urlencoded", "json", "text/csv; charset=latin-1",
      "text/csv;charset=UTF-16",
    ])
  func unsupported(_ type: String?) throws {
    let (service, _) = try Models.matrix(4)
    let error = #expect(throws: ServingError.self) { try service.call("1,2,3,4".utf8, contentType: type) }
    #expect(error?.code == .unsupportedMediaType)
    for accepted in ["text/csv", "application/json", "application/jsonlines", "application/x-npy", "application/x-npz"]
    {
      #expect(error?.expected?.contains(accepted) == true)
    }
    #expect(error?.message.contains(#"{"instances": [[1.0, 1.0, 1.0, 1.0]]}"#) == true, "\(String(describing: error))")
  }

  @Test(
    "parameters and letter case of Content-Type do not matter",
    arguments: ["text/csv; label_size=0", "Text/CSV", "text/csv;charset=\"UTF-8\"", " text/csv ;header=present"])
  func parameters(_ type: String) throws {
    let (service, _) = try Models.matrix(2)
    _ = try service.call("1,2".utf8, contentType: type)
  }

  @Test("every sample of the documentation is a body that the model takes")
  func samples() throws {
    let models = [
      [Models.port("x", .float32, [nil, 3])], [Models.port("x", .string, [nil])],
      [Models.port("x", .int32, [nil, 2, 2])],
      [
        Models.port("n", .float64, [nil, 2]), Models.port("c", .string, [nil, 1]), Models.port("b", .bool, [nil, 1]),
      ],
      [Models.port("ids", .int64, [nil, nil]), Models.port("mask", .int64, [nil, nil])],
      [Models.port("x", .float32, [nil, nil])], [Models.port("scale", .float32, [])],
    ]
    for ports in models {
      let (service, _) = try Models.recorder(ports)
      var taken = 0
      for codec in CodecTable.standard.codecs where codec.canDecode {
        guard let sample = codec.sample(for: service.layout) else { continue }
        _ = try service.call(sample, contentType: codec.mediaType)
        taken += 1
      }
      #expect(taken >= 1)
      #expect(service.documentation.count == CodecTable.standard.codecs.count)
    }
  }
}
