/// Decision trees of at most 64 leaves, and 16 or 64 rows to find the leaves of.
///
/// A tree's leaves are bits, the leftmost the lowest. A row begins with all bits set; every node whose test it fails
/// (`x > threshold`) takes away the leaves of its left subtree, in any order of nodes. The lowest bit that is left is the
/// row's leaf: QuickScorer (Lucchese et al., SIGIR 2015), with rows side by side instead of features in order, so that
/// nothing is gathered and no branch depends on the data. NaN passes every test.
///
/// The pointers must stay valid for the call and cover what the trees name.
public struct TreeTask {
  /// An inner node.
  public struct Node: Sendable, BitwiseCopyable {
    public var threshold: Float
    /// Where the rows' values begin in `rows` when there are 16 rows; four times as far when there are 64.
    public var offset: UInt32
    /// The leaves that stay when the test fails: the lower and the upper 32.
    public var low: UInt32
    public var high: UInt32

    public init(threshold: Float, offset: UInt32, low: UInt32, high: UInt32) {
      self.threshold = threshold
      self.offset = offset
      self.low = low
      self.high = high
    }
  }

  /// A tree: where its nodes and the payloads of its leaves begin.
  public struct Tree: Sendable, BitwiseCopyable {
    public var firstNode: Int32
    /// Even: an odd tree ends with a node that every row passes.
    public var nodeCount: Int32
    public var firstLeaf: Int32
    /// Not 0: the tree has more than 32 leaves.
    public var isWide: Int32

    public init(firstNode: Int32, nodeCount: Int32, firstLeaf: Int32, isWide: Bool) {
      self.firstNode = firstNode
      self.nodeCount = nodeCount
      self.firstLeaf = firstLeaf
      self.isWide = isWide ? 1 : 0
    }
  }

  /// Rows that are looked at together, whatever the width of a register: 16 or 64.
  public var lanes: Int
  /// `lanes` values a feature, side by side.
  public var rows: UnsafePointer<Float>
  public var nodes: UnsafePointer<Node>
  public var trees: UnsafePointer<Tree>
  public var treeCount: Int
  /// A payload a leaf.
  public var payloads: UnsafePointer<Float>
  /// `lanes` payloads a tree, and room for as many more; twice `lanes` values where payloads are summed.
  public var out: UnsafeMutablePointer<Float>
  /// `lanes` values that the payloads are added to, tree after tree, instead of being written one by one.
  public var sums: UnsafeMutablePointer<Float>?

  public init(
    lanes: Int, rows: UnsafePointer<Float>, nodes: UnsafePointer<Node>, trees: UnsafePointer<Tree>, treeCount: Int,
    payloads: UnsafePointer<Float>, out: UnsafeMutablePointer<Float>, sums: UnsafeMutablePointer<Float>?
  ) {
    self.lanes = lanes
    self.rows = rows
    self.nodes = nodes
    self.trees = trees
    self.treeCount = treeCount
    self.payloads = payloads
    self.out = out
    self.sums = sums
  }
}
