import Logging
import NIOPosix
import ServingCore
import ServingHTTP

/// The cheapest handler there is: what remains is the cost of HTTP.
struct Fixed: InvocationHandler {
  let expectedNanoseconds: UInt64

  func invoke(_ request: InvocationRequest) throws(ServingError) -> InvocationResponse {
    InvocationResponse(contentType: "text/csv", body: Array("setosa\n".utf8))
  }
}

guard CommandLine.arguments.count >= 2 else {
  print("usage: http-floor PORT|/SOCKET/PATH [offload]")
  exit(64)
}
let place = CommandLine.arguments[1]
let group = MultiThreadedEventLoopGroup(numberOfThreads: 1)
let pool = NIOThreadPool(numberOfThreads: 1)
pool.start()
let handler = Fixed(expectedNanoseconds: CommandLine.arguments.contains("offload") ? .max : 1000)
let server = HTTPServer(
  routes: RouteTable([.ping { .ready }, .invocations(handler)]), group: group, pool: pool,
  logger: Logger(label: "floor"))
if let port = Int(place) {
  try await server.listen(host: "127.0.0.1", port: port)
} else {
  try await server.listen(unixSocketPath: place)
}
while true { try await Task.sleep(for: .seconds(3600)) }
