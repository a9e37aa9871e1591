#pragma once
#include <stdint.h>
#include <sys/types.h>

// Calls that the C library declares only under _GNU_SOURCE, which Swift's modules of it do not set.
#if defined(__linux__)
extern int syncfs(int fd);
extern ssize_t copy_file_range(int from, int64_t *from_at, int to, int64_t *to_at, size_t count, unsigned flags);
#endif
