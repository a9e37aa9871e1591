import FormatONNX
public import ModelFormats

/// The model formats that are built in. One format is one target and one line here.
public enum BuiltinFormats {
  public static let formats: [any ModelFormat.Type] = [
    ONNXFormat.self
  ]
}
