extension Setting where Value == String? {
  /// What is served.
  public static let model = Setting(
    "model", .text("a path", placeholder: "MODEL"), default: nil,
    "the model: an .onnx file, a folder that holds one, a model.tar.gz or .zip, or s3://bucket/key of one; without it "
      + "BASE-DIR/model")
}

extension Setting where Value == String {
  /// Where SageMaker mounts things.
  public static let baseDir = Setting(
    "base-dir", .text("a path", placeholder: "DIR"), default: "/opt/ml",
    "the folder whose model/ is served when no model is named",
    aliases: [SettingAlias("SAGEMAKER_BASE_DIR", expectation: "a path")])

  /// The media type of answers where a request leaves it open.
  public static let defaultAccept = Setting(
    "default-accept", .text("a media type", placeholder: "TYPE"), default: "application/json",
    "the media type of answers to requests whose Accept is missing or */*",
    aliases: [SettingAlias("SAGEMAKER_DEFAULT_INVOCATIONS_ACCEPT", expectation: "a media type")])
}

extension Setting where Value == [String] {
  /// The outputs that answers carry.
  public static let outputs = Setting(
    "outputs", .names, default: [], "the model's outputs that answers carry; all where none is named",
    aliases: [SettingAlias("SAGEMAKER_INFERENCE_OUTPUT", expectation: "names separated by commas")])
}
