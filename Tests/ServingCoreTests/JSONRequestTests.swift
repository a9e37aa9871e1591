import ServingCore
import ServingTesting
import TensorCore
import Testing

@Suite struct JSONRequestTests {
  static let iris: [Float] = [5.1, 3.5, 1.4, 0.2, 6, 3, 4.8, 1.8]

  @Test(
    "every row form gives the same tensor",
    arguments: [
      #"{"instances": [[5.1,3.5,1.4,0.2],[6,3,4.8,1.8]]}"#,
      #"[[5.1,3.5,1.4,0.2],[6,3,4.8,1.8]]"#,
      #" [ [ 5.1 , 3.5 , 1.4 , 0.2 ] , [ 6 , 3 , 4.8 , 1.8 ] ] "#,
      #"{"instances": [{"features":[5.1,3.5,1.4,0.2]},{"features":[6,3,4.8,1.8]}]}"#,
      #"{"instances": [{"features":[5.1,3.5,1.4,0.2]},[6.0e0,30E-1,4.8,1.8]]}"#,
      #"{"instances": [{"data":{"features":{"values":[5.1,3.5,1.4,0.2]}}},[6,3,4.8,1.8]]}"#,
      #"{"inputs": [[5.1,3.5,1.4,0.2],[6,3,4.8,1.8]]}"#,
      #"{"inputs": {"x": [[5.1,3.5,1.4,0.2],[6,3,4.8,1.8]]}}"#,
      #"{"x": [[5.1,3.5,1.4,0.2],[6,3,4.8,1.8]]}"#,
      #"{"instances": [{"x":[5.1,3.5,1.4,0.2]},{"x":[6,3,4.8,1.8]}]}"#,
      #"{"signature_name":"serving_default","instances": [[5.1,3.5,1.4,0.2],[6,3,4.8,1.8]]}"#,
      #"{"features": [[5.1,3.5,1.4,0.2],[6,3,4.8,1.8]]}"#,
      #"{"instances": [{"a":5.1,"b":3.5,"c":1.4,"d":0.2},{"d":1.8,"c":4.8,"b":3,"a":6}]}"#,
      #"{"instances": [{"\u0061":5.1,"b":3.5,"c":1.4,"d":0.2},[6,3,4.8,1.8]]}"#,
      #"{"dataframe_records": [{"z":1,"a":5.1,"b":3.5,"c":1.4,"d":0.2},{"d":1.8,"c":4.8,"b":3,"a":6,"z":[{"q":null}]}]}"#,
      #"{"dataframe_split": {"columns":["a","b","c","d"],"data":[[5.1,3.5,1.4,0.2],[6,3,4.8,1.8]]}}"#,
      #"{"dataframe_split": {"index":[0,1],"data":[["u",0.2,1.4,3.5,5.1],["v",1.8,4.8,3,6]],"columns":["z","d","c","b","a"]}}"#,
    ])
  func forms(_ body: String) throws {
    let (service, model) = try Models.matrix(columns: ["a", "b", "c", "d"])
    let answer = try service.call(body.utf8, contentType: "application/json")
    let given = try #require(model.given(Float.self))
    #expect(given.shape == [2, 4])
    #expect(given.elements == Self.iris)
    let expected = body.contains(#"{"inputs": {"#) ? #"{"outputs":{"y":[0,1]}}"# : #"{"predictions":[0,1]}"#
    #expect(answer.text == expected)
    #expect(answer.contentType == "application/json")
  }

  @Test(
    "one row may come as features",
    arguments: [#"{"features":[5.1,3.5,1.4,0.2]}"#, #"{"data":{"features":{"values":[5.1,3.5,1.4,0.2]}}}"#])
  func oneRow(_ body: String) throws {
    let (service, model) = try Models.matrix()
    _ = try service.call(body.utf8, contentType: "application/json")
    #expect(model.given(Float.self)?.shape == [1, 4])
    #expect(model.given(Float.self)?.elements == [5.1, 3.5, 1.4, 0.2])
  }

  @Test("data frames are read by position where the model has no column names")
  func positions() throws {
    let (service, model) = try Models.matrix(2)
    for body in [
      #"{"dataframe_split":{"columns":[0,1],"data":[[1,2],[3,4]]}}"#,
      #"{"dataframe_split":{"columns":["p","q"],"data":[[1,2],[3,4]]}}"#,
      #"{"dataframe_records":[{"p":1,"q":2},{"q":4,"p":3}]}"#,
    ] {
      _ = try service.call(body.utf8, contentType: "application/json")
      #expect(model.given(Float.self)?.elements == [1, 2, 3, 4])
    }
  }

  @Test("columns spread over the inputs of a column model, in every form")
  func columnModel() throws {
    let ports = [
      Models.port("age", .int64, [nil, 1]), Models.port("city", .string, [nil, 1]),
      Models.port("pay", .float32, [nil, 1]),
    ]
    let (service, model) = try Models.recorder(ports)
    for body in [
      #"{"instances":[[39,"Bern",1.5],[-4,"Z\u00fcrich\n\ud83d\ude00",2]]}"#,
      #"[[39,"Bern",1.5],{"pay":2,"city":"Zürich\n😀","age":-4}]"#,
      #"{"instances":[{"age":39,"city":"Bern","pay":1.5},{"age":-4,"city":["Zürich\n😀"],"pay":2}]}"#,
      #"{"inputs":{"age":[[39],[-4]],"city":[["Bern"],["Zürich\n😀"]],"pay":[[1.5],[2]]}}"#,
      #"{"age":[39,-4],"city":["Bern","Zürich\n😀"],"pay":[1.5,2]}"#,
      #"{"dataframe_split":{"columns":["pay","age","city"],"data":[[1.5,39.0,"Bern"],[2,-4,"Zürich\n😀"]]}}"#,
    ] {
      _ = try service.call(body.utf8, contentType: "application/json")
      #expect(model.given(Int64.self, 0)?.elements == [39, -4], "\(body)")
      #expect(model.givenStrings(1) == ["Bern", "Zürich\n😀"], "\(body)")
      #expect(model.given(Float.self, 2)?.elements == [1.5, 2], "\(body)")
      #expect(model.given(Float.self, 2)?.shape == [2, 1], "\(body)")
    }
  }

  @Test("token models take named inputs and instances of free length")
  func tokens() throws {
    let ports = [
      ModelSignature.Port(
        name: "input_ids", type: .tensor(.int64), dims: [nil, nil], dimNames: [0: "batch", 1: "sequence"]),
      ModelSignature.Port(
        name: "attention_mask", type: .tensor(.int64), dims: [nil, nil], dimNames: [0: "batch", 1: "sequence"]),
      ModelSignature.Port(name: "token_type_ids", type: .tensor(.int64), dims: [nil, nil], isRequired: false),
    ]
    let (service, model) = try Models.recorder(ports)
    for body in [
      #"{"input_ids":[[1,2,3],[4,5,6]],"attention_mask":[[1,1,1],[1,1,0]]}"#,
      #"{"instances":[{"input_ids":[1,2,3],"attention_mask":[1,1,1]},{"attention_mask":[1,1,0],"input_ids":[4,5,6]}]}"#,
    ] {
      _ = try service.call(body.utf8, contentType: "application/json")
      #expect(model.given(Int64.self, 0)?.shape == [2, 3])
      #expect(model.given(Int64.self, 0)?.elements == [1, 2, 3, 4, 5, 6])
      #expect(model.given(Int64.self, 1)?.elements == [1, 1, 1, 1, 1, 0])
      #expect(model.inputs[2] == nil)
    }
    let error = try failure(service, #"{"input_ids":[[1,2,3]],"attention_mask":[[1,1]]}"#.utf8)
    #expect(error.code == .shapeMismatch)
    #expect(error.message.contains("sequence"))
    #expect(try failure(service, #"{"input_ids":[[1,2,3]]}"#.utf8).code == .missingField)
    #expect(
      try failure(
        service,
        #"{"instances":[{"input_ids":[1],"attention_mask":[1],"token_type_ids":[0]},{"input_ids":[1],"attention_mask":[1]}]}"#
          .utf8
      ).code == .missingField)
    #expect(try failure(service, "1,2\n".utf8, "text/csv").code == .badRequest)
  }

  @Test("tensors of any rank, and rows written flat")
  func ranks() throws {
    let (service, model) = try Models.recorder([Models.port("image", .uint8, [nil, 1, 2, 2])])
    for body in ["[[[[1,2],[3,4]]],[[[5,6],[7,255]]]]", "[[1,2,3,4],[5,6,7,255]]"] {
      _ = try service.call(body.utf8, contentType: "application/json")
      #expect(model.given(UInt8.self)?.shape == [2, 1, 2, 2])
      #expect(model.given(UInt8.self)?.elements == [1, 2, 3, 4, 5, 6, 7, 255])
    }
    #expect(try failure(service, "[[1,2,3,4,5]]".utf8).code == .shapeMismatch)
    #expect(try failure(service, "[[[[1,2],[3]]]]".utf8).code == .shapeMismatch)
    #expect(try failure(service, "[[[[1,2],3]]]".utf8).code == .shapeMismatch)
    #expect(try failure(service, "[[[[256,2],[3,4]]]]".utf8).code == .invalidValue)
    let (scalars, vector) = try Models.recorder([Models.port("t", .string, [nil])])
    _ = try scalars.call(#"{"instances":["one","two"]}"#.utf8, contentType: "application/json")
    #expect(vector.givenStrings() == ["one", "two"])
    _ = try scalars.call(#"{"inputs":"one"}"#.utf8, contentType: "application/json")
    #expect(vector.inputs[0]?.tensor?.shape == [1])
  }

  @Test("booleans are true and false, or 0 and 1")
  func booleans() throws {
    let (service, model) = try Models.matrix(2, .bool)
    _ = try service.call("[[true,false],[1,0.0]]".utf8, contentType: "application/json")
    #expect(model.given(Bool.self)?.elements == [true, false, true, false])
    #expect(try failure(service, "[[2,0]]".utf8).code == .invalidValue)
    #expect(try failure(service, #"[["true",0]]"#.utf8).code == .invalidValue)
  }

  @Test("integers are exact and bounded")
  func integers() throws {
    let (service, model) = try Models.matrix(3, .int64)
    _ = try service.call(
      "[[9223372036854775807,-9223372036854775808,5.0],[5e2,120e-1,-0]]".utf8, contentType: "application/json")
    #expect(model.given(Int64.self)?.elements == [.max, .min, 5, 500, 12, 0])
    for bad in ["9223372036854775808", "-9223372036854775809", "5.5", "1e19", "1e-1", "1e400"] {
      #expect(try failure(service, "[[1,2,\(bad)]]".utf8).code == .invalidValue, "\(bad)")
    }
    let (unsigned, words) = try Models.matrix(1, .uint64)
    _ = try unsigned.call("[[18446744073709551615]]".utf8, contentType: "application/json")
    #expect(words.given(UInt64.self)?.elements == [.max])
    #expect(try failure(unsigned, "[[-1]]".utf8).code == .invalidValue)
    #expect(try failure(unsigned, "[[18446744073709551616]]".utf8).code == .invalidValue)
  }
}

@Suite struct JSONRefusalTests {
  @Test(
    "what is not strict JSON is a 400 that says where",
    arguments: [
      "{", "[", "[[", "[[1", "[[1,", "[[1,2,3,4]", "[[1,2,3,4]]]", "[[1,2,3,4]] x", "{\"instances\":[[1,2,3,4]]",
      "{\"instances\":[[1,2,3,4]],}", "{\"instances\" [[1,2,3,4]]}", "{instances:[[1,2,3,4]]}", "[[1,2,3,04]]",
      "[[1,2,3,+4]]", "[[1,2,3,.5]]", "[[1,2,3,1.]]", "[[1,2,3,1e]]", "[[1,2,3,0x1]]", "[[1,2,3,NaN]]",
      "[[1,2,3,Infinity]]", "[[1,2,3,-Infinity]]", "[[1,2,3,]]", "[[1,2,,4]]", "[[1 2,3,4]]", "nul", "[[1,2,3,tru]]",
      "{\"a\u{1}\":1}", "{\"\\ud800\":1}", "{\"\\ud800\\u0041\":1}", "{\"\\udc00\":1}", "{\"\\x\":1}",
      "{\"\\u12g4\":1}",
      "{\"a", "\u{FEFF}[[1,2,3,4]]", "[[1,2,3,4]]\u{0}", "'a'", "[[--1,2,3,4]]", "3", "\"a\"",
    ])
  func malformed(_ body: String) throws {
    let (service, _) = try Models.matrix()
    let error = try failure(service, body.utf8)
    #expect(error.code == .malformedBody, "\(error)")
    #expect(error.message.contains("byte"))
  }

  @Test("the position is the line, the column and the byte")
  func position() throws {
    let (service, _) = try Models.matrix()
    let error = try failure(service, "[[1,2,3,4],\n [1,2,x,4]]".utf8)
    #expect(error.message.contains("line 2, column 7 (byte 18)"), "\(error)")
  }

  @Test(
    "what does not fit the model is a 400 that names the place",
    arguments: [
      ("", ServingError.Code.emptyBody, nil),
      ("  \n", .emptyBody, nil),
      ("[]", .shapeMismatch, nil),
      (#"{"instances":[]}"#, .shapeMismatch, "instances"),
      (#"{"instances":[[]]}"#, .shapeMismatch, "instances[0]"),
      (#"{"instances":[[1,2,3]]}"#, .shapeMismatch, "instances[0]"),
      (#"{"instances":[[1,2,3,4],[1,2,3,4,5]]}"#, .shapeMismatch, "instances[1]"),
      (#"{"instances":[1,2,3,4]}"#, .shapeMismatch, "instances[0]"),
      ("[1,2,3,4]", .shapeMismatch, "[0]"),
      (#"{"inputs":[1,2,3,4]}"#, .shapeMismatch, "inputs[0]"),
      (#"{"instances":[[1,2,"3",4]]}"#, .invalidValue, "instances[0][2]"),
      (#"{"instances":[[1,2,null,4]]}"#, .invalidValue, "instances[0][2]"),
      (#"{"instances":[[1,2,true,4]]}"#, .invalidValue, "instances[0][2]"),
      (#"{"instances":[[1,2,{},4]]}"#, .invalidValue, "instances[0][2]"),
      (#"{"instances":[[1,2,[3],4]]}"#, .shapeMismatch, "instances[0][2]"),
      (#"{"instances":[[1,2,1e39,4]]}"#, .invalidValue, "instances[0][2]"),
      (#"{"instances":[[1,2,3.5e38,4]]}"#, .invalidValue, "instances[0][2]"),
      (#"{"instances":[null]}"#, .shapeMismatch, "instances[0]"),
      (#"{"instances":null}"#, .malformedBody, "instances"),
      (#"{}"#, .missingField, nil),
      (#"{"rows":[[1,2,3,4]]}"#, .unknownField, "rows"),
      (#"{"instances":[[1,2,3,4]],"parameters":{"k":1}}"#, .unknownField, "parameters"),
      (#"{"instances":[[1,2,3,4]],"inputs":[[1,2,3,4]]}"#, .badRequest, "inputs"),
      (#"{"instances":[[1,2,3,4]],"x":[[1,2,3,4]]}"#, .badRequest, "x"),
      (#"{"instances":[[1,2,3,4]],"instances":[[1,2,3,4]]}"#, .malformedBody, nil),
      (#"{"inputs":{"x":[[1,2,3,4]],"x":[[1,2,3,4]]}}"#, .malformedBody, nil),
      (#"{"inputs":{"z":[[1,2,3,4]]}}"#, .unknownField, "inputs.z"),
      (#"{"inputs":{}}"#, .missingField, "x"),
      (#"{"instances":[{"a":1,"b":2,"c":3}]}"#, .missingField, "instances[0].d"),
      (#"{"instances":[{"a":1,"b":2,"c":3,"d":4,"a":5}]}"#, .malformedBody, nil),
      (#"{"instances":[{"a":1,"b":2,"c":3,"d":4,"e":5}]}"#, .unknownField, "instances[0].e"),
      (#"{"instances":[{"a":1,"b":2,"c":"3","d":4}]}"#, .invalidValue, "instances[0].c"),
      (#"{"instances":[{"a":1,"b":2,"c":[3],"d":4}]}"#, .invalidValue, "instances[0].c"),
      (#"{"instances":[{"features":[1,2,3,4],"x":[1,2,3,4]}]}"#, .badRequest, "instances[0]"),
      (
        #"{"instances":[{"data":{"features":{"keys":[0],"values":[1]}}}]}"#, .unknownField, "instances[0].data.features"
      ),
      (#"{"dataframe_split":{"columns":["a","b","c"],"data":[[1,2,3]]}}"#, .missingField, "d"),
      (#"{"dataframe_split":{"columns":["a","b","c","d","d"],"data":[[1,2,3,4,5]]}}"#, .malformedBody, "d"),
      (#"{"dataframe_split":{"columns":["a","b","c","d"]}}"#, .missingField, "dataframe_split.data"),
      (#"{"dataframe_split":{"data":[[1,2,3,4]]}}"#, .missingField, "dataframe_split.columns"),
      (
        #"{"dataframe_split":{"columns":["a","b","c","d"],"index":[1],"data":[[1,2,3,4],[1,2,3,4]]}}"#, .shapeMismatch,
        "dataframe_split.index"
      ),
      (
        #"{"dataframe_split":{"columns":["d","b","c","a"],"data":[[1,2,3]]}}"#, .shapeMismatch,
        "dataframe_split.data[0]"
      ),
      (#"{"dataframe_records":[{"z":1,"z":1,"a":1,"b":2,"c":3,"d":4}]}"#, .malformedBody, nil),
    ] as [(String, ServingError.Code, String?)])
  func refused(_ body: String, _ code: ServingError.Code, _ field: String?) throws {
    let (service, _) = try Models.matrix(columns: ["a", "b", "c", "d"])
    let error = try failure(service, body.utf8)
    #expect(error.code == code, "\(error)")
    if let field { #expect(error.field == field, "\(error)") }
  }

  @Test("nesting beyond the limit is refused, not followed")
  func depth() throws {
    let (service, _) = try Models.matrix()
    let deep = String(repeating: "[", count: 200_000)
    #expect(try failure(service, deep.utf8).code == .shapeMismatch)
    let skipped = #"{"dataframe_records":[{"z":"# + String(repeating: "[", count: 200_000)
    let (named, _) = try Models.matrix(2, columns: ["a", "b"])
    #expect(try failure(named, skipped.utf8).limit == "64 levels")
  }
}
