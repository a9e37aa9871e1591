#include "CAllocator.h"

#if defined(__GLIBC__) || (defined(__linux__) && __has_include(<gnu/libc-version.h>))
#include <malloc.h>
void allocator_give_back(void) { malloc_trim(0); }
#else
void allocator_give_back(void) {}
#endif
