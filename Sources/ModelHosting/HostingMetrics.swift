import ServingCore

/// Counts of the supervisor since it started.
struct HostingCounters: Sendable {
  /// Refreshes by how they ended.
  var refreshes: [String: Int] = ["committed": 0, "unchanged": 0, "failed": 0, "rolled_back": 0]
  var loads = 0
  var loadSeconds = 0.0
  var loadFailures = 0
  var evictions = 0
}

// Metrics in Prometheus' text format, version 0.0.4.
extension HostingCoordinator {
  func metrics(_ gather: Gather) -> String {
    var out = MetricsText()
    out.family("swiftlet_refresh_total", "counter", "Refreshes by how they ended.")
    for (result, count) in counters.refreshes.sorted(by: { $0.key < $1.key }) {
      out.sample("swiftlet_refresh_total", [("result", result)], Double(count))
    }
    let loaded = records.filter { !$0.value.holders.isEmpty }.sorted { $0.key < $1.key }
    out.family("swiftlet_model_loaded", "gauge", "Models that some worker has loaded.")
    out.sample("swiftlet_model_loaded", [], Double(loaded.count))
    out.family("swiftlet_model_workers", "gauge", "Workers that have the model.")
    for (name, record) in loaded {
      out.sample("swiftlet_model_workers", [("model", name)], Double(record.holders.count))
    }
    out.family(
      "swiftlet_model_memory_bytes", "gauge",
      "Memory of a model: private to the workers that have it, all together, and shared by them.")
    for (name, record) in loaded {
      let holders = record.holders.values
      out.sample(
        "swiftlet_model_memory_bytes", [("model", name), ("kind", "private")],
        Double(holders.reduce(0) { $0 + $1.memory.privateBytes }))
      out.sample(
        "swiftlet_model_memory_bytes", [("model", name), ("kind", "shared")],
        Double(holders.map(\.memory.mappedBytes).max() ?? 0))
    }
    out.family("swiftlet_model_load_seconds", "summary", "Time that loading a model took.")
    out.sample("swiftlet_model_load_seconds_sum", [], counters.loadSeconds)
    out.sample("swiftlet_model_load_seconds_count", [], Double(counters.loads))
    out.family("swiftlet_model_load_failures_total", "counter", "Models that could not be loaded.")
    out.sample("swiftlet_model_load_failures_total", [], Double(counters.loadFailures))
    out.family("swiftlet_model_evictions_total", "counter", "Models dropped to make room for others.")
    out.sample("swiftlet_model_evictions_total", [], Double(counters.evictions))
    out.family("swiftlet_model_cache_hits_total", "counter", "Requests whose model was resident.")
    out.sample(
      "swiftlet_model_cache_hits_total", [], Double(gather.totals.values.reduce(0) { $0 + $1.hits }))
    out.family("swiftlet_model_cache_misses_total", "counter", "Requests that had to wait for their model.")
    out.sample(
      "swiftlet_model_cache_misses_total", [], Double(gather.totals.values.reduce(0) { $0 + $1.misses }))
    if configuration.isFleet {
      out.family("swiftlet_memory_budget_bytes", "gauge", "Memory that models may take.")
      out.sample("swiftlet_memory_budget_bytes", [], Double(configuration.memoryBudget))
    }
    out.family("swiftlet_worker_memory_bytes", "gauge", "Memory of a worker process that no other process shares.")
    for (worker, totals) in gather.totals.sorted(by: { $0.key < $1.key }) {
      out.sample("swiftlet_worker_memory_bytes", [("worker", "\(worker)")], Double(totals.privateBytes))
    }
    return out.text
  }
}

/// Writes Prometheus' text format.
struct MetricsText {
  private(set) var text = ""

  mutating func family(_ name: String, _ type: String, _ help: String) {
    text += "# HELP \(name) \(help)\n# TYPE \(name) \(type)\n"
  }

  mutating func sample(_ name: String, _ labels: [(String, String)], _ value: Double) {
    text += name
    if !labels.isEmpty {
      text += "{" + labels.map { "\($0.0)=\"\(MetricsText.escaped($0.1))\"" }.joined(separator: ",") + "}"
    }
    let whole = Int(exactly: value)
    text += " \(whole.map { "\($0)" } ?? "\(value)")\n"
  }

  private static func escaped(_ text: String) -> String {
    var out = ""
    for character in text.unicodeScalars {
      switch character {
      case "\\": out += "\\\\"
      case "\"": out += "\\\""
      case "\n": out += "\\n"
      default: out.unicodeScalars.append(character)
      }
    }
    return out
  }
}
