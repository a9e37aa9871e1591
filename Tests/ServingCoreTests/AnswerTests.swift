import ServingCore
import ServingTesting
import TensorCore
import Testing

@Suite struct AnswerTests {
  static let row = "1\n2\n"

  @Test("a classifier answers labels and probabilities as the answer rule says")
  func classifier() throws {
    let service = try Models.classifier()
    func answer(_ accept: String?, _ attributes: String? = nil) throws -> String {
      try service.call(Self.row.utf8, contentType: "text/csv", accept: accept, attributes: attributes).text
    }
    let both =
      #"{"label":"setosa","probabilities":{"setosa":0.9,"versi\"color":0.1}},{"label":"a,b","probabilities":{"setosa":0.25,"versi\"color":0.75}}"#
    #expect(try answer(nil) == #"{"predictions":[\#(both)]}"#)
    #expect(try answer("application/jsonlines") == both.replacing("},{\"label\":\"a", with: "}\n{\"label\":\"a") + "\n")
    #expect(try answer("text/csv") == "setosa\n\"a,b\"\n")
    #expect(try answer(nil, "outputs=label") == #"{"predictions":["setosa","a,b"]}"#)
    #expect(
      try answer(nil, "outputs=probabilities")
        == #"{"predictions":[{"setosa":0.9,"versi\"color":0.1},{"setosa":0.25,"versi\"color":0.75}]}"#)
    #expect(try answer("text/csv", "trace=1; outputs=probabilities,label") == "0.9,0.1\n0.25,0.75\n")
    #expect(
      try answer("text/csv", #"outputs="probabilities,label""#) == "0.9,0.1\n0.25,0.75\n")
    #expect(
      try answer("application/jsonlines", "tfs-method=predict,outputs=probabilities , label,other=x")
        == #"{"probabilities":{"setosa":0.9,"versi\"color":0.1},"label":"setosa"}"# + "\n"
        + #"{"probabilities":{"setosa":0.25,"versi\"color":0.75},"label":"a,b"}"# + "\n")
    let named = try service.call(
      #"{"inputs":{"x":[[1],[2]]}}"#.utf8, contentType: "application/json", attributes: "outputs=label")
    #expect(named.text == #"{"outputs":{"label":["setosa","a,b"]}}"#)
  }

  @Test("outputs that do not exist are a 400 that names those that do")
  func unknownOutputs() throws {
    let service = try Models.classifier()
    for attributes in ["outputs=score", "outputs=label,score", "outputs=", "outputs=label,label"] {
      let error = #expect(throws: ServingError.self) {
        try service.call(Self.row.utf8, contentType: "text/csv", attributes: attributes)
      }
      #expect(error?.code == .badRequest)
    }
    let error = #expect(throws: ServingError.self) {
      try service.call(Self.row.utf8, contentType: "text/csv", attributes: "outputs=score")
    }
    #expect(error?.expected == "label, probabilities")
    #expect(throws: ServingError.self) { try Models.classifier(.init(outputs: ["score"])) }
    let standing = try Models.classifier(.init(outputs: ["probabilities"]))
    #expect(
      try standing.call(Self.row.utf8, contentType: "text/csv", accept: "text/csv").text == "0.9,0.1\n0.25,0.75\n")
    #expect(
      try standing.call(Self.row.utf8, contentType: "text/csv", accept: "text/csv", attributes: "outputs=label").text
        == "setosa\n\"a,b\"\n")
  }

  @Test("numbers are the shortest text that reads back, in NumPy's words where they are not finite")
  func numbers() throws {
    let service = try Models.answering([
      (
        "y",
        .tensor(
          try Tensor([Float(0.1), -0.0, 16_777_216, 1e-5, .infinity, .nan, -.infinity, 3.4028235e38], shape: [2, 4]))
      )
    ])
    #expect(
      try service.call("1\n".utf8, contentType: "text/csv", accept: "text/csv").text
        == "0.1,-0.0,16777216.0,1e-05\ninf,nan,-inf,3.4028235e+38\n")
    #expect(
      try service.call("1\n".utf8, contentType: "text/csv").text
        == #"{"predictions":[[0.1,-0.0,16777216.0,1e-05],["Infinity","NaN","-Infinity",3.4028235e+38]]}"#)
  }

  @Test("every element type is written")
  func types() throws {
    func text(_ tensor: Tensor, _ accept: String = "application/json") throws -> String {
      try Models.answering([("y", .tensor(tensor))]).call("1\n".utf8, contentType: "text/csv", accept: accept).text
    }
    #expect(try text(Tensor([true, false])) == #"{"predictions":[true,false]}"#)
    #expect(try text(Tensor([true, false]), "text/csv") == "1\n0\n")
    #expect(try text(Tensor([Int64.min, .max])) == #"{"predictions":[-9223372036854775808,9223372036854775807]}"#)
    #expect(try text(Tensor([UInt64.max, 0])) == #"{"predictions":[18446744073709551615,0]}"#)
    #expect(try text(Tensor([Int8(-128), 9, 10, 99, 100])) == #"{"predictions":[-128,9,10,99,100]}"#)
    #expect(try text(Tensor([0.1, 1e22, 5e-300])) == #"{"predictions":[0.1,1e+22,5e-300]}"#)
    #expect(try text(Tensor(scalar: Float(2.5))) == #"{"predictions":[2.5]}"#)
    #expect(try text(Tensor([Float(1), 2], shape: [2, 1])) == #"{"predictions":[[1.0],[2.0]]}"#)
    #expect(try text(Tensor([Int32(1), 2, 3, 4], shape: [1, 2, 2]), "text/csv") == "1,2,3,4\n")
    #expect(try text(Tensor([Int32(1), 2, 3, 4], shape: [1, 2, 2])) == #"{"predictions":[[[1,2],[3,4]]]}"#)
    #expect(
      try text(Tensor(strings: ["a\u{1}\n\"\\é/", ""], shape: [2])) == #"{"predictions":["a\u0001\n\"\\é/",""]}"#)
    #expect(try text(Tensor(strings: ["a\n\"b", ""], shape: [2]), "text/csv") == "\"a\n\"\"b\"\n\"\"\n")
  }

  @Test("outputs of different row counts answer one entry of whole values")
  func unevenOutputs() throws {
    let service = try Models.answering([
      ("a", .tensor(Tensor([Int32(1), 2]))), ("b", .tensor(Tensor(scalar: Int32(7)))),
    ])
    #expect(try service.call("1\n".utf8, contentType: "text/csv").text == #"{"predictions":[{"a":[1,2],"b":7}]}"#)
  }

  @Test("integer-keyed maps become objects with their keys as text")
  func integerKeys() throws {
    let keys = Tensor([Int64(0), -1])
    let map = Value.map(TensorMap(keys: keys, values: Tensor([Float(0.5), 0.5])))
    let service = try Models.answering([("p", .sequence([map], element: map.type))])
    #expect(try service.call("1\n".utf8, contentType: "text/csv").text == #"{"predictions":[{"0":0.5,"-1":0.5}]}"#)
  }

  @Test("a failing model is a 500, and no more than the wanted outputs are computed")
  func failing() throws {
    let signature = ModelSignature(
      inputs: [Models.port("x", .float32, [nil, 1])],
      outputs: [Models.port("a", .float32, [nil]), Models.port("b", .float32, [nil])])
    struct Broken: Error {}
    let broken = try ModelService(FixedPredictor(signature) { _ in throw Broken() })
    #expect(try failure(broken, "1".utf8, "text/csv").code == .modelFailure)
    struct Lazy: Predictor {
      let signature: ModelSignature
      func predict(_ inputs: [Value?], outputs: [Int]) throws -> [Value] {
        #expect(outputs == [0])
        return outputs.map { _ in .tensor(Tensor([Float(1)])) }
      }
    }
    let lazy = try ModelService(Lazy(signature: signature))
    #expect(try lazy.call("1".utf8, contentType: "text/csv", accept: "text/csv").text == "1.0\n")
  }

  @Test("warming up measures a call")
  func warmUp() throws {
    let (service, model) = try Models.recorder([
      Models.port("x", .float32, [nil, nil]), Models.port("s", .string, [nil, 2]),
    ])
    #expect(service.expectedNanoseconds == .max)
    let median = try #require(try service.warmUp(free: 5))
    #expect(service.expectedNanoseconds == median)
    #expect(median < 1_000_000_000)
    #expect(model.given(Float.self)?.shape == [1, 5])
    #expect(model.givenStrings(1) == ["", ""])
    let (unknown, _) = try Models.recorder([Models.port("x", .float32, nil)])
    #expect(try unknown.warmUp() == nil)
  }
}

@Suite struct BatchAxisTests {
  private static func service() throws -> ModelService {
    var x = Models.port("x", .float32, [nil, 1])
    x.dimNames = [0: "batch"]
    var state = Models.port("state", .int32, [2, nil, 2])
    state.dimNames = [1: "batch"]
    let value = Value.tensor(try Tensor([Int32(0), 1, 2, 3, 4, 5, 6, 7], shape: [2, 2, 2]))
    return try ModelService(FixedPredictor(ModelSignature(inputs: [x], outputs: [state])) { _ in [value] })
  }

  @Test("an output whose batch is not its first axis is split along its batch")
  func stateOfRecurrentNetwork() throws {
    let json = try Self.service().call(#"{"instances":[[1],[2]]}"#.utf8, contentType: "application/json").text
    #expect(json == #"{"predictions":[[[0,1],[4,5]],[[2,3],[6,7]]]}"#)
    let csv = try Self.service().call("1\n2\n".utf8, contentType: "text/csv", accept: "text/csv").text
    #expect(csv == "0,1,4,5\n2,3,6,7\n")
  }

  @Test("named tensors and NumPy arrays stay as the model gives them")
  func wholeTensors() throws {
    let named = try Self.service().call(#"{"inputs":{"x":[[1],[2]]}}"#.utf8, contentType: "application/json").text
    #expect(named == #"{"outputs":{"state":[[[0,1],[2,3]],[[4,5],[6,7]]]}}"#)
  }
}
