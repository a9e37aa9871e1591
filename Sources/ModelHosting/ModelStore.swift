/// Where models come from, as the supervisor sees it.
public protocol ModelStore: Sendable {
  /// Does a job away from the caller's thread; `completion` is called once, on any thread.
  func perform(_ job: StoreJob, completion: @escaping @Sendable (StoreResult) -> Void)
}
