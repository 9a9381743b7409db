/* SPDX-License-Identifier: Apache-2.0
 *
 * Where the JSON document goes: a stream, or a file that appears whole or not at all. */
#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/io.h"
#include "cli/report_json.h"

static char *text_of(const struct et_snapshot *snap, struct et_err *err)
{
	json_t *doc = et_report_json(snap);
	char *text = doc == NULL ? NULL : json_dumps(doc, JSON_INDENT(1) | JSON_REAL_PRECISION(15));

	json_decref(doc);
	if (text == NULL)
		et_err_set(err, ET_EXIT_LACK, "out of memory making the JSON document");
	return text;
}

int et_report_json_write(const struct et_snapshot *snap, FILE *to, struct et_err *err)
{
	char *text = text_of(snap, err);
	int rc = 0;

	if (text == NULL)
		return -1;
	if (fputs(text, to) == EOF || fputc('\n', to) == EOF || fflush(to) != 0)
		rc = et_err_sys(err, ET_EXIT_JOB, errno, "cannot write the JSON document");
	free(text);
	return rc;
}

static int write_through(const char *path, const char *text, size_t n)
{
	int fd = open(path, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC | O_NOCTTY, 0644);
	int rc, saved;

	if (fd < 0)
		return -1;
	rc = et_io_write_all(fd, text, n);
	saved = errno;
	if (close(fd) != 0 && rc == 0)
		return -1;
	errno = saved;
	return rc;
}

/* Beside the old file first, then in its place: a full disk keeps the old one. */
static int replace_file(const char *path, const char *text, size_t n)
{
	const char *slash = strrchr(path, '/');
	char *folder = slash == NULL ? strdup(".") : strndup(path, (size_t)(slash - path) + 1);
	int dirfd = folder == NULL ? -1 : open(folder, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	int rc = -1, saved;

	if (dirfd >= 0)
		rc = et_io_put_file(dirfd, slash == NULL ? path : slash + 1, text, n, 1);
	saved = errno;
	if (dirfd >= 0)
		close(dirfd);
	free(folder);
	errno = saved;
	return rc;
}

int et_report_file(const char *path, const char *text, size_t n, struct et_err *err)
{
	struct stat st;
	int rc;

	/* lstat: a link stays a link, its file is written through */
	if (lstat(path, &st) == 0 && !S_ISREG(st.st_mode))
		rc = write_through(path, text, n);
	else
		rc = replace_file(path, text, n);
	if (rc == 0)
		return 0;
	return et_err_sys(err, errno == ENOSPC || errno == EIO || errno == EFBIG ? ET_EXIT_JOB :
			  ET_EXIT_INPUT, errno, "cannot write '%s'", path);
}

int et_report_json_file(const struct et_snapshot *snap, const char *path, struct et_err *err)
{
	char *text;
	size_t n;
	int rc;

	if (path == NULL || strcmp(path, "-") == 0)
		return et_report_json_write(snap, stdout, err);
	text = text_of(snap, err);
	if (text == NULL)
		return -1;
	n = strlen(text);
	text[n] = '\n'; /* in the place of the NUL: the length is known from here on */
	rc = et_report_file(path, text, n + 1, err);
	free(text);
	return rc;
}
