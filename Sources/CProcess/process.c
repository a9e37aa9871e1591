#ifdef __linux__
#define _GNU_SOURCE
#include <sched.h>
#include <stdlib.h>
#include <sys/prctl.h>
#endif
#include <spawn.h>
#include "include/process.h"

int swiftlet_signal_on_parent_death(int signal) {
#ifdef __linux__
  return prctl(PR_SET_PDEATHSIG, (unsigned long)signal, 0, 0, 0);
#else
  (void)signal;
  return -1;
#endif
}

int swiftlet_allowed_processors(void) {
#ifdef __linux__
  for (int count = 1024; count <= 1 << 16; count *= 2) {
    cpu_set_t *set = CPU_ALLOC(count);
    if (set == NULL) return -1;
    size_t size = CPU_ALLOC_SIZE(count);
    int failed = sched_getaffinity(0, size, set);
    int found = failed ? -1 : CPU_COUNT_S(size, set);
    CPU_FREE(set);
    if (!failed) return found;
  }
#endif
  return -1;
}

int swiftlet_spawn_close_from(void *actions, int lowest) {
#if defined(__GLIBC__) && defined(__GLIBC_PREREQ)
#if __GLIBC_PREREQ(2, 34)
  return posix_spawn_file_actions_addclosefrom_np(actions, lowest) == 0 ? 0 : -1;
#endif
#endif
  (void)actions;
  (void)lowest;
  return -1;
}

extern char **environ;

char **swiftlet_environment(void) { return environ; }
