// What Linux offers and Swift cannot import: functions behind _GNU_SOURCE, variadic calls, macros.
//
// Every function but `shipyard_spawn` is a plain call through: it returns what the wrapped one returns. Logic
// belongs to Swift, but nothing in Swift may run between vfork and exec.
#ifndef SHIPYARD_CLINUX_H
#define SHIPYARD_CLINUX_H

#include <spawn.h>
#include <stdint.h>
#include <sys/types.h>

// posix_spawn file actions and flags that glibc hides behind _GNU_SOURCE. They return an errno, or 0.
int shipyard_spawn_addclosefrom(posix_spawn_file_actions_t *actions, int lowest);
int16_t shipyard_spawn_setsid_flag(void);

/// Where a process starts and what it is given. Its three descriptors are above 2.
struct shipyard_place {
    int input, output, errors;
    /// `directory` is relative to this open directory.
    int parent;
    const char *directory;
    /// What the program's files do not get: its umask.
    mode_t mask;
};

/// Starts a program in a session of its own with no signal blocked. Returns 0, or the errno of the first step
/// that failed, also one that failed in the child; `isFork` tells whether no child could be made at all.
///
/// For a caller of one thread that handles no signal and opens everything close-on-exec. So it needs nothing of
/// what posix_spawn does for any caller: a stack from mmap, a question for each signal and for the limit of
/// each descriptor, some 75 system calls for each process.
int shipyard_spawn(
    pid_t *process, const char *path, char *const arguments[], char *const environment[],
    const struct shipyard_place *place, int *isFork);

// prctl is variadic.
int shipyard_become_subreaper(void);
// And from now on they come to its own ancestor again.
int shipyard_resign_as_subreaper(void);
/// Whether orphans below the caller become its children.
int shipyard_is_subreaper(void);
/// Closes the caller's memory, environment and descriptors to other processes of its user.
int shipyard_hide_memory(void);

/// Whether a process can be made now: 0, or the errno of vfork.
int shipyard_try_fork(void);

/// openat2 that follows no link, leaves neither `directory` nor its mount, and closes on exec. ENOSYS where the
/// kernel has none, and EPERM where a sandbox does not know it.
int shipyard_open_beneath(int directory, const char *name, int flags);
/// O_PATH: opens a place without reading it.
int shipyard_path_flag(void);
/// Which mount an open file is on: two binds of one file system differ. -1 where the kernel does not tell.
int64_t shipyard_mount_id(int file);
/// renameat2 that never replaces.
int shipyard_rename_new(int from, const char *name, int to, const char *other);

/// malloc_trim: what the C library keeps of freed memory goes back to the system.
void shipyard_trim_memory(void);

/// An anonymous file in memory, close-on-exec.
int shipyard_memfd(const char *name);

/// A non-blocking, close-on-exec signalfd for these signals.
int shipyard_signalfd(const sigset_t *signals);
/// Reads one pending signal's number from it; 0 when there is none.
int shipyard_signalfd_read(int fd);

/// accept4 with SOCK_CLOEXEC | SOCK_NONBLOCK.
int shipyard_accept(int listener);

// pidfd: a signal through one of these cannot reach another process that got the same number.
int shipyard_pidfd_open(pid_t process);
int shipyard_pidfd_send_signal(int pidfd, int signal);

/// Whether `process` is a living child of the caller: asks without waiting and without reaping.
int shipyard_is_living_child(pid_t process);

/// Tells the file system that the subdirectories of this one have nothing to do with each other, so that it
/// spreads them over the disk (`chattr +T`). Only some file systems know that: -1 from the others.
int shipyard_spread_subdirectories(int directory);

/// What tells one writing of a file from another. Times are nanoseconds since 1970, or their lower 64 bits; `birth` is 0
/// where the file system does not keep it.
struct shipyard_file {
    uint64_t inode, links;
    int64_t birth, modified, changed, size;
    uint32_t mode;
};
/// statx of a name, without following a link; of the directory itself where the name is empty.
int shipyard_look_at(int directory, const char *name, struct shipyard_file *file);

/// Whether what others do to these files is told by no event of this kernel: they are on a server, or another program
/// makes them up.
int shipyard_is_remote(int file);

// As copy_file_range of one stretch by positions.
ssize_t shipyard_copy_range(int from, int64_t offset, int to, int64_t position, size_t count);
// Room for a file of this size, in few pieces of the disk. -1 where the file system cannot say.
int shipyard_reserve(int file, int64_t count);
// Has the disk begin to write a stretch of a file; does not wait for it.
int shipyard_start_writing(int file, int64_t position, int64_t count);

// Extended attributes of an open file.
ssize_t shipyard_get_attribute(int file, const char *name, void *bytes, size_t count);
int shipyard_set_attribute(int file, const char *name, const void *bytes, size_t count);

/// Takes a mount out of the tree, also while it is in use; does not follow a link.
int shipyard_unmount(const char *path);

#endif
