import ServingCore
import ServingTesting
import TensorCore
import Testing

@Suite struct CSVRequestTests {
  @Test(
    "rows become a tensor however their lines end",
    arguments: [
      "5.1,3.5,1.4,0.2\n6,3,4.8,1.8\n", "5.1,3.5,1.4,0.2\n6,3,4.8,1.8", "5.1,3.5,1.4,0.2\r\n6,3,4.8,1.8\r\n",
      "5.1, 3.5 ,1.4,\t0.2\n+6,3.,48e-1,01.8\n\n", "\"5.1\",\"3.5\",1.4,0.2\n6,3,4.8,1.8",
    ])
  func rows(_ body: String) throws {
    for columns in [nil, ["a", "b", "c", "d"]] {
      let (service, model) = try Models.matrix(columns: columns)
      if columns == nil, body.hasPrefix("\"") { continue }
      let answer = try service.call(body.utf8, contentType: "text/csv", accept: "text/csv")
      #expect(model.given(Float.self)?.shape == [2, 4])
      #expect(model.given(Float.self)?.elements == [5.1, 3.5, 1.4, 0.2, 6, 3, 4.8, 1.8])
      #expect(answer.text == "0\n1\n")
      #expect(answer.contentType == "text/csv")
    }
  }

  @Test("quoted numbers are the numbers")
  func quotedNumbers() throws {
    let (service, model) = try Models.matrix(2)
    _ = try service.call("\"1.5\",2\n3,\" 4 \"\n".utf8, contentType: "text/csv")
    #expect(model.given(Float.self)?.elements == [1.5, 2, 3, 4])
  }

  @Test("a header with the model's column names is matched by name, more columns dropped")
  func header() throws {
    let (service, model) = try Models.matrix(columns: ["a", "b", "c", "d"])
    for body in [
      "a,b,c,d\n5.1,3.5,1.4,0.2\n", "d,c,b,a\n0.2,1.4,3.5,5.1", "\"a\",id,b,c,d\r\n5.1,\"x,\"\"y\",3.5,1.4,0.2\r\n",
    ] {
      _ = try service.call(body.utf8, contentType: "text/csv")
      #expect(model.given(Float.self)?.elements == [5.1, 3.5, 1.4, 0.2])
    }
  }

  @Test("strings follow RFC 4180")
  func strings() throws {
    let ports = [Models.port("age", .int64, [nil, 1]), Models.port("city", .string, [nil, 1])]
    let (service, model) = try Models.recorder(ports)
    let body = "39,Bern\n40,\"a,b\"\"c\nd\"\r\n41, Zürich \n42,\"\"\n"
    _ = try service.call(body.utf8, contentType: "text/csv")
    #expect(model.given(Int64.self)?.elements == [39, 40, 41, 42])
    #expect(model.givenStrings(1) == ["Bern", "a,b\"c\nd", " Zürich ", ""])
    #expect(model.inputs[1]?.tensor?.shape == [4, 1])
    _ = try service.call("city,age\nBern,5\n".utf8, contentType: "text/csv")
    #expect(model.given(Int64.self)?.elements == [5])
    #expect(model.givenStrings(1) == ["Bern"])
    #expect(try failure(service, "1,a\"b\n".utf8, "text/csv").code == .malformedBody)
    #expect(try failure(service, "1,\"ab\n".utf8, "text/csv").code == .malformedBody)
    #expect(try failure(service, "1,\"a\"b\n".utf8, "text/csv").code == .malformedBody)
    #expect(try failure(service, [0x31, 0x2C, 0xFF], "text/csv").code == .invalidValue)
    #expect(try failure(service, "1,\n".utf8, "text/csv").field == "row 1, column 2 (city)")
  }

  @Test("the width of a free extent is that of the first row")
  func freeWidth() throws {
    let (service, model) = try Models.matrix(nil)
    _ = try service.call("1,2,3\n4,5,6\n".utf8, contentType: "text/csv")
    #expect(model.given(Float.self)?.shape == [2, 3])
    #expect(try failure(service, "1,2,3\n4,5\n".utf8, "text/csv").field == "row 2")
    let (series, points) = try Models.recorder([Models.port("s", .float32, [nil, nil, 2])])
    _ = try series.call("1,2,3,4,5,6\n".utf8, contentType: "text/csv")
    #expect(points.given(Float.self)?.shape == [1, 3, 2])
    #expect(try failure(series, "1,2,3\n".utf8, "text/csv").code == .shapeMismatch)
  }

  @Test("every element type reads from text")
  func types() throws {
    let (bytes, model) = try Models.matrix(2, .int8)
    _ = try bytes.call("-128,127.0\n".utf8, contentType: "text/csv")
    #expect(model.given(Int8.self)?.elements == [-128, 127])
    #expect(try failure(bytes, "1,128\n".utf8, "text/csv").code == .invalidValue)
    let (flags, given) = try Models.matrix(4, .bool)
    _ = try flags.call("True,false,1,0\n".utf8, contentType: "text/csv")
    #expect(given.given(Bool.self)?.elements == [true, false, true, false])
    let (doubles, wide) = try Models.matrix(2, .float64)
    _ = try doubles.call("0.1,1e300\n".utf8, contentType: "text/csv")
    #expect(wide.given(Double.self)?.elements == [0.1, 1e300])
    let (halves, narrow) = try Models.matrix(3, .float16)
    _ = try halves.call("0.1,65504,6e-8\n".utf8, contentType: "text/csv")
    #expect(narrow.inputs[0]?.tensor?.unsafeElements(of: UInt16.self).map { $0 } == [0x2E66, 0x7BFF, 0x0001])
    #expect(try failure(halves, "65520,1,1\n".utf8, "text/csv").code == .invalidValue)
  }

  @Test(
    "what is not a row of numbers is a 400 that names row and column",
    arguments: [
      ("", ServingError.Code.emptyBody, nil),
      ("\n", .emptyBody, nil),
      ("\r\n\r\n", .emptyBody, nil),
      ("1,2,3\n", .shapeMismatch, "row 1"),
      ("1,2,3,4,5\n", .shapeMismatch, "row 1"),
      ("1,2,3,4\n1,2,3\n", .shapeMismatch, "row 2"),
      ("1,2,3,4,\n", .shapeMismatch, "row 1"),
      ("1;2;3;4\n", .shapeMismatch, "row 1"),
      ("1\t2\t3\t4\n", .shapeMismatch, "row 1"),
      ("1 2 3 4\n", .shapeMismatch, "row 1"),
      ("1,2,x,4\n", .invalidValue, "row 1, column 3 (c)"),
      ("1,2,3,4\n1,2,3,NaN\n", .invalidValue, "row 2, column 4 (d)"),
      ("1,inf,3,4\n", .invalidValue, "row 1, column 2 (b)"),
      ("1,2,0x10,4\n", .invalidValue, "row 1, column 3 (c)"),
      ("1,2,1_000,4\n", .invalidValue, "row 1, column 3 (c)"),
      ("1,,3,4\n", .invalidValue, "row 1, column 2 (b)"),
      ("1, ,3,4\n", .invalidValue, "row 1, column 2 (b)"),
      (",2,3,4\n", .invalidValue, "row 1, column 1 (a)"),
      ("1,2,3,\n", .invalidValue, "row 1, column 4 (d)"),
      ("1,2,3,", .invalidValue, "row 1, column 4 (d)"),
      ("1,2,1e39,4\n", .invalidValue, "row 1, column 3 (c)"),
      ("1,2,3 4,4\n", .invalidValue, "row 1, column 3 (c)"),
      ("1,2,3,4\n\n1,2,3,4\n", .malformedBody, "row 2"),
      ("\n1,2,3,4\n", .malformedBody, "row 1"),
      ("\u{FEFF}1,2,3,4\n", .malformedBody, nil),
      ("a,b,c\n1,2,3\n", .shapeMismatch, "row 1"),
      ("a,b,c,e\n1,2,3,4\n", .invalidValue, "row 1, column 1 (a)"),
      ("a,b,c,d\n", .shapeMismatch, nil),
      ("a,b,c,d,d\n1,2,3,4,5\n", .malformedBody, "d"),
      ("a,b,c,d,e\n1,2,3,4\n", .shapeMismatch, "row 1"),
      ("1,2,3,4\r5,6,7,8\r", .invalidValue, nil),
    ] as [(String, ServingError.Code, String?)])
  func refused(_ body: String, _ code: ServingError.Code, _ field: String?) throws {
    for dtype in [DType.float32, .float64] {
      let (service, _) = try Models.matrix(4, dtype, columns: ["a", "b", "c", "d"])
      if body == "1,2,1e39,4\n", dtype == .float64 { continue }
      let error = try failure(service, body.utf8, "text/csv")
      #expect(error.code == code || body.contains("\r5"), "\(error)")
      if let field { #expect(error.field == field, "\(error)") }
    }
  }

  @Test("a header row is refused where the model has no column names, and the message says so")
  func noHeader() throws {
    let (service, _) = try Models.matrix()
    let error = try failure(service, "a,b,c,d\n1,2,3,4\n".utf8, "text/csv")
    #expect(error.code == .invalidValue)
    #expect(error.field == "row 1, column 1")
    #expect(error.message.contains("header"))
  }
}

@Suite struct JSONLinesRequestTests {
  @Test("a row a line, in every row form")
  func rows() throws {
    let (service, model) = try Models.matrix(2, columns: ["a", "b"])
    let body =
      "[1,2]\n{\"features\":[3,4]}\r\n{\"b\":6,\"a\":5}\n {\"data\":{\"features\":{\"values\":[7,8]}}} \n{\"x\":[9,10]}\n"
    for type in [
      "application/jsonlines", "application/x-jsonlines", "application/jsonl", "application/x-ndjson",
      "application/JSONLINES",
    ] {
      let answer = try service.call(body.utf8, contentType: type, accept: type)
      #expect(model.given(Float.self)?.elements == [1, 2, 3, 4, 5, 6, 7, 8, 9, 10])
      #expect(answer.text == "0\n1\n2\n3\n4\n")
      #expect(answer.contentType == type.lowercased())
    }
  }

  @Test("errors name the line")
  func refused() throws {
    let (service, _) = try Models.matrix(2)
    let cases: [(String, ServingError.Code, String?)] = [
      ("", .emptyBody, nil), ("\n\n", .emptyBody, nil), ("[1,2]\n\n[3,4]\n", .malformedBody, "line 2"),
      ("[1,2]\n[3]\n", .shapeMismatch, "line 2"), ("[1,2]\n[3,\"4\"]\n", .invalidValue, "line 2[1]"),
      ("[1,2] [3,4]\n", .malformedBody, nil), ("[1,\n2]\n", .malformedBody, nil),
      ("{\"instances\":[[1,2]]}\n", .unknownField, nil),
      ("1\n2\n", .shapeMismatch, "line 1"),
    ]
    for (body, code, field) in cases {
      let error = try failure(service, body.utf8, "application/jsonlines")
      #expect(error.code == code, "\(error)")
      if let field { #expect(error.field == field, "\(error)") }
    }
  }
}
