/* Stands between a program and its C library, and lets chosen calls go wrong. Linux with glibc.
 *
 * The program is started with LD_PRELOAD and told by the environment:
 *
 *   FAULT_UNDER    folder; only calls on paths and descriptors beneath it count
 *   FAULT_CALLS    which calls count, of: open stat read write sync size name lock map memory
 *   FAULT_AT       the number of the counted call at which something happens; 0 only counts
 *   FAULT_DO       what happens there:
 *                    before, after   killed just before the call, or just after it
 *                    torn            killed in the middle of a write, half of which is done
 *                    once, on        the call fails, or it and all after it that are in FAULT_CALLS
 *                                    or FAULT_THEN
 *                    run             FAULT_RUN is run by the shell before the call
 *                    tell            nothing, but FAULT_LOG is told of all calls that count
 *   FAULT_ERRNO    the number with which a call fails
 *   FAULT_THEN     more calls that fail after the first, of the same kinds
 *   FAULT_ROOM     so many bytes may files grow by, all together; then the disk is full
 *   FAULT_NO_FILE  the number with which new files, links and removals are refused
 *   FAULT_NO_WRITE the number with which files that are there cannot be opened for writing
 *   FAULT_UNSYNCED syncs succeed without being done: no kill can tell, and they take longest
 *   FAULT_CLOCK    seconds by which the clock is wrong
 *   FAULT_LOG      file that is told which call was struck, and in the end how many there were and
 *                  how much room is left
 *
 * Calls that allocate memory are counted from the first opening of a file beneath the folder on.
 * Nothing here allocates. */
#define _GNU_SOURCE
#include <dlfcn.h>
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

enum { OPEN = 1, STAT = 2, READ = 4, WRITE = 8, SYNC = 16, SIZE = 32, NAME = 64, LOCK = 128, MAP = 256, MEMORY = 512 };
static const char *const kinds[] = {"open", "stat", "read", "write", "sync", "size", "name", "lock", "map", "memory"};

enum action { NOTHING, BEFORE, AFTER, TORN, ONCE, ON, RUN, TELL };
static const char *const actions[] = {"", "before", "after", "torn", "once", "on", "run", "tell"};

/* What a call is to do: go on, fail, or be the last one. */
enum verdict { GO, FAIL, GO_AND_DIE, HALF_AND_DIE };

static const char *under = "";
static const char *command = "";
static size_t under_length;
static int calls, then, error = EIO, no_file, no_write, unsynced, log_to = -1;
static enum action action;
static long at, count, room = -1, clock_off;
static int armed, struck;

static long number(const char *name, long otherwise)
{
    const char *text = getenv(name);
    return text && *text ? atol(text) : otherwise;
}

static int read_kinds(const char *name)
{
    const char *text = getenv(name);
    int found = 0;
    for (int kind = 0; text && kind < 10; kind++)
        if (strstr(text, kinds[kind]))
            found |= 1 << kind;
    return found;
}

__attribute__((constructor)) static void begin(void)
{
    const char *text;
    if ((text = getenv("FAULT_UNDER")))
        under = text;
    if ((text = getenv("FAULT_RUN")))
        command = text;
    under_length = strlen(under);
    at = number("FAULT_AT", 0);
    room = number("FAULT_ROOM", -1);
    error = (int)number("FAULT_ERRNO", EIO);
    no_file = (int)number("FAULT_NO_FILE", 0);
    no_write = (int)number("FAULT_NO_WRITE", 0);
    unsynced = (int)number("FAULT_UNSYNCED", 0);
    clock_off = number("FAULT_CLOCK", 0);
    then = read_kinds("FAULT_THEN");
    if ((text = getenv("FAULT_DO")))
        for (int one = BEFORE; one <= TELL; one++)
            if (!strcmp(text, actions[one]))
                action = (enum action)one;
    if ((text = getenv("FAULT_LOG"))) {
        int made = (int)syscall(SYS_openat, AT_FDCWD, text, O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC, 0600);
        /* Out of the way of the numbers that the program gets. */
        log_to = (int)syscall(SYS_fcntl, made, F_DUPFD_CLOEXEC, 100);
        syscall(SYS_close, made);
    }
    /* The last thing set: from here on calls count. */
    calls = read_kinds("FAULT_CALLS");
}

static void tell(const char *what, const char *call, const char *path)
{
    char line[512];
    if (log_to < 0)
        return;
    int length = snprintf(line, sizeof line, "%s %ld %s %s\n", what, count, call, path);
    syscall(SYS_write, log_to, line, length < (int)sizeof line ? (size_t)length : sizeof line - 1);
}

__attribute__((destructor)) static void end(void)
{
    tell("counted", "-", "-");
    count = room;
    tell("left", "-", "-");
}

static void die(void)
{
    syscall(SYS_kill, syscall(SYS_getpid), SIGKILL);
    _exit(127);
}

static void run(void)
{
    pid_t child = fork();
    if (child == 0) {
        unsetenv("LD_PRELOAD");
        execl("/bin/sh", "sh", "-c", command, (char *)NULL);
        _exit(127);
    }
    while (waitpid(child, NULL, 0) < 0 && errno == EINTR)
        ;
}

static int is_under(const char *path)
{
    return under_length && path && !strncmp(path, under, under_length);
}

static enum verdict count_one(int kind, const char *call, const char *path)
{
    if (struck && action == ON && (kind & (calls | then)))
        return FAIL;
    if (!(kind & calls))
        return GO;
    count++;
    if (action == TELL)
        tell("told", call, path);
    if (count != at || action == NOTHING || action == TELL)
        return GO;
    struck = 1;
    tell("struck", call, path);
    switch (action) {
    case BEFORE:
        die();
        return GO;
    case AFTER:
        return GO_AND_DIE;
    case TORN:
        return HALF_AND_DIE;
    case RUN:
        run();
        return GO;
    default:
        return FAIL;
    }
}

static enum verdict on_path(int kind, const char *call, const char *path)
{
    if (!is_under(path))
        return GO;
    if (kind == OPEN)
        armed = 1;
    return count_one(kind, call, path);
}

static const char *path_of(int fd, char *place, size_t size)
{
    char name[32];
    snprintf(name, sizeof name, "/proc/self/fd/%d", fd);
    long length = syscall(SYS_readlinkat, AT_FDCWD, name, place, size - 1);
    place[length < 0 ? 0 : length] = 0;
    return place;
}

static enum verdict on_fd(int kind, const char *call, int fd)
{
    char place[4096];
    if (!under_length || !(calls | then))
        return GO;
    int before = errno;
    const char *path = path_of(fd, place, sizeof place);
    errno = before;
    return is_under(path) ? count_one(kind, call, path) : GO;
}

static int fails(enum verdict verdict, int with)
{
    if (verdict == FAIL)
        errno = with;
    return verdict == FAIL;
}

#define REAL(type, name, ...)                                   \
    static type (*real)(__VA_ARGS__);                           \
    if (!real)                                                  \
        *(void **)&real = dlsym(RTLD_NEXT, name)

#define ENDS(verdict) ((verdict) == GO_AND_DIE || (verdict) == HALF_AND_DIE ? die() : (void)0)

/* Opening. */

static int may_open(const char *path, int flags)
{
    int missing = (flags & O_CREAT) && syscall(SYS_faccessat, AT_FDCWD, path, F_OK) != 0;
    int writes = (flags & O_ACCMODE) != O_RDONLY;
    int with = missing ? no_file : writes ? no_write : 0;
    if (with && is_under(path)) {
        errno = with;
        return 0;
    }
    return 1;
}

#define OPENS(name)                                                        \
    int name(const char *path, int flags, ...)                             \
    {                                                                      \
        REAL(int, #name, const char *, int, ...);                          \
        va_list rest;                                                      \
        va_start(rest, flags);                                             \
        int mode = flags & (O_CREAT | O_TMPFILE) ? va_arg(rest, int) : 0;  \
        va_end(rest);                                                      \
        enum verdict verdict = on_path(OPEN, #name, path);                 \
        if (fails(verdict, error) || !may_open(path, flags))               \
            return -1;                                                     \
        int done = real(path, flags, mode);                                \
        ENDS(verdict);                                                     \
        return done;                                                       \
    }
OPENS(open)
OPENS(open64)

/* Calls on a path or on a descriptor that answer 0, or -1 and a reason. */

static int may_name(int kind, const char *path)
{
    if (kind == NAME && no_file && is_under(path)) {
        errno = no_file;
        return 0;
    }
    return 1;
}

#define ON_PATH(kind, name, path, parameters, ...)                         \
    int name parameters                                                    \
    {                                                                      \
        static int (*real) parameters;                                     \
        if (!real)                                                         \
            *(void **)&real = dlsym(RTLD_NEXT, #name);                     \
        enum verdict verdict = on_path(kind, #name, path);                 \
        if (fails(verdict, error) || !may_name(kind, path))                \
            return -1;                                                     \
        int done = real(__VA_ARGS__);                                      \
        ENDS(verdict);                                                     \
        return done;                                                       \
    }
ON_PATH(STAT, stat64, path, (const char *path, struct stat64 *about), path, about)
ON_PATH(STAT, lstat64, path, (const char *path, struct stat64 *about), path, about)
ON_PATH(NAME, unlink, path, (const char *path), path)
ON_PATH(NAME, mkdir, path, (const char *path, mode_t mode), path, mode)
ON_PATH(NAME, chmod, path, (const char *path, mode_t mode), path, mode)
ON_PATH(NAME, rename, to, (const char *from, const char *to), from, to)
ON_PATH(NAME, linkat, to, (int of, const char *from, int in, const char *to, int flags), of, from, in, to, flags)

#define ON_FD(kind, name, parameters, ...)                                 \
    int name parameters                                                    \
    {                                                                      \
        static int (*real) parameters;                                     \
        if (!real)                                                         \
            *(void **)&real = dlsym(RTLD_NEXT, #name);                     \
        enum verdict verdict = on_fd(kind, #name, fd);                     \
        if (fails(verdict, error))                                         \
            return -1;                                                     \
        int done = (kind) == SYNC && unsynced ? 0 : real(__VA_ARGS__);     \
        ENDS(verdict);                                                     \
        return done;                                                       \
    }
ON_FD(STAT, fstat64, (int fd, struct stat64 *about), fd, about)
ON_FD(SYNC, fsync, (int fd), fd)
ON_FD(SYNC, fdatasync, (int fd), fd)
ON_FD(SIZE, ftruncate64, (int fd, off64_t size), fd, size)
ON_FD(NAME, fchmod, (int fd, mode_t mode), fd, mode)

int statx(int folder, const char *restrict path, int flags, unsigned mask, struct statx *restrict about)
{
    REAL(int, "statx", int, const char *, int, unsigned, struct statx *);
    /* Rust asks with no path whether there is such a call; the header says that nobody does. */
    const char *volatile named = path;
    enum verdict verdict = named && *named ? on_path(STAT, "statx", named) : on_fd(STAT, "statx", folder);
    if (fails(verdict, error))
        return -1;
    int done = real(folder, path, flags, mask, about);
    ENDS(verdict);
    return done;
}

/* Reading. */

#define READS(name, ...)                                                   \
    {                                                                      \
        enum verdict verdict = on_fd(READ, name, fd);                      \
        if (fails(verdict, error))                                         \
            return -1;                                                     \
        ssize_t done = real(fd, to, size __VA_ARGS__);                     \
        ENDS(verdict);                                                     \
        return done;                                                       \
    }

ssize_t read(int fd, void *to, size_t size)
{
    REAL(ssize_t, "read", int, void *, size_t);
    READS("read", )
}

ssize_t pread64(int fd, void *to, size_t size, off64_t from)
{
    REAL(ssize_t, "pread64", int, void *, size_t, off64_t);
    READS("pread64", , from)
}

/* Writing. */

/* How much of a write there is room for; a negative `from` is the end of what is written so far. */
static size_t fitting(int fd, size_t size, off64_t from)
{
    char place[4096];
    struct statx about;
    int before = errno;
    if (room < 0 || !is_under(path_of(fd, place, sizeof place))) {
        errno = before;
        return size;
    }
    if (from < 0)
        from = syscall(SYS_lseek, fd, 0, SEEK_CUR);
    syscall(SYS_statx, fd, "", AT_EMPTY_PATH, STATX_SIZE, &about);
    errno = before;
    long growth = (long)(from + size) - (long)about.stx_size;
    if (growth <= 0)
        return size;
    long lacking = growth > room ? growth - room : 0;
    room -= growth - lacking;
    return (size_t)lacking >= size ? 0 : size - lacking;
}

#define WRITES(name, from, ...)                                            \
    {                                                                      \
        enum verdict verdict = on_fd(WRITE, name, fd);                     \
        if (fails(verdict, error))                                         \
            return -1;                                                     \
        size_t fits = fitting(fd, size, from);                             \
        if (size > 0 && fits == 0) {                                       \
            errno = ENOSPC;                                                \
            return -1;                                                     \
        }                                                                  \
        if (verdict == HALF_AND_DIE)                                       \
            fits /= 2;                                                     \
        ssize_t done = real(fd, bytes, fits __VA_ARGS__);                  \
        ENDS(verdict);                                                     \
        return done;                                                       \
    }

ssize_t write(int fd, const void *bytes, size_t size)
{
    REAL(ssize_t, "write", int, const void *, size_t);
    WRITES("write", -1, )
}

ssize_t pwrite64(int fd, const void *bytes, size_t size, off64_t from)
{
    REAL(ssize_t, "pwrite64", int, const void *, size_t, off64_t);
    WRITES("pwrite64", from, , from)
}

/* Locks and maps. */

#define CONTROLS(name)                                                     \
    int name(int fd, int what, ...)                                        \
    {                                                                      \
        REAL(int, #name, int, int, ...);                                   \
        va_list rest;                                                      \
        va_start(rest, what);                                              \
        void *with = va_arg(rest, void *);                                 \
        va_end(rest);                                                      \
        int locks = what == F_SETLK || what == F_SETLKW || what == F_GETLK; \
        enum verdict verdict = locks ? on_fd(LOCK, #name, fd) : GO;        \
        if (fails(verdict, error))                                         \
            return -1;                                                     \
        int done = real(fd, what, with);                                   \
        ENDS(verdict);                                                     \
        return done;                                                       \
    }
CONTROLS(fcntl)
CONTROLS(fcntl64)

void *mmap64(void *place, size_t size, int may, int flags, int fd, off64_t from)
{
    REAL(void *, "mmap64", void *, size_t, int, int, int, off64_t);
    enum verdict verdict = fd >= 0 ? on_fd(MAP, "mmap64", fd) : GO;
    if (fails(verdict, error))
        return MAP_FAILED;
    void *done = real(place, size, may, flags, fd, from);
    ENDS(verdict);
    return done;
}

/* Memory. */

extern void *__libc_malloc(size_t);
extern void *__libc_calloc(size_t, size_t);
extern void *__libc_realloc(void *, size_t);
extern void *__libc_memalign(size_t, size_t);

static int no_memory(const char *call)
{
    return armed && (calls | then) & MEMORY && fails(count_one(MEMORY, call, "-"), ENOMEM);
}

void *malloc(size_t size)
{
    return no_memory("malloc") ? NULL : __libc_malloc(size);
}

void *calloc(size_t count_of, size_t size)
{
    return no_memory("calloc") ? NULL : __libc_calloc(count_of, size);
}

void *realloc(void *old, size_t size)
{
    return no_memory("realloc") ? NULL : __libc_realloc(old, size);
}

int posix_memalign(void **place, size_t alignment, size_t size)
{
    if (no_memory("posix_memalign"))
        return ENOMEM;
    *place = __libc_memalign(alignment, size);
    return *place ? 0 : ENOMEM;
}

/* The clock. */

int clock_gettime(clockid_t which, struct timespec *time)
{
    REAL(int, "clock_gettime", clockid_t, struct timespec *);
    int done = real(which, time);
    if (done == 0 && which == CLOCK_REALTIME)
        time->tv_sec += clock_off;
    return done;
}
