import InferenceGraph
import Testing

struct MemoryBudgetTests {
  private func limit(_ files: [String: String]) -> Int? { MemoryBudget.controlGroupLimit { files[$0] } }

  @Test func theLeastLimitOnTheWayToTheRootCounts() {
    let group = ["/proc/self/cgroup": "0::/kube/pod\n", "/sys/fs/cgroup/kube/pod/memory.max": "max\n"]
    #expect(limit(group) == nil)
    #expect(limit(group.merging(["/sys/fs/cgroup/kube/memory.max": "1073741824\n"]) { $1 }) == 1 << 30)
    #expect(
      limit([
        "/proc/self/cgroup": "0::/kube/pod\n", "/sys/fs/cgroup/kube/pod/memory.max": "536870912\n",
        "/sys/fs/cgroup/kube/memory.max": "1073741824\n",
      ]) == 1 << 29)
  }

  @Test func versionOneIsReadToo() {
    // In a container the host's path is not there, and the root is the container's own group.
    #expect(
      limit([
        "/proc/self/cgroup": "5:cpu,cpuacct:/docker/x\n4:memory:/docker/x\n",
        "/sys/fs/cgroup/memory/memory.limit_in_bytes": "268435456\n",
      ]) == 1 << 28)
  }

  @Test(arguments: ["", "0::", "nonsense", "0::/\n1:memory", "0::/\u{0}"])
  func anythingElseIsNoLimit(_ text: String) {
    #expect(limit(["/proc/self/cgroup": text, "/sys/fs/cgroup/memory.max": "-5 x"]) == nil)
  }

  @Test func thereIsABudget() { #expect(MemoryBudget.bytes >= 1 << 26) }
}
