#ifndef SWIFTLET_PROCESS_H
#define SWIFTLET_PROCESS_H

/// Asks the kernel to send `signal` to this process when the thread that started it ends. Returns 0, or -1 where the
/// system has no such thing.
int swiftlet_signal_on_parent_death(int signal);

/// The number of processors that this process may be scheduled on, or -1 where the system does not tell.
int swiftlet_allowed_processors(void);

/// Makes the spawned process close every descriptor from `lowest` on. `actions` is a posix_spawn_file_actions_t; a header
/// that includes <spawn.h> would make its types this module's. Returns 0, or -1 where the system cannot.
int swiftlet_spawn_close_from(void *actions, int lowest);

/// The environment of this process: `name=value` texts, closed by a null pointer.
char **swiftlet_environment(void);

#endif
