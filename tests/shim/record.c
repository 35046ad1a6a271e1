/* Records what a process does to the files below a folder: each write with its bytes, each sync,
 * each name that comes or goes, and each write to stdout, in order, after it was done. Preloaded by
 * tests/it/damage/recorder.rs, which reads the log.
 *
 *   CREDITS_RECORD_ROOT    the folder; what is done elsewhere is not recorded
 *   CREDITS_RECORD_LOG     the log, appended to
 *   CREDITS_RECORD_STOP    a number: before the step of that number the process gets a signal,
 *   CREDITS_RECORD_SIGNAL  this one, by its number
 *
 * A record: kind (1 byte), inode, offset, length (8 bytes each), length of path and of the second
 * path (4 bytes each), both paths, and the bytes of a write. The `-shm` of SQLite is not recorded:
 * it is made anew by whoever opens the ledger first. */
#define _GNU_SOURCE
#include <dlfcn.h>
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <signal.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/uio.h>
#include <unistd.h>

enum kind {
    CREATE = 'c', WRITE = 'w', TRUNCATE = 't', SYNC = 's', SYNC_FOLDER = 'S',
    LINK = 'l', RENAME = 'r', UNLINK = 'u', MKDIR = 'm', ANSWER = 'a'
};

#define REAL(result, name, ...)                                   \
    static result (*real)(__VA_ARGS__);                           \
    if (!real) real = (result (*)(__VA_ARGS__))dlsym(RTLD_NEXT, name)

static long step;

static int ends_with(const char *text, const char *end)
{
    size_t length = strlen(text), tail = strlen(end);
    return length >= tail && strcmp(text + length - tail, end) == 0;
}

/* Whether a path, already absolute, is one of ours. */
static int ours(const char *path)
{
    const char *root = getenv("CREDITS_RECORD_ROOT");
    if (!root || !getenv("CREDITS_RECORD_LOG")) return 0;
    size_t length = strlen(root);
    return strncmp(path, root, length) == 0 && (path[length] == '/' || !path[length])
        && !ends_with(path, "-shm");
}

/* The path of a descriptor; empty where it has none. */
static void path_of(int fd, char path[PATH_MAX])
{
    char link[64];
    snprintf(link, sizeof link, "/proc/self/fd/%d", fd);
    ssize_t length = readlink(link, path, PATH_MAX - 1);
    path[length < 0 ? 0 : length] = 0;
    char *deleted = strstr(path, " (deleted)");
    if (deleted) *deleted = 0;
}

static int ours_by_fd(int fd)
{
    char path[PATH_MAX];
    path_of(fd, path);
    return ours(path);
}

/* A path as the process named it, made absolute. */
static void absolute(int folder, const char *name, char path[PATH_MAX])
{
    char before[PATH_MAX] = "";
    if (name[0] != '/') {
        if (folder == AT_FDCWD) { if (!getcwd(before, sizeof before)) before[0] = 0; }
        else path_of(folder, before);
        strncat(before, "/", sizeof before - strlen(before) - 1);
    }
    snprintf(path, PATH_MAX, "%s%s", before, name);
}

/* Before each step that is recorded: here the process may have to end. */
static void about_to(void)
{
    const char *stop = getenv("CREDITS_RECORD_STOP"), *number = getenv("CREDITS_RECORD_SIGNAL");
    step++;
    if (stop && number && step == atol(stop)) kill(getpid(), atoi(number));
}

static void record(enum kind kind, uint64_t inode, uint64_t offset, uint64_t length,
                   const char *path, const char *other, const void *bytes)
{
    int kept = errno;
    uint32_t lengths[2] = { strlen(path), strlen(other) };
    uint64_t numbers[3] = { inode, offset, length };
    size_t size = 1 + sizeof numbers + sizeof lengths + lengths[0] + lengths[1]
        + (bytes ? length : 0);
    char *whole = malloc(size), *at = whole;
    int log = syscall(SYS_openat, AT_FDCWD, getenv("CREDITS_RECORD_LOG"),
                      O_WRONLY | O_APPEND | O_CREAT | O_CLOEXEC, 0600);
    if (!whole || log < 0) abort();
    *at++ = kind;
    memcpy(at, numbers, sizeof numbers), at += sizeof numbers;
    memcpy(at, lengths, sizeof lengths), at += sizeof lengths;
    memcpy(at, path, lengths[0]), at += lengths[0];
    memcpy(at, other, lengths[1]), at += lengths[1];
    if (bytes) memcpy(at, bytes, length);
    if (syscall(SYS_write, log, whole, size) != (ssize_t)size) abort();
    syscall(SYS_close, log);
    free(whole);
    errno = kept;
}

static void record_fd(enum kind kind, int fd, uint64_t offset, uint64_t length, const void *bytes)
{
    char path[PATH_MAX];
    struct stat about;
    if (fstat(fd, &about)) abort();
    path_of(fd, path);
    if (kind == SYNC && S_ISDIR(about.st_mode)) kind = SYNC_FOLDER;
    record(kind, about.st_ino, offset, length, path, "", bytes);
}

static int open_recorded(int (*real)(int, const char *, int, ...), int folder, const char *name,
                         int flags, mode_t mode)
{
    char path[PATH_MAX];
    struct stat about;
    absolute(folder, name, path);
    int may_change = (flags & (O_CREAT | O_TRUNC)) && ours(path);
    int is_new = may_change && (flags & O_CREAT) && lstat(path, &about) && errno == ENOENT;
    if (may_change && (is_new || (flags & O_TRUNC))) about_to();
    int fd = real(folder, name, flags, mode);
    if (fd >= 0 && may_change) {
        if (is_new) record_fd(CREATE, fd, 0, 0, NULL);
        else if (flags & O_TRUNC) record_fd(TRUNCATE, fd, 0, 0, NULL);
    }
    return fd;
}

static mode_t mode_in(int flags, va_list rest)
{
    return flags & (O_CREAT | O_TMPFILE) ? (mode_t)va_arg(rest, int) : 0;
}

int openat(int folder, const char *path, int flags, ...)
{
    REAL(int, "openat", int, const char *, int, ...);
    va_list rest;
    va_start(rest, flags);
    mode_t mode = mode_in(flags, rest);
    va_end(rest);
    return open_recorded(real, folder, path, flags, mode);
}

int openat64(int folder, const char *path, int flags, ...)
{
    REAL(int, "openat64", int, const char *, int, ...);
    va_list rest;
    va_start(rest, flags);
    mode_t mode = mode_in(flags, rest);
    va_end(rest);
    return open_recorded(real, folder, path, flags, mode);
}

int open(const char *path, int flags, ...)
{
    va_list rest;
    va_start(rest, flags);
    mode_t mode = mode_in(flags, rest);
    va_end(rest);
    return openat(AT_FDCWD, path, flags, mode);
}

int open64(const char *path, int flags, ...)
{
    va_list rest;
    va_start(rest, flags);
    mode_t mode = mode_in(flags, rest);
    va_end(rest);
    return openat64(AT_FDCWD, path, flags, mode);
}

int creat(const char *path, mode_t mode)
{
    return openat(AT_FDCWD, path, O_CREAT | O_WRONLY | O_TRUNC, mode);
}

static ssize_t written(int fd, const void *bytes, ssize_t done, uint64_t offset)
{
    if (done > 0) record_fd(fd == 1 ? ANSWER : WRITE, fd, offset, done, fd == 1 ? NULL : bytes);
    return done;
}

ssize_t pwrite(int fd, const void *bytes, size_t size, off_t offset)
{
    REAL(ssize_t, "pwrite", int, const void *, size_t, off_t);
    if (!ours_by_fd(fd)) return real(fd, bytes, size, offset);
    about_to();
    return written(fd, bytes, real(fd, bytes, size, offset), offset);
}

ssize_t pwrite64(int fd, const void *bytes, size_t size, off64_t offset)
{
    REAL(ssize_t, "pwrite64", int, const void *, size_t, off64_t);
    if (!ours_by_fd(fd)) return real(fd, bytes, size, offset);
    about_to();
    return written(fd, bytes, real(fd, bytes, size, offset), offset);
}

ssize_t write(int fd, const void *bytes, size_t size)
{
    REAL(ssize_t, "write", int, const void *, size_t);
    if (fd != 1 && !ours_by_fd(fd)) return real(fd, bytes, size);
    about_to();
    off64_t offset = fd == 1 ? 0 : lseek64(fd, 0, SEEK_CUR);
    if (fcntl(fd, F_GETFL) & O_APPEND) offset = lseek64(fd, 0, SEEK_END);
    return written(fd, bytes, real(fd, bytes, size), offset);
}

/* Nobody writes the ledger so; an answer may be. */
ssize_t writev(int fd, const struct iovec *parts, int count)
{
    REAL(ssize_t, "writev", int, const struct iovec *, int);
    if (fd != 1) {
        if (ours_by_fd(fd)) abort();
        return real(fd, parts, count);
    }
    about_to();
    return written(fd, NULL, real(fd, parts, count), 0);
}

static int truncated(int fd, int done, off64_t length)
{
    if (!done) record_fd(TRUNCATE, fd, 0, length, NULL);
    return done;
}

int ftruncate(int fd, off_t length)
{
    REAL(int, "ftruncate", int, off_t);
    if (!ours_by_fd(fd)) return real(fd, length);
    about_to();
    return truncated(fd, real(fd, length), length);
}

int ftruncate64(int fd, off64_t length)
{
    REAL(int, "ftruncate64", int, off64_t);
    if (!ours_by_fd(fd)) return real(fd, length);
    about_to();
    return truncated(fd, real(fd, length), length);
}

static int synced(int fd, int done)
{
    if (!done) record_fd(SYNC, fd, 0, 0, NULL);
    return done;
}

int fsync(int fd)
{
    REAL(int, "fsync", int);
    if (!ours_by_fd(fd)) return real(fd);
    about_to();
    return synced(fd, real(fd));
}

int fdatasync(int fd)
{
    REAL(int, "fdatasync", int);
    if (!ours_by_fd(fd)) return real(fd);
    about_to();
    return synced(fd, real(fd));
}

static void named(enum kind kind, int folder, const char *name, const char *other)
{
    struct stat about;
    char path[PATH_MAX];
    absolute(folder, name, path);
    if (lstat(kind == LINK || kind == RENAME ? other : path, &about)) about.st_ino = 0;
    record(kind, about.st_ino, 0, 0, path, other, NULL);
}

int linkat(int folder, const char *name, int other_folder, const char *other, int flags)
{
    REAL(int, "linkat", int, const char *, int, const char *, int);
    char place[PATH_MAX];
    absolute(other_folder, other, place);
    if (!ours(place)) return real(folder, name, other_folder, other, flags);
    about_to();
    int done = real(folder, name, other_folder, other, flags);
    if (!done) named(LINK, folder, name, place);
    return done;
}

int link(const char *name, const char *other)
{
    return linkat(AT_FDCWD, name, AT_FDCWD, other, 0);
}

int renameat(int folder, const char *name, int other_folder, const char *other)
{
    REAL(int, "renameat", int, const char *, int, const char *);
    char place[PATH_MAX];
    absolute(other_folder, other, place);
    if (!ours(place)) return real(folder, name, other_folder, other);
    about_to();
    int done = real(folder, name, other_folder, other);
    if (!done) named(RENAME, folder, name, place);
    return done;
}

int rename(const char *name, const char *other)
{
    return renameat(AT_FDCWD, name, AT_FDCWD, other);
}

int unlinkat(int folder, const char *name, int flags)
{
    REAL(int, "unlinkat", int, const char *, int);
    char path[PATH_MAX];
    absolute(folder, name, path);
    if (!ours(path)) return real(folder, name, flags);
    about_to();
    int done = real(folder, name, flags);
    if (!done) record(UNLINK, 0, 0, 0, path, "", NULL);
    return done;
}

int unlink(const char *name)
{
    return unlinkat(AT_FDCWD, name, 0);
}

int mkdirat(int folder, const char *name, mode_t mode)
{
    REAL(int, "mkdirat", int, const char *, mode_t);
    char path[PATH_MAX];
    absolute(folder, name, path);
    if (!ours(path)) return real(folder, name, mode);
    about_to();
    int done = real(folder, name, mode);
    if (!done) named(MKDIR, folder, name, "");
    return done;
}

int mkdir(const char *name, mode_t mode)
{
    return mkdirat(AT_FDCWD, name, mode);
}
