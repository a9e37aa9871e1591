import ArtifactS3
import JSONDocument

/// Signs requests that others sign, too, so that the results can be compared.
enum SignLines {
  static func run() {
    while let line = readLine() {
      guard let request = try? JSONDocument(parsing: Array(line.utf8)) else {
        print("{\"error\": \"not JSON\"}")
        continue
      }
      func text(_ name: String) -> String { request[name]?.string ?? "" }
      func pairs(_ name: String) -> [(name: String, value: String)] {
        (request[name]?.array ?? []).compactMap { pair in
          guard let pair = pair.array, pair.count == 2, let name = pair[0].string, let value = pair[1].string else {
            return nil
          }
          return (name, value)
        }
      }
      let signature = SignatureV4(
        credentials: AWSCredentials(
          accessKeyID: text("access"), secretAccessKey: text("secret"), sessionToken: request["token"]?.string,
          source: "a test"), region: text("region"), service: request["service"]?.string ?? "s3")
      let signing = SigningRequest(
        method: text("method"), path: text("path"), query: pairs("query"), headers: pairs("headers"),
        payloadHash: request["payload"]?.string ?? SignatureV4.emptyPayloadHash)
      let headers = signature.headers(for: signing, at: Int64(request["date"]?.int ?? 0))
      let authorization = headers.first { $0.name == "Authorization" }?.value ?? ""
      print(JSONDocument.object([("authorization", .string(authorization))]).text())
    }
  }
}
