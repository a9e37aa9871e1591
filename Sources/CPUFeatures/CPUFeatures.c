#include "CPUFeatures.h"

#if defined(__x86_64__)
#include <cpuid.h>

// The register sets that the operating system saves on a task switch (XCR0).
static unsigned saved_state(void) {
  unsigned low, high;
  __asm__ volatile("xgetbv" : "=a"(low), "=d"(high) : "c"(0));
  return low;
}

static int has(unsigned value, unsigned mask) { return (value & mask) == mask; }

int cpu_runs_haswell(void) {
  unsigned a, b, c, d;
  if (!__get_cpuid(1, &a, &b, &c, &d)) return 0;
  const unsigned osxsave = 1u << 27, fma = 1u << 12, movbe = 1u << 22, popcnt = 1u << 23, avx = 1u << 28,
                 f16c = 1u << 29;
  if (!has(c, osxsave | fma | movbe | popcnt | avx | f16c)) return 0;
  if (!has(saved_state(), 0x06)) return 0;
  if (!__get_cpuid_count(7, 0, &a, &b, &c, &d)) return 0;
  const unsigned bmi1 = 1u << 3, avx2 = 1u << 5, bmi2 = 1u << 8;
  if (!has(b, bmi1 | avx2 | bmi2)) return 0;
  if (!__get_cpuid(0x80000001u, &a, &b, &c, &d)) return 0;
  return has(c, 1u << 5);
}

int cpu_runs_skylake_avx512(void) {
  unsigned a, b, c, d;
  if (!cpu_runs_haswell() || !has(saved_state(), 0xE6)) return 0;
  if (!__get_cpuid_count(7, 0, &a, &b, &c, &d)) return 0;
  const unsigned f = 1u << 16, dq = 1u << 17, cd = 1u << 28, bw = 1u << 30, vl = 1u << 31;
  return has(b, f | dq | cd | bw | vl);
}

int cpu_runs_cascadelake(void) {
  unsigned a, b, c, d;
  if (!cpu_runs_skylake_avx512() || !__get_cpuid_count(7, 0, &a, &b, &c, &d)) return 0;
  return has(c, 1u << 11);
}

#else

int cpu_runs_haswell(void) { return 0; }
int cpu_runs_skylake_avx512(void) { return 0; }
int cpu_runs_cascadelake(void) { return 0; }

#endif
