import ArtifactStores
import Testing

@Suite struct ArtifactLocationTests {
  @Test(arguments: [
    ("s3://models/iris/model.tar.gz", ArtifactLocation.s3(bucket: "models", key: "iris/model.tar.gz", versionID: nil)),
    ("s3://models", .s3(bucket: "models", key: "", versionID: nil)),
    ("s3://models/", .s3(bucket: "models", key: "", versionID: nil)),
    ("s3://models/iris/", .s3(bucket: "models", key: "iris/", versionID: nil)),
    ("s3://models/a b+c%20?d", .s3(bucket: "models", key: "a b+c%20?d", versionID: nil)),
    ("s3://models/m.onnx?versionId=3/L4kqtJl", .s3(bucket: "models", key: "m.onnx", versionID: "3/L4kqtJl")),
    ("file:///opt/ml/model", .file(path: "/opt/ml/model")),
    ("models/iris.onnx", .file(path: "models/iris.onnx")),
    ("folder/with://inside", .file(path: "folder/with://inside")),
  ])
  func reads(_ text: String, _ location: ArtifactLocation) throws {
    #expect(try ArtifactLocation(text) == location)
    #expect(try ArtifactLocation(location.description) == location)
  }

  @Test(arguments: [
    "", "s3://", "s3:///key", "s3://a/key", "s3://bad bucket/key", "https://host/m.onnx", "file://host/m.onnx",
    "s3://models/m.onnx?versionId=", "s3://models/iris/?versionId=7",
  ])
  func refuses(_ text: String) {
    #expect { try ArtifactLocation(text) } throws: { ($0 as? StoreError)?.code == .invalidLocation }
  }

  @Test func appends() throws {
    #expect(try ArtifactLocation("s3://models/fleet").appending("a/b.onnx").description == "s3://models/fleet/a/b.onnx")
    #expect(try ArtifactLocation("s3://models").appending("b.onnx").description == "s3://models/b.onnx")
    #expect(try ArtifactLocation("/srv/models/").appending("b.onnx").description == "/srv/models/b.onnx")
  }
}
