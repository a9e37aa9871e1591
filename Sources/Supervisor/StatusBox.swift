import Synchronization

/// The status that the supervisor's thread writes and the HTTP threads read.
public final class StatusBox: Sendable {
  private let status: Mutex<ServerStatus>

  public init(_ status: ServerStatus) { self.status = Mutex(status) }

  public var value: ServerStatus {
    get { status.withLock { $0 } }
    set { status.withLock { $0 = newValue } }
  }
}
