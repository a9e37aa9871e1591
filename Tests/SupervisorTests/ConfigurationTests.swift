import Settings
import Supervisor
import Testing

#if canImport(Glibc)
import Glibc
#elseif canImport(Darwin)
import Darwin
#endif

private func settings(_ flags: String...) throws -> ResolvedSettings {
  try AllSettings.resolver.resolve(arguments: flags, environment: [:]) { _ in "" }
}

@Suite struct NginxConfiguration {
  private func config(_ flags: [String] = [], workers: Int = 2, cores: Int = 2, isRoot: Bool = false) throws -> String {
    let resolved = try AllSettings.resolver.resolve(arguments: flags, environment: [:]) { _ in "" }
    return try NginxConfig(
      resolved, workerSockets: (0..<workers).map { "/run/w\($0).sock" }, controlSocket: "/run/c.sock", cores: cores,
      openFiles: 65536, isRoot: isRoot
    ).render(NginxTemplate.builtIn, name: "nginx.conf")
  }

  @Test func `the built-in template is the file of the package`() throws {
    let folder = #filePath.split(separator: "/").dropLast(3).joined(separator: "/")
    let file = SmallFile.read("/\(folder)/nginx.conf")
    #expect(file == NginxTemplate.builtIn + "\n", "run scripts/embed-nginx-conf")
  }

  @Test func `every placeholder is filled`() throws {
    let text = try config()
    let lines = text.split(separator: "\n").filter { !$0.hasPrefix("#") }
    #expect(!lines.joined().contains("{{"))
  }

  @Test func `limits reach nginx`() throws {
    let text = try config(["--max-body-size=6MiB", "--request-timeout=90", "--port=9000", "--host=127.0.0.1"])
    #expect(text.contains("client_max_body_size 6291456;"))
    #expect(text.contains("proxy_read_timeout 90s;"))
    #expect(text.contains("listen 127.0.0.1:9000 "))
    #expect(text.contains("\"limit\":\"6MiB\",\"setting\":\"max-body-size\""))
  }

  @Test func `every worker is there for the first try, for a call that moves, and for the second try`() throws {
    let text = try config(workers: 3)
    for index in 0..<3 {
      #expect(text.split(separator: "\n").count { $0.contains("server unix:/run/w\(index).sock max_fails=0;") } == 3)
    }
  }

  @Test func `root keeps its user, others name none`() throws {
    #expect(try config(isRoot: true).contains("\nuser root root;\n"))
    #expect(try !config(isRoot: false).contains("\nuser "))
  }

  @Test func `IPv6 addresses stand in brackets and take IPv4 too`() throws {
    #expect(try config(["--host=::"]).contains("listen [::]:8080 ipv6only=off"))
  }

  @Test(arguments: ["a {{nope}} b", "a {{listen"])
  func `a template that cannot be filled is refused by name`(template: String) throws {
    let config = try NginxConfig(
      settings(), workerSockets: ["/w"], controlSocket: "/c", cores: 1, openFiles: 1024, isRoot: false)
    #expect(throws: StartError.self) { try config.render(template, name: "mine.conf") }
  }

  @Test func `lines of nginx's log keep their level`() {
    let line = NginxLogLine("2026/01/31 12:00:00 [error] 12#12: *3 upstream prematurely closed connection")
    #expect(line.level == "error" && line.message == "*3 upstream prematurely closed connection")
    let client = NginxLogLine("2026/01/31 12:00:00 [error] 12#12: *3 client intended to send too large body: 9 bytes")
    #expect(client.level == "debug")
    #expect(NginxLogLine("nonsense").level == "warning")
    let access = NginxLogLine("access\tclient=127.0.0.1\trequest=GET /a=b HTTP/1.1\tstatus=200")
    #expect(access.level == "info" && access.fields["status"] == "200")
    #expect(access.fields["request"] == "GET /a=b HTTP/1.1")
  }
}

@Suite struct Budgets {
  @Test func `the least of processors and quota counts, and never less than one`() {
    #expect(CPUBudget(processors: 8, quota: nil).cores == 8)
    #expect(CPUBudget(processors: 8, quota: 2).cores == 2)
    #expect(CPUBudget(processors: 2, quota: 16).cores == 2)
    #expect(CPUBudget(processors: 4, quota: 0.25).cores == 1)
    #expect(CPUBudget(processors: 4, quota: 1.5).cores == 2)
  }

  @Test(arguments: [("200000 100000\n", 2.0), ("50000 100000", 0.5), ("max 100000\n", nil), ("", nil), ("x y", nil)])
  func `cpu.max is read as the kernel writes it`(text: String, quota: Double?) {
    #expect(CPUBudget.quota(cpuMax: text) == quota)
  }

  @Test func `a quota of an outer group counts`() {
    let files = [
      "/proc/self/cgroup": "0::/pod/box\n", "/sys/fs/cgroup/pod/box/cpu.max": "max 100000",
      "/sys/fs/cgroup/pod/cpu.max": "300000 100000",
    ]
    #expect(CPUBudget.quota { files[$0] } == 3)
  }

  @Test func `version 1 groups are read`() {
    let files = [
      "/proc/self/cgroup": "4:cpu,cpuacct:/box\n", "/sys/fs/cgroup/cpu/box/cpu.cfs_quota_us": "150000\n",
      "/sys/fs/cgroup/cpu/box/cpu.cfs_period_us": "100000\n", "/sys/fs/cgroup/cpu/cpu.cfs_quota_us": "-1\n",
      "/sys/fs/cgroup/cpu/cpu.cfs_period_us": "100000\n",
    ]
    #expect(CPUBudget.quota { files[$0] } == 1.5)
  }
}

@Suite struct Plans {
  private let budget = CPUBudget(cores: 4)

  @Test func `auto takes nginx where it is, with a worker a core`() throws {
    let plan = try LaunchPlan(settings(), budget: budget) { _ in "/usr/sbin/nginx" }
    #expect(plan.front == .nginx("/usr/sbin/nginx"))
    #expect(plan.workers == 4 && plan.threads == 1)
    let two = try LaunchPlan(settings("--workers=2"), budget: budget) { _ in "/usr/sbin/nginx" }
    #expect(two.workers == 2 && two.threads == 2)
  }

  @Test func `auto without nginx serves directly and says so`() throws {
    let plan = try LaunchPlan(settings(), budget: budget) { _ in nil }
    #expect(plan.front == .direct && plan.threads == 4)
    #expect(plan.notices.count == 1)
  }

  @Test func `nginx that is asked for and missing is a fault with a remedy`() throws {
    let asked = try settings("--front=nginx")
    #expect(throws: StartError.self) { try LaunchPlan(asked, budget: CPUBudget(cores: 4)) { _ in nil } }
  }

  @Test func `several workers without nginx are refused`() throws {
    let asked = try settings("--front=direct", "--workers=2")
    #expect(throws: StartError.self) { try LaunchPlan(asked, budget: CPUBudget(cores: 4)) }
    #expect(try LaunchPlan(settings("--front=direct", "--workers=1"), budget: budget).workers == 1)
  }

  @Test func `the model is where SageMaker puts it when none is named`() throws {
    #expect(try LaunchPlan(settings(), budget: budget).modelLocation == "/opt/ml/model")
    #expect(try LaunchPlan(settings("--base-dir=/x"), budget: budget).modelLocation == "/x/model")
    #expect(try LaunchPlan(settings("m.onnx", "--base-dir=/x"), budget: budget).modelLocation == "m.onnx")
  }
}

@Suite struct BatchTransform {
  @Test(arguments: [(1, 100, 1, 100), (2, 100, 2, 50), (4, 6, 4, 6), (64, 100, 64, 1), (200, 100, 100, 1)])
  func `product of concurrency and payload stays within SageMaker's 100`(
    workers: Int, limit: Int, concurrency: Int, payload: Int
  ) {
    let parameters = ExecutionParameters(workers: workers, maxBodySize: limit << 20)
    #expect(parameters.maxConcurrentTransforms == concurrency)
    #expect(parameters.maxPayloadInMB == payload)
  }
}

@Suite struct Wires {
  @Test func `a worker's words survive the channel`() {
    #expect(WorkerMessage(line: "{\"event\":\"ready\"}") == .ready)
    let error = StartError(.noModel, "no \"model\" in \\ /x:\n\ttab \u{1} é")
    let line = WorkerMessage.failed(error).line
    #expect(line.hasSuffix("\n") && line.count { $0 == "\n" } == 1)
    #expect(WorkerMessage(line: String(line.dropLast())) == .failed(error))
    for length in 0..<(line.count - 1) { #expect(WorkerMessage(line: String(line.prefix(length))) == nil) }
  }

  @Test func `log lines cannot be faked from outside`() {
    let time = UTCTime(seconds: 1_700_000_000, milliseconds: 7)
    #expect(time.description == "2023-11-14T22:13:20.007Z")
    let line = LogLine(
      time: time, level: "info", process: "worker 0", message: "a\nb", fields: [("k", "v w"), ("level", "x")])
    #expect(line.plain == "2023-11-14T22:13:20.007Z INFO [worker 0] a\\nb k=\"v w\" level=x\n")
    #expect(
      line.json
        == #"{"timestamp":"2023-11-14T22:13:20.007Z","level":"info","process":"worker 0","message":"a\nb","k":"v w","field_level":"x"}"#
        + "\n")
  }
}

@Suite struct Sockets {
  @Test func `a port that is taken is named with the remedy`() throws {
    let (taken, port) = try loopbackPort()
    defer { close(taken) }
    do {
      close(try ListeningSocket.tcp(host: "127.0.0.1", port: port))
      Issue.record("the port was given twice")
    } catch {
      #expect(error.status == .unavailable)
      #expect(error.description.contains("port \(port)") && error.description.contains("--port"))
    }
  }

  /// A listening socket on a port that the kernel chose.
  private func loopbackPort() throws -> (Int32, Int) {
    for port in 20000..<30000 {
      if let fd = try? ListeningSocket.tcp(host: "127.0.0.1", port: port) { return (fd, port) }
    }
    throw StartError(.unavailable, "no free port")
  }
}
