import ArtifactStores
import Dispatch
import Synchronization

/// Waits for asynchronous work on a thread that may wait.
enum Blocking {
  static func wait<Value: Sendable>(
    _ work: @escaping @Sendable () async throws(StoreError) -> Value
  ) throws(StoreError) -> Value {
    let box = Box<Value>()
    Task {
      do throws(StoreError) {
        box.give(.success(try await work()))
      } catch {
        box.give(.failure(error))
      }
    }
    return try box.take().get()
  }

  private final class Box<Value: Sendable>: Sendable {
    private let value = Mutex<Result<Value, StoreError>?>(nil)
    private let given = DispatchSemaphore(value: 0)

    func give(_ result: Result<Value, StoreError>) {
      value.withLock { $0 = result }
      given.signal()
    }

    func take() -> Result<Value, StoreError> {
      given.wait()
      return value.withLock { $0 } ?? .failure(StoreError(.cancelled, "nothing came"))
    }
  }
}
