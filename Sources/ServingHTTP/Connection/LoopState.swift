import NIOCore
import Synchronization

#if canImport(Glibc)
import Glibc
#elseif canImport(Musl)
import Musl
#else
import Darwin
#endif

/// What the connections of one event loop share: a coarse clock, the date line, request numbers, and the list that the
/// sweep for overdue connections goes through.
///
/// `@unchecked Sendable`: every stored property is read and written on `eventLoop` only; other threads hold references
/// and submit to the loop.
final class LoopState: @unchecked Sendable {
  let eventLoop: any EventLoop
  private let interval: TimeAmount
  private var connections: [HTTPConnection] = []
  private var isSweeping = false
  /// Now, no older than one sweep interval.
  private(set) var now = NIODeadline.now()
  private(set) var dateLine = ""
  private var dateSecond = -1
  private var nextNumber = UInt64.random(in: .min ... .max)

  /// - Parameter interval: the time between two sweeps; deadlines are kept to within it.
  init(_ eventLoop: any EventLoop, interval: TimeAmount) {
    self.eventLoop = eventLoop
    self.interval = interval
  }

  /// A number for a request without an id: a bijective scramble of a counter with a random start, so never twice.
  func requestNumber() -> UInt64 {
    nextNumber &+= 0x9E37_79B9_7F4A_7C15
    var mixed = nextNumber
    mixed = (mixed ^ (mixed >> 30)) &* 0xBF58_476D_1CE4_E5B9
    mixed = (mixed ^ (mixed >> 27)) &* 0x94D0_49BB_1331_11EB
    return mixed ^ (mixed >> 31)
  }

  func add(_ connection: HTTPConnection) {
    connection.slot = connections.count
    connections.append(connection)
    if !isSweeping {
      isSweeping = true
      readClock()
      schedule()
    }
  }

  func remove(_ connection: HTTPConnection) {
    let slot = connection.slot
    guard connections.indices.contains(slot), connections[slot] === connection else { return }
    connections.swapAt(slot, connections.count - 1)
    connections.removeLast()
    if slot < connections.count { connections[slot].slot = slot }
  }

  /// Tells every connection that the server drains.
  func closeIdle() {
    for connection in connections { connection.closeIfIdle() }
  }

  /// Closes what is left.
  func closeAll() {
    for connection in connections { connection.abort() }
  }

  private func schedule() {
    _ = eventLoop.scheduleTask(in: interval) { self.sweep() }
  }

  private func sweep() {
    guard !connections.isEmpty else {
      isSweeping = false
      return
    }
    readClock()
    for connection in connections where connection.deadline < now { connection.overdue() }
    schedule()
  }

  private func readClock() {
    now = .now()
    let second = time(nil)
    if second != dateSecond {
      dateSecond = second
      dateLine = "date: \(HTTPDate.text(second))\r\n"
    }
  }
}
