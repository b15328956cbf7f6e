#define _GNU_SOURCE
#include "CLinux.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/fs.h>
#include <linux/openat2.h>
#include <malloc.h>
#include <signal.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <sys/mount.h>
#include <sys/prctl.h>
#include <sys/signalfd.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/vfs.h>
#include <sys/wait.h>
#include <sys/xattr.h>
#include <unistd.h>

int shipyard_spawn_addclosefrom(posix_spawn_file_actions_t *actions, int lowest) {
    return posix_spawn_file_actions_addclosefrom_np(actions, lowest);
}

int16_t shipyard_spawn_setsid_flag(void) { return POSIX_SPAWN_SETSID; }

int shipyard_spawn(
    pid_t *process, const char *path, char *const arguments[], char *const environment[],
    const struct shipyard_place *place, int *isFork) {
    // The child writes it on the memory that both share until it execs or exits; volatile, so that the parent looks.
    volatile int failure = 0;
    sigset_t none;
    sigemptyset(&none);
    // The one signal that an agent ignores.
    struct sigaction plain = {.sa_handler = SIG_DFL};
    *isFork = 0;
    pid_t child = vfork();
    if (child == 0) {
        umask(place->mask);
        if (setsid() >= 0 && dup2(place->input, 0) >= 0 && dup2(place->output, 1) >= 0 &&
            dup2(place->errors, 2) >= 0 && fchdir(place->parent) == 0 && chdir(place->directory) == 0 &&
            sigprocmask(SIG_SETMASK, &none, 0) == 0 && sigaction(SIGXFSZ, &plain, 0) == 0)
            execve(path, arguments, environment);
        failure = errno;
        _exit(127);
    }
    if (child < 0) {
        *isFork = 1;
        return errno;
    }
    if (failure != 0) {
        while (waitpid(child, 0, 0) < 0 && errno == EINTR) {}
        return failure;
    }
    *process = child;
    return 0;
}

int shipyard_become_subreaper(void) { return prctl(PR_SET_CHILD_SUBREAPER, 1, 0, 0, 0); }

int shipyard_resign_as_subreaper(void) { return prctl(PR_SET_CHILD_SUBREAPER, 0, 0, 0, 0); }

int shipyard_is_subreaper(void) {
    int is = 0;
    return prctl(PR_GET_CHILD_SUBREAPER, &is, 0, 0, 0) == 0 && is != 0;
}

int shipyard_hide_memory(void) { return prctl(PR_SET_DUMPABLE, 0, 0, 0, 0); }

int shipyard_try_fork(void) {
    pid_t child = vfork();
    if (child == 0) _exit(0);
    if (child < 0) return errno;
    while (waitpid(child, 0, 0) < 0 && errno == EINTR) {}
    return 0;
}

int shipyard_open_beneath(int directory, const char *name, int flags) {
    struct open_how how = {.flags = (unsigned)(flags | O_NOFOLLOW | O_CLOEXEC),
                           .resolve = RESOLVE_BENEATH | RESOLVE_NO_SYMLINKS | RESOLVE_NO_XDEV};
    return (int)syscall(SYS_openat2, directory, name, &how, sizeof how);
}

int shipyard_path_flag(void) { return O_PATH; }

int64_t shipyard_mount_id(int file) {
#ifdef STATX_MNT_ID
    struct statx about;
    if (statx(file, "", AT_EMPTY_PATH, STATX_MNT_ID, &about) == 0 && about.stx_mask & STATX_MNT_ID)
        return (int64_t)about.stx_mnt_id;
#endif
    struct {
        struct file_handle handle;
        unsigned char space[MAX_HANDLE_SZ];
    } room;
    room.handle.handle_bytes = MAX_HANDLE_SZ;
    int mount;
    if (name_to_handle_at(file, "", &room.handle, &mount, AT_EMPTY_PATH) == 0) return mount;
    return -1;
}

int shipyard_rename_new(int from, const char *name, int to, const char *other) {
    return (int)syscall(SYS_renameat2, from, name, to, other, RENAME_NOREPLACE);
}

void shipyard_trim_memory(void) { malloc_trim(0); }

int shipyard_memfd(const char *name) { return memfd_create(name, MFD_CLOEXEC); }

int shipyard_signalfd(const sigset_t *signals) { return signalfd(-1, signals, SFD_NONBLOCK | SFD_CLOEXEC); }

int shipyard_signalfd_read(int fd) {
    struct signalfd_siginfo info;
    return read(fd, &info, sizeof info) == (ssize_t)sizeof info ? (int)info.ssi_signo : 0;
}

int shipyard_accept(int listener) { return accept4(listener, 0, 0, SOCK_CLOEXEC | SOCK_NONBLOCK); }

// By number, because glibc has had wrappers only since 2.36.
int shipyard_pidfd_open(pid_t process) { return (int)syscall(SYS_pidfd_open, process, 0); }

int shipyard_pidfd_send_signal(int pidfd, int signal) {
    return (int)syscall(SYS_pidfd_send_signal, pidfd, signal, 0, 0);
}

int shipyard_is_living_child(pid_t process) {
    siginfo_t info;
    info.si_pid = 0;
    return waitid(P_PID, (id_t)process, &info, WEXITED | WNOHANG | WNOWAIT) == 0 && info.si_pid == 0;
}

int shipyard_spread_subdirectories(int directory) {
    int flags;
    if (ioctl(directory, FS_IOC_GETFLAGS, &flags) < 0) return -1;
    if (flags & FS_TOPDIR_FL) return 0;
    flags |= FS_TOPDIR_FL;
    return ioctl(directory, FS_IOC_SETFLAGS, &flags);
}

static int64_t nanoseconds(struct statx_timestamp time) {
    return (int64_t)((uint64_t)time.tv_sec * 1000000000u + time.tv_nsec);
}

int shipyard_look_at(int directory, const char *name, struct shipyard_file *file) {
    struct statx about;
    int flags = AT_SYMLINK_NOFOLLOW | AT_NO_AUTOMOUNT | (*name ? 0 : AT_EMPTY_PATH);
    if (statx(directory, name, flags, STATX_BASIC_STATS | STATX_BTIME, &about) != 0) return -1;
    *file = (struct shipyard_file){
        .inode = about.stx_ino,
        .links = about.stx_nlink,
        .birth = about.stx_mask & STATX_BTIME ? nanoseconds(about.stx_btime) : 0,
        .modified = nanoseconds(about.stx_mtime),
        .changed = nanoseconds(about.stx_ctime),
        .size = (int64_t)about.stx_size,
        .mode = about.stx_mode,
    };
    return 0;
}

int shipyard_is_remote(int file) {
    struct statfs about;
    if (fstatfs(file, &about) != 0) return 0;
    switch ((uint32_t)about.f_type) {
    case 0x6969:      // NFS
    case 0x65735546:  // FUSE
    case 0x01021997:  // 9p
    case 0xFF534D42:  // CIFS
    case 0xFE534D42:  // SMB 2
    case 0x00C36400:  // Ceph
        return 1;
    default: return 0;
    }
}

ssize_t shipyard_copy_range(int from, int64_t offset, int to, int64_t position, size_t count) {
    return copy_file_range(from, &offset, to, &position, count, 0);
}

int shipyard_reserve(int file, int64_t count) { return fallocate(file, 0, 0, count); }

int shipyard_start_writing(int file, int64_t position, int64_t count) {
    return sync_file_range(file, position, count, SYNC_FILE_RANGE_WRITE);
}

ssize_t shipyard_get_attribute(int file, const char *name, void *bytes, size_t count) {
    return fgetxattr(file, name, bytes, count);
}

int shipyard_set_attribute(int file, const char *name, const void *bytes, size_t count) {
    return fsetxattr(file, name, bytes, count, 0);
}

int shipyard_unmount(const char *path) { return umount2(path, MNT_DETACH | UMOUNT_NOFOLLOW); }
