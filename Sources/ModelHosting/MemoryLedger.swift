/// The bytes of models.
struct MemoryLedger {
  /// What they may be.
  var lease: Int
  /// Of those that exist, whoever holds them, and those set aside for loads under way.
  var used = 0
  /// The part of `used` that goes when the last request lets go of it.
  var dying = 0

  /// What the process takes beyond that: pages of the allocator's that are partly used.
  var overhead = 0

  /// What remains when all that is to go is gone.
  var staying: Int { used - dying + overhead }
  /// What there is.
  var total: Int { used + overhead }
}
