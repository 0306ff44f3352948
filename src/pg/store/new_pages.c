/*
 * new_pages.c
 *		Pages of a table or an index ahead of what will be written into them: see
 *		new_pages.h.
 *
 * Owns how relations grow. Never decides what is on a page: a new one is all zeroes, as a
 * crash may leave one too, and the access method sets it up when it takes it.
 */
#include "postgres.h"

#include "common/relpath.h"
#include "storage/bufmgr.h"
#include "storage/bufpage.h"
#include "storage/fd.h"
#include "storage/freespace.h"
#include "storage/lmgr.h"
#include "storage/sync.h"
#include "utils/rel.h"

#include "pg/base/compat.h"
#include "pg/store/new_pages.h"

/* A quarter more, as far as 512 kB. */
#define PART 4
#define PAGES_MAX 64

#ifdef MSG_EXTENDS_BY_MANY

/*
 * On a disk with room for fewer pages this is an error where one page would do, and the
 * function has no way to ask. It is left so: what is missing is half a megabyte, the next
 * statement would fail too, and to catch the error takes a subtransaction for each growth.
 */
static int
add(Relation rel, int n, BlockNumber *first)
{
	Buffer buffers[PAGES_MAX];
	uint32 added = 0;
	uint32 i;

	*first = ExtendBufferedRelBy(BMR_REL(rel), MAIN_FORKNUM, NULL, 0, n, buffers, &added);
	for (i = 0; i < added; i++)
		ReleaseBuffer(buffers[i]);
	return added;
}

#else

#include <fcntl.h>

/*
 * As for any page the file system sets the room aside, lest a full disk show later, and the
 * next checkpoint makes it last.
 */
static bool
allocate(Relation rel, BlockNumber first, int n)
{
	char *path = relpathbackend(rel->rd_node, InvalidBackendId, MAIN_FORKNUM);
	BlockNumber segment = first / RELSEG_SIZE;
	off_t offset = (off_t) (first % RELSEG_SIZE) * BLCKSZ;
	char *name = segment == 0 ? path : psprintf("%s.%u", path, segment);
	int fd = OpenTransientFile(name, O_RDWR | PG_BINARY);
	bool allocated;
	FileTag tag;

	if (fd < 0)
		return false;
	allocated = posix_fallocate(fd, offset, (off_t) n * BLCKSZ) == 0;
	CloseTransientFile(fd);
	if (allocated)
	{
		memset(&tag, 0, sizeof(tag));
		tag.handler = SYNC_HANDLER_MD;
		tag.forknum = MAIN_FORKNUM;
		tag.rnode = rel->rd_node;
		tag.segno = segment;
		RegisterSyncRequest(&tag, SYNC_REQUEST, true);
	}
	return allocated;
}

/*
 * The pages are in shared buffers before anybody can know of them, so that what is zeroed
 * is nobody's row. Where the file does not become longer they are what PostgreSQL expects
 * beyond its end: empty, or not there. The first page of a segment is the storage
 * manager's, which makes the file.
 */
static int
add(Relation rel, int n, BlockNumber *first)
{
	int i;

	LockRelationForExtension(rel, ExclusiveLock);
	*first = RelationGetNumberOfBlocks(rel);
	n = *first % RELSEG_SIZE == 0 ? 0 : Min(n, RELSEG_SIZE - *first % RELSEG_SIZE);
	for (i = 0; i < n; i++)
		UnlockReleaseBuffer(
			ReadBufferExtended(rel, MAIN_FORKNUM, *first + i, RBM_ZERO_AND_LOCK, NULL));
	if (n > 0 && !allocate(rel, *first, n))
		n = 0;
	UnlockRelationForExtension(rel, ExclusiveLock);
	return n;
}

#endif

void
msgext_new_pages_ensure(Relation rel, Size space, int *spare)
{
	BlockNumber first;
	int n;
	int i;

	if (*spare > 0)
	{
		--*spare;
		return;
	}
	if (GetPageWithFreeSpace(rel, space) != InvalidBlockNumber)
		return;
	n = RelationGetNumberOfBlocks(rel) / PART;
	n = add(rel, Min(Max(n, 1), PAGES_MAX), &first);
	if (n == 0)
		return;
	for (i = 0; i < n; i++)
		RecordPageWithFreeSpace(rel, first + i, BLCKSZ - SizeOfPageHeaderData);
	FreeSpaceMapVacuumRange(rel, first, first + n);
	*spare = n - 1;
}
