/// Every image format that is decoded. One format is one file and one name here.
public enum ImageFormatTable {
  public static let formats: [ImageFormat] = [.png, .jpeg, .webP, .tiff, .bmp, .pnm, .jpeg2000]
}
