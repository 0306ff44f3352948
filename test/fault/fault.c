/*
 * fault.c
 *		Lets one process run out of disk, memory or descriptors: loaded into PostgreSQL by
 *		LD_PRELOAD, for the tests of what follows (test/t/080_scarce.pl).
 *
 * The file that MSGEXT_FAULT names says which process, and what it lacks:
 *
 *		disk PID		files of its tables cannot grow
 *		memory PID N	of its allocations of BIG bytes or more the N-th fails, once
 *		wait PID N		of the steps in which it makes what it waits at the N-th fails, once
 *
 * Without that file nothing is different.
 */
#define _GNU_SOURCE
#include <dlfcn.h>
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/eventfd.h>
#include <sys/stat.h>
#include <sys/uio.h>
#include <unistd.h>

#define BIG (48 * 1024)

/* glibc's own, under the names that it exports for this. */
extern void *__libc_malloc(size_t size);
extern void *__libc_realloc(void *at, size_t size);

/* What this process lacks now, and the number behind it; false = nothing. */
static bool
lacks(const char *what, int *n)
{
	const char *path = getenv("MSGEXT_FAULT");
	int error = errno;
	char text[64] = "";
	char kind[16] = "";
	int pid = 0;
	int fd = path != NULL ? open(path, O_RDONLY | O_CLOEXEC) : -1;
	bool read_it = fd >= 0 && read(fd, text, sizeof(text) - 1) > 0;

	*n = 0;
	if (fd >= 0)
		close(fd);
	errno = error;
	return read_it && sscanf(text, "%15s %d %d", kind, &pid, n) >= 2 && pid == getpid() &&
		   strcmp(kind, what) == 0;
}

static bool
is_the_one(const char *what)
{
	static int wanted;
	static int seen;
	int n;

	if (!lacks(what, &n))
		return false;
	if (n != wanted)
		seen = 0;
	wanted = n;
	return ++seen == n;
}

static bool
fails(size_t size)
{
	if (size < BIG || !is_the_one("memory"))
		return false;
	errno = ENOMEM;
	return true;
}

void *
malloc(size_t size)
{
	return fails(size) ? NULL : __libc_malloc(size);
}

void *
realloc(void *at, size_t size)
{
	return fails(size) ? NULL : __libc_realloc(at, size);
}

/* Would this write make a table's file longer, and is there no room? */
static bool
is_full(int fd, off_t end)
{
	char link[64];
	char path[PATH_MAX] = "";
	struct stat about;
	int n;

	if (!lacks("disk", &n))
		return false;
	snprintf(link, sizeof(link), "/proc/self/fd/%d", fd);
	if (readlink(link, path, sizeof(path) - 1) < 0 || strstr(path, "/base/") == NULL ||
		fstat(fd, &about) != 0 || end <= about.st_size)
		return false;
	errno = ENOSPC;
	return true;
}

ssize_t
pwritev(int fd, const struct iovec *parts, int n, off_t at)
{
	static ssize_t (*next)(int, const struct iovec *, int, off_t);
	off_t end = at;
	int i;

	if (next == NULL)
		next = dlsym(RTLD_NEXT, "pwritev");
	for (i = 0; i < n; i++)
		end += (off_t) parts[i].iov_len;
	return is_full(fd, end) ? -1 : next(fd, parts, n, at);
}

ssize_t
pwrite(int fd, const void *bytes, size_t n, off_t at)
{
	static ssize_t (*next)(int, const void *, size_t, off_t);

	if (next == NULL)
		next = dlsym(RTLD_NEXT, "pwrite");
	return is_full(fd, at + (off_t) n) ? -1 : next(fd, bytes, n, at);
}

int
posix_fallocate(int fd, off_t at, off_t n)
{
	static int (*next)(int, off_t, off_t);

	if (next == NULL)
		next = dlsym(RTLD_NEXT, "posix_fallocate");
	return is_full(fd, at + n) ? ENOSPC : next(fd, at, n);
}

int
eventfd(unsigned int count, int flags)
{
	static int (*next)(unsigned int, int);

	if (next == NULL)
		next = dlsym(RTLD_NEXT, "eventfd");
	errno = EMFILE;
	return is_the_one("wait") ? -1 : next(count, flags);
}

int
epoll_create1(int flags)
{
	static int (*next)(int);

	if (next == NULL)
		next = dlsym(RTLD_NEXT, "epoll_create1");
	errno = EMFILE;
	return is_the_one("wait") ? -1 : next(flags);
}

int
epoll_ctl(int epoll, int what, int fd, struct epoll_event *event)
{
	static int (*next)(int, int, int, struct epoll_event *);

	if (next == NULL)
		next = dlsym(RTLD_NEXT, "epoll_ctl");
	errno = ENOSPC;
	return what == EPOLL_CTL_ADD && is_the_one("wait") ? -1
													   : next(epoll, what, fd, event);
}
