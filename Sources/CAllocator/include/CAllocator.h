#ifndef CALLOCATOR_H
#define CALLOCATOR_H

/// Gives pages that the C allocator holds free back to the system, where it can. Thread-safe.
void allocator_give_back(void);

#endif
