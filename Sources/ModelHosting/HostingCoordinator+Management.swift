import JSONDocument
import ServingCore
import TextEncodings

// The management API.
extension HostingCoordinator {
  /// A question to several workers.
  struct Gather: Sendable {
    var command: ManagementCommand
    var number: Int
    var waiting: Set<Int>
    var until: Duration
    var reports: [Int: [ModelReport]] = [:]
    var totals: [Int: HostTotals] = [:]
  }

  mutating func answer(_ command: Int, _ error: ServingError, _ actions: inout [Action]) {
    actions.append(.answer(command: command, .failed(error)))
  }

  mutating func take(_ command: ManagementCommand, _ number: Int, _ now: Duration, _ actions: inout [Action]) {
    switch command {
    case .list(let limit, let token): list(limit, token, number, &actions)
    case .listRegistered(let limit, let token):
      guard configuration.isFleet, configuration.hasStore else { return list(limit, token, number, &actions) }
      catalogues[ask(.catalogue(token: token, limit: limit), &actions)] = number
    case .load(let name, let url): load(name, url, number, &actions)
    case .unload(let name): unload(name, number, now, &actions)
    case .describe(let name):
      guard let key = known(name, number, &actions) else { return }
      gather(.describe(name: key), number, Set(records[key]?.holders.keys.map { $0 } ?? []), now, &actions)
    case .metrics: gather(.metrics, number, ready, now, &actions)
    case .refresh(let name):
      guard let key = known(name, number, &actions) else { return }
      refresh(key, number, now, &actions)
    case .rollback(let name, let version):
      guard let key = known(name, number, &actions) else { return }
      rollback(key, version, number, now, &actions)
    }
  }

  /// The key of a loaded model; nil when there is none, and then the command has its answer.
  private mutating func known(_ name: String, _ number: Int, _ actions: inout [Action]) -> String? {
    let key = ModelName.canonical(name)
    if records[key]?.current != nil { return key }
    if !configuration.isFleet, key == HostingCoordinator.onlyName {
      answer(number, ServingError(.notReady, "The model is being fetched."), &actions)
    } else {
      var error = ServingError.modelNotLoaded(key)
      if let reason = records[key]?.lastError { error.message += " Last failure: \(reason)" }
      if !configuration.isFleet { error.expected = HostingCoordinator.onlyName }
      answer(number, error, &actions)
    }
    return nil
  }

  private mutating func list(_ limit: Int, _ token: String?, _ number: Int, _ actions: inout [Action]) {
    let names = records.filter { $0.value.current != nil && (!$0.value.holders.isEmpty || $0.value.isExplicit) }.keys
      .sorted()
    // A page begins after the last name of the one before, whatever was loaded or unloaded in between.
    var rest = names
    if let token {
      guard let last = HexText.decode(token[...]) else {
        return answer(
          number, ServingError(.badRequest, "next_page_token is none that a listing gave.", field: "next_page_token"),
          &actions)
      }
      rest.removeAll { $0 <= last }
    }
    let page = rest.prefix(limit)
    var members: [(name: String, value: JSONDocument)] = [
      (
        "models",
        .array(
          page.map { ["modelName": .string($0), "modelUrl": .string(records[$0]?.current?.url ?? "")] })
      )
    ]
    if rest.count > limit, let last = page.last { members.append(("nextPageToken", .string(HexText.encode(last)))) }
    actions.append(.answer(command: number, .json(.object(members))))
  }

  mutating func listed(_ job: Int, _ result: StoreResult, _ actions: inout [Action]) {
    if probe == job {
      probe = nil
      guard case .failed(let failure) = result else { return }
      return actions.append(
        .log(
          level: "warning", "the model store cannot be listed; models are loaded when it can be read",
          ["reason": failure.error.message]))
    }
    guard let number = catalogues.removeValue(forKey: job) else { return }
    switch result {
    case .names(let names, let next):
      var members: [(name: String, value: JSONDocument)] = [
        (
          "models",
          .array(
            names.map { name in
              let key = ModelName.canonical(name)
              // A file may have been called without its extension.
              let stem = key.hasSuffix(".onnx") ? String(key.dropLast(5)) : key
              let isLoaded = [key, stem].contains { !(records[$0]?.holders.isEmpty ?? true) }
              return ["modelName": .string(name), "state": isLoaded ? "loaded" : "unloaded"]
            })
        )
      ]
      if let next { members.append(("nextPageToken", .string(next))) }
      actions.append(.answer(command: number, .json(.object(members))))
    case .failed(let failure): answer(number, failure.error, &actions)
    case .artifact, .fingerprint, .done: break
    }
  }

  // MARK: what workers know

  private mutating func gather(
    _ command: ManagementCommand, _ number: Int, _ workers: Set<Int>, _ now: Duration, _ actions: inout [Action]
  ) {
    let key = id()
    gathers[key] = Gather(
      command: command, number: number, waiting: workers.intersection(ready), until: now + .seconds(1))
    for worker in workers.intersection(ready).sorted() { actions.append(.send(worker: worker, .report(id: key))) }
    finishGather(key, &actions)
  }

  mutating func reported(
    _ key: Int, _ worker: Int, _ models: [ModelReport], _ totals: HostTotals, _ actions: inout [Action]
  ) {
    guard gathers[key]?.waiting.remove(worker) != nil else { return }
    gathers[key]?.reports[worker] = models
    gathers[key]?.totals[worker] = totals
    finishGather(key, &actions)
  }

  mutating func finishGather(_ key: Int, _ actions: inout [Action]) {
    guard let gather = gathers[key], gather.waiting.isEmpty else { return }
    gathers[key] = nil
    if case .describe(let name) = gather.command {
      guard records[name]?.current != nil else { return answer(gather.number, .modelNotLoaded(name), &actions) }
      actions.append(.answer(command: gather.number, .json(description(of: name, gather))))
    } else {
      actions.append(.answer(command: gather.number, .text(metrics(gather))))
    }
  }

  private func description(of name: String, _ gather: Gather) -> JSONDocument {
    guard let record = records[name], let current = record.current else { return .null }
    let reports = gather.reports.values.flatMap { $0.filter { $0.name == name } }
    let holders = record.holders.sorted { $0.key < $1.key }
    let last = reports.map(\.lastUse).max() ?? 0
    func text(_ value: String?) -> JSONDocument { value.map { .string($0) } ?? .null }
    func time(_ milliseconds: Int?) -> JSONDocument {
      milliseconds.flatMap { $0 > 0 ? .string(Timestamp.iso8601(milliseconds: $0)) : nil } ?? .null
    }
    return [
      "modelName": .string(name), "modelUrl": .string(current.url), "state": .string(state(of: record)),
      "version": text(current.version), "digest": .string(current.digest),
      "previousVersions": .array(
        record.previous.map { ["version": text($0.version), "digest": .string($0.digest)] }),
      "pinnedByRollback": .bool(record.isHeld),
      "memory": [
        "privateBytes": .number(holders.reduce(0) { $0 + $1.value.memory.privateBytes }),
        "sharedBytes": .number(holders.map(\.value.memory.mappedBytes).max() ?? 0),
      ],
      "workers": .array(holders.map { .number($0.key) }),
      "hits": .number(reports.reduce(0) { $0 + $1.hits }), "lastUse": time(last),
      "loadedAt": time(holders.map(\.value.since).max()),
      "loadSeconds": .number(Double(holders.map(\.value.microseconds).max() ?? 0) / 1e6),
      "lastRefresh": record.lastRefresh.map { ["result": .string($0.result), "at": time($0.at)] } ?? .null,
      "lastError": text(record.lastError),
    ]
  }

  private func state(of record: Record) -> String {
    switch record.change?.stage {
    case .fetching?: return "fetching"
    case .preparing?: return "preparing"
    case .committing?: return "committing"
    case .checking?, nil: break
    }
    if !record.holders.isEmpty { return "loaded" }
    return record.loading.isEmpty && record.wanting.isEmpty ? "unloaded" : "loading"
  }

  /// What `/ping` shows of the only model.
  mutating func publish(_ actions: inout [Action]) {
    // Until something has happened there is nothing to tell.
    guard !configuration.isFleet, let record = records[HostingCoordinator.onlyName], let current = record.current,
      record.lastRefresh != nil || record.lastError != nil
    else { return }
    var members: [(name: String, value: JSONDocument)] = [
      ("digest", .string(current.digest)), ("version", current.version.map { .string($0) } ?? .null),
    ]
    if let last = record.lastRefresh {
      members.append(
        (
          "lastRefresh", ["result": .string(last.result), "at": .string(Timestamp.iso8601(milliseconds: last.at))]
        ))
    }
    if let error = record.lastError { members.append(("lastError", .string(error))) }
    actions.append(.publish(.object(members)))
  }
}
