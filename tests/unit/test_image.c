/* SPDX-License-Identifier: Apache-2.0
 * Images as the engine builds them: references, documents, progress, several builds at once. */
#include <fcntl.h>
#include <limits.h>
#include <pthread.h>
#include <sys/stat.h>
#include <unistd.h>

#include <jansson.h>

#include "base/io.h"
#include "engine-top/probe.h"
#include "engine/image/image.h"
#include "engine/image/linktab.h"
#include "engine/image/manifest.h"
#include "tap.h"

#define N_BUILDS 4
#define N_ROUNDS 5

static char tmp[PATH_MAX - 300];

static void t_references(void)
{
	static const struct {
		const char *ref, *dir, *tag;
	} good[] = {
		{ "oci:d:v1", "d", "v1" },       { "oci:d", "d", "latest" },
		{ "oci:/a b/c:x", "/a b/c", "x" }, { "oci:../x/:A-1_2.3", "../x/", "A-1_2.3" },
	};
	static const char *const bad[] = {
		"", "oci", "oci:", "oci::v", "d:v1", "oci:d:", "oci:d:.v", "oci:d:a:b", "oci:d:a b",
		"docker://x", "oci:d:\xc3\xa4",
	};
	char dir[64], tag[129];

	for (size_t i = 0; i < sizeof good / sizeof good[0]; i++) {
		struct et_err err = { 0 };

		et_image_parse_ref(good[i].ref, dir, sizeof dir, tag, sizeof tag, &err);
		ET_IS_STR(dir, good[i].dir, good[i].ref);
		ET_IS_STR(tag, good[i].tag, "... and its tag");
	}
	for (size_t i = 0; i < sizeof bad / sizeof bad[0]; i++) {
		struct et_err err = { 0 };

		ET_IS_INT(et_image_parse_ref(bad[i], dir, sizeof dir, tag, sizeof tag, &err), -1,
			  "refused");
		ET_IS_INT(err.code, ET_EXIT_INPUT, err.msg);
	}
}

static void t_created(void)
{
	char buf[32];

	ET_IS_STR(et_manifest_created(0, buf), "1970-01-01T00:00:00Z", "epoch");
	ET_IS_STR(et_manifest_created(1795168805, buf), "2026-11-20T10:00:05Z", "a day");
	ET_IS_STR(et_manifest_created(-1, buf), "1970-01-01T00:00:00Z", "before 1970");
	ET_IS_STR(et_manifest_created(INT64_MAX, buf), "9999-12-31T23:59:59Z", "after 9999");
}

static void t_architecture(void)
{
	const char *variant;

	ET_IS_STR(et_manifest_architecture("x86_64", &variant), "amd64", "x86_64");
	ET_IS_STR(et_manifest_architecture("aarch64", &variant), "arm64", "aarch64");
	ET_IS_STR(et_manifest_architecture("armv7l", &variant), "arm", "armv7l");
	ET_IS_STR(variant, "v7", "... and its variant");
	ET_IS_STR(et_manifest_architecture("riscv64", &variant), "riscv64", "unknown ones stay");
}

static void t_documents(void)
{
	char *text = et_manifest_config("sha256:d", "2026-01-01T00:00:00Z", "x86_64");

	ET_IS_STR(text,
		  "{\"created\":\"2026-01-01T00:00:00Z\",\"architecture\":\"amd64\",\"os\":\"linux\","
		  "\"config\":{},\"rootfs\":{\"type\":\"layers\",\"diff_ids\":[\"sha256:d\"]},"
		  "\"history\":[{\"created\":\"2026-01-01T00:00:00Z\",\"created_by\":"
		  "\"engine-top build\"}]}",
		  "configuration, byte by byte");
	free(text);
	text = et_manifest_config("sha256:d", "2026-01-01T00:00:00Z", "armv7l");
	ET_OK(strstr(text, "\"architecture\":\"arm\",\"variant\":\"v7\"") != NULL, "with a variant");
	free(text);
}

static void t_linktab(void)
{
	struct et_linktab t = { 0 };
	unsigned n_wrong = 0;
	uint32_t first;

	for (uint32_t i = 0; i < 20000; i++) {
		et_linktab_first(&t, i % 3, i / 3, i, &first);
		n_wrong += first != i;
	}
	for (uint32_t i = 0; i < 20000; i++) {
		et_linktab_first(&t, i % 3, i / 3, 77777, &first);
		n_wrong += first != i;
	}
	ET_IS_INT(n_wrong, 0, "20,000 inodes of three devices are told apart");
	et_linktab_fini(&t);
}

/* ---- builds ------------------------------------------------------------------------------- */

struct build {
	struct et_progress progress;
	struct et_image_opts opts;
	struct et_image_result result;
	struct et_err err;
	char context[PATH_MAX], layout[PATH_MAX], tag[16];
	int n_failed;
	unsigned seed;
};

static void prepare(struct build *b, struct et_workers *workers, int i, const char *layout)
{
	memset(b, 0, sizeof *b);
	snprintf(b->context, sizeof b->context, "%s/context-%d", tmp, i);
	snprintf(b->layout, sizeof b->layout, "%s/%s", tmp, layout);
	snprintf(b->tag, sizeof b->tag, "t%d", i);
	b->opts = (struct et_image_opts){
		.context = b->context, .layout = b->layout, .tag = b->tag, .workers = workers,
		.progress = &b->progress, .is_store_private = 1, .level = 1,
	};
	mkdir(b->context, 0755);
}

static void put(struct build *b, const char *name, size_t n)
{
	char path[PATH_MAX + 64], *p = malloc(n);
	int fd;

	for (size_t i = 0; i < n; i++)
		p[i] = (char)(b->seed = b->seed * 1103515245u + 12345u);
	snprintf(path, sizeof path, "%s/%s", b->context, name);
	fd = open(path, O_CREAT | O_TRUNC | O_WRONLY, 0644);
	if (fd < 0 || et_io_write_all(fd, p, n) != 0)
		ET_OK(0, "fixture %s", name);
	close(fd);
	free(p);
}

static void t_progress(struct et_workers *workers)
{
	struct build b;

	prepare(&b, workers, 0, "progress");
	put(&b, "small", 1000);
	put(&b, "big", 1500000);
	ET_IS_INT(et_image_build(&b.opts, &b.result, &b.err), 0, "an image");
	ET_IS_INT(b.result.entries, 3, "entries: two files and the root");
	ET_IS_INT(b.result.bytes_in, 1501000, "bytes read");
	ET_IS_INT(atomic_load(&b.progress.work_total), 1501000, "work in all");
	ET_IS_INT(atomic_load(&b.progress.work_done), 1501000, "work done");
	ET_IS_INT(atomic_load(&b.progress.bytes_in), 1501000, "bytes_in");
	ET_IS_INT(atomic_load(&b.progress.bytes_out), b.result.bytes_out, "bytes_out: the blob's");
	ET_IS_STR(atomic_load(&b.progress.stage), "commit", "last stage");
	ET_IS_STR(b.result.warning, "", "no warning");
	ET_OK(strncmp(b.result.digest, "sha256:", 7) == 0 && strlen(b.result.digest) == 71, "digest");
	atomic_store(&b.progress.is_cancelled, true);
	ET_IS_INT(et_image_build(&b.opts, &b.result, &b.err), -1, "cancelled");
	ET_IS_STR(b.err.msg, "cancelled", "... and says so");
	ET_IS_INT(b.err.code, ET_EXIT_JOB, "... as a failed job");
}

/* Every round makes another image, so that there is garbage to be collected meanwhile. */
static void *build_rounds(void *arg)
{
	struct build *b = arg;

	for (int i = 0; i < N_ROUNDS; i++) {
		put(b, "file", 300000 + (size_t)i);
		put(b, "other", 700000);
		if (et_image_build(&b->opts, &b->result, &b->err) != 0)
			b->n_failed++;
	}
	return NULL;
}

static size_t n_missing(const char *layout, const char *digest)
{
	char path[PATH_MAX + 128];
	json_t *doc, *layer;
	size_t i, n = 0;

	snprintf(path, sizeof path, "%s/blobs/sha256/%s", layout, digest + 7);
	doc = json_load_file(path, 0, NULL);
	if (doc == NULL)
		return 1;
	json_array_foreach (json_object_get(doc, "layers"), i, layer) {
		snprintf(path, sizeof path, "%s/blobs/sha256/%s", layout,
			 json_string_value(json_object_get(layer, "digest")) + 7);
		n += access(path, F_OK) != 0;
	}
	json_decref(doc);
	return n;
}

static int n_blobs(const char *layout)
{
	char command[PATH_MAX + 64], out[16] = "-1";
	FILE *f;

	snprintf(command, sizeof command, "ls -A '%s/blobs/sha256' | wc -l", layout);
	f = popen(command, "r");
	if (f == NULL || fgets(out, sizeof out, f) == NULL)
		ET_OK(0, "cannot count blobs");
	pclose(f);
	return atoi(out);
}

static void t_several_at_once(struct et_workers *workers)
{
	static struct build builds[N_BUILDS];
	pthread_t threads[N_BUILDS];

	for (int i = 0; i < N_BUILDS; i++) {
		prepare(&builds[i], workers, i + 1, "shared");
		builds[i].seed = (unsigned)i;
		pthread_create(&threads[i], NULL, build_rounds, &builds[i]);
	}
	for (int i = 0; i < N_BUILDS; i++) {
		pthread_join(threads[i], NULL);
		ET_IS_INT(builds[i].n_failed, 0, "builds into one layout at once");
	}
	for (int i = 0; i < N_BUILDS; i++)
		ET_IS_INT(n_missing(builds[i].layout, builds[i].result.digest), 0,
			  "the last image of each is whole");
	ET_IS_INT(n_blobs(builds[0].layout), 3 * N_BUILDS,
		  "and the store, being private, holds nothing else");
}

int main(void)
{
	struct et_workers *workers;

	et_probe_thread_self(ET_ROLE_WORKLOAD, "main");
	workers = et_workers_new(3, "pack", NULL);
	if (workers == NULL || et_io_tmpdir("test-image", tmp, sizeof tmp) != 0)
		return 1;
	t_references();
	t_created();
	t_architecture();
	t_documents();
	t_linktab();
	t_progress(workers);
	t_several_at_once(workers);
	et_workers_free(workers);
	et_io_rmtree(AT_FDCWD, tmp);
	return tap_done();
}
