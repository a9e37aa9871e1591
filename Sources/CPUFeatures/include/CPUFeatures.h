#ifndef CPU_FEATURES_H
#define CPU_FEATURES_H

/// True when the processor has, and the operating system saves, what code built for `haswell` may use:
/// AVX2, FMA, BMI1, BMI2, F16C, LZCNT, MOVBE. Always false outside x86-64.
int cpu_runs_haswell(void);

/// True when `cpu_runs_haswell` and AVX-512 F, CD, BW, DQ and VL are there with their registers saved.
int cpu_runs_skylake_avx512(void);

/// True when `cpu_runs_skylake_avx512` and AVX-512 VNNI is there.
int cpu_runs_cascadelake(void);

#endif
