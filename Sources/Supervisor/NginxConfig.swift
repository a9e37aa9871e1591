public import Settings

/// What fills the template of nginx.conf.
public struct NginxConfig: Sendable {
  /// Values by the names that stand between `{{` and `}}`.
  public var values: [String: String]

  /// - Parameters:
  ///   - settings: limits, times, address.
  ///   - workerSockets: the workers' Unix sockets.
  ///   - controlSocket: the supervisor's.
  ///   - cores: cores that all processes share.
  ///   - openFiles: descriptors that a process may have.
  ///   - isRoot: true when nginx would give up its rights by itself, and with them its way to the sockets.
  ///   - isFleet: whether requests for one model go to one worker.
  public init(
    _ settings: ResolvedSettings, workerSockets: [String], controlSocket: String, cores: Int, openFiles: Int,
    isRoot: Bool, isFleet: Bool = false
  ) {
    let processes = min(cores, NginxConfig.mostProcesses)
    let connections = settings[.maxConnections]
    let perProcess = (connections + processes - 1) / processes
    let host = settings[.host] == "localhost" ? "127.0.0.1" : settings[.host]
    let isIPv6 = host.contains(":")
    values = [
      "user": isRoot ? "user root root;" : "# nginx runs as the user of serve.",
      "nginx_processes": "\(processes)",
      "worker_connections": "\(perProcess * 2 + 64)",
      "open_files": "\(min(perProcess * 4 + 256, openFiles))",
      "shutdown_seconds": "\(NginxConfig.seconds(settings[.shutdownTimeout]))",
      "access_log": settings[.accessLog] ? "/dev/stderr swiftlet" : "off",
      "keep_alive_seconds": "\(NginxConfig.seconds(settings[.keepAliveTimeout]))",
      "max_body_bytes": "\(settings[.maxBodySize])",
      "max_body_text": Quantity.format(bytes: settings[.maxBodySize]),
      "max_header_bytes": "\(settings[.maxHeaderSize])",
      "max_header_text": Quantity.format(bytes: settings[.maxHeaderSize]),
      "request_seconds": "\(NginxConfig.seconds(settings[.requestTimeout]))",
      "request_text": Quantity.format(duration: settings[.requestTimeout]),
      "worker_servers": workerSockets.map { "    server unix:\($0) max_fails=0;" }.joined(separator: "\n"),
      "balance": isFleet ? "hash $swiftlet_model;" : "least_conn;",
      "upstream_keepalive": "\(max(32, min(perProcess, 512)))",
      "control_socket": controlSocket,
      "listen": isIPv6 ? "[\(host)]:\(settings[.port]) ipv6only=off" : "\(host):\(settings[.port])",
      "backlog": "\(ListeningSocket.backlog)",
    ]
  }

  /// nginx processes beyond this bring nothing: each forwards tens of thousands of requests a second.
  private static let mostProcesses = 8

  /// The template with every `{{name}}` replaced.
  ///
  /// - Throws: `StartError` naming a placeholder that is not known or not closed.
  public func render(_ template: String, name: String) throws(StartError) -> String {
    var out = ""
    var rest = template[...]
    while let open = rest.firstIndex(ofPair: "{") {
      out += rest[..<open]
      let inner = rest[rest.index(open, offsetBy: 2)...]
      guard let close = inner.firstIndex(ofPair: "}") else {
        throw StartError(.configuration, "\(name): a {{ is not closed by }}")
      }
      let key = String(inner[..<close])
      if let value = values[key] {
        out += value
      } else if key == "name" {
        out += "{{name}}"
      } else {
        throw StartError(
          .configuration,
          "\(name): {{\(key.prefix(40))}} is not known; known are \(values.keys.sorted().joined(separator: ", "))")
      }
      rest = inner[inner.index(close, offsetBy: 2)...]
    }
    return out + rest
  }

  private static func seconds(_ duration: Duration) -> Int { Int((duration / .seconds(1)).rounded(.up)) }
}

extension Substring {
  /// Where two of `character` begin.
  fileprivate func firstIndex(ofPair character: Character) -> Index? {
    var index = startIndex
    while index < endIndex {
      let next = self.index(after: index)
      if self[index] == character, next < endIndex, self[next] == character { return index }
      index = next
    }
    return nil
  }
}

/// A line of nginx's error log, taken apart.
package struct NginxLogLine: Sendable, Equatable {
  /// swift-log's name of the level.
  package var level: String
  package var message: String
  /// What an access line tells, by name.
  package var fields: [String: String] = [:]

  /// From `2026/01/31 12:00:00 [error] 12#12: *3 message`, or an access line of the template; other lines are warnings as
  /// they stand.
  package init(_ line: String) {
    if line.hasPrefix("access\t") {
      level = "info"
      message = "request"
      for field in line.split(separator: "\t").dropFirst() {
        let parts = field.split(separator: "=", maxSplits: 1, omittingEmptySubsequences: false)
        if parts.count == 2 { fields[String(parts[0])] = String(parts[1]) }
      }
      return
    }
    let levels = [
      "debug": "debug", "info": "info", "notice": "info", "warn": "warning", "error": "error", "crit": "critical",
      "alert": "critical", "emerg": "critical",
    ]
    let words = line.split(separator: " ", maxSplits: 4)
    let name = words.count > 2 ? words[2].drop { $0 == "[" }.prefix { $0 != "]" } : ""
    if words.count == 5, words[2].hasPrefix("["), let known = levels[String(name)] {
      message = String(words[4])
      // What a client did wrong was told to the client; it is no fault of the server's.
      let blamesClient = message.hasPrefix("*") && message.drop { $0 != " " }.hasPrefix(" client ")
      level = blamesClient ? "debug" : known
    } else {
      level = "warning"
      message = line
    }
  }
}
