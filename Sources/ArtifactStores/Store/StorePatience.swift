/// How long a store is waited for, by the calls of a task.
public enum StorePatience {
  /// True where the caller has something to go on with: a server that was silent for as long as one attempt allows is then
  /// not asked again. Answers that ask for another attempt, and connections that are refused or cut, are tried as ever.
  @TaskLocal public static var isShort = false

  /// Runs `body`, and all that it starts, with short patience or with the usual one.
  public static func with<R>(
    short isShort: Bool, _ body: () async throws(StoreError) -> R
  ) async throws(StoreError) -> R {
    let result: Result<R, StoreError> = await $isShort.withValue(isShort) {
      do throws(StoreError) {
        return .success(try await body())
      } catch {
        return .failure(error)
      }
    }
    return try result.get()
  }
}
