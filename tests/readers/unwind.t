#!/bin/sh
# SPDX-License-Identifier: Apache-2.0
#
# Ten thousand stacks and more of real programs, taken by the unwinder and by backtrace() from
# the same interrupted context: frame by frame the same, to the end, in 100.0 % of them.  Only
# code that a library runs while it is still being loaded (its constructors) may be unknown, and
# then the unwinder must say so.
. tests/lib/tap.sh
. tests/lib/unwind.sh

set=cc1
for file in src/base/*.c src/profiler/agent/*.c; do
	compile "$file" -O2
done
judge 2000 0 "the compiler, at all our files"

set=bsdtar
watched bsdtar -czf "$tmp/tree.tgz" src docs tests /usr/share/perl
watched bsdtar --zstd --options zstd:compression-level=15,zstd:threads=2 -cf "$tmp/tree.tzst" src docs tests
watched bsdtar -tf "$tmp/tree.tgz" >/dev/null
judge 2000 0 "bsdtar, with gzip and with zstd in threads"

set=sqlite
sql 300000 | watched sqlite3 :memory: >/dev/null
judge 2000 0 "sqlite3"

# hand-written vector code with unwind information that only expressions can say
set=openssl
for cipher in sha256 sha3-256 aes-256-gcm aes-256-xts aes-128-cbc chacha20-poly1305; do
	watched openssl speed -seconds 1 -bytes 4096 -evp "$cipher" >/dev/null 2>&1
done
watched openssl speed -seconds 1 rsa2048 ecdsap256 ecdhx25519 >/dev/null 2>&1
watched openssl genrsa -out "$tmp/key" 4096 2>/dev/null
judge 2000 0 "openssl"

cat >"$tmp/job.py" <<'END'
import json, re, hashlib, threading, zlib
def fib(n): return n if n < 2 else fib(n - 1) + fib(n - 2)
def work():
    for i in range(4):
        s = json.dumps({str(j): [j] * 3 for j in range(20000)})
        json.loads(s); re.findall(r'\d+', s); zlib.compress(s.encode())
        hashlib.sha256(s.encode()).hexdigest()
    fib(22)
    sorted([(-x * 7919) % 10007 for x in range(100000)], key=str)
threads = [threading.Thread(target=work) for _ in range(3)]
for t in threads: t.start()
for t in threads: t.join()
END
set=python
watched /usr/bin/python3 "$tmp/job.py"
judge 2000 20 "python3, with threads and extension modules"

# a plugin that comes and goes while its code runs
cat >"$tmp/plugin.c" <<'END'
#include <stdlib.h>
static int by_int(const void *a, const void *b) { return *(const int *)a - *(const int *)b; }
int plugin_work(int n)
{
	static int v[5000];
	for (int round = 0; round < n; round++) {
		for (int i = 0; i < 5000; i++) v[i] = i * 7919 % (5003 + round);
		qsort(v, 5000, sizeof v[0], by_int);
	}
	return v[0];
}
END
cat >"$tmp/loop.c" <<'END'
#include <dlfcn.h>
#include <pthread.h>
#include <stdlib.h>
static void *loop(void *name)
{
	for (int i = 0; i < 60; i++) {
		void *plugin = dlopen(name, RTLD_NOW);
		int (*work)(int) = plugin ? (int (*)(int))dlsym(plugin, "plugin_work") : NULL;
		if (work == NULL) exit(1);
		work(20);
		dlclose(plugin);
	}
	return NULL;
}
int main(int argc, char **argv)
{
	pthread_t t;
	(void)argc;
	pthread_create(&t, NULL, loop, argv[1]);
	loop(argv[2]);
	pthread_join(t, NULL);
	return 0;
}
END
gcc -O2 -shared -fPIC "$tmp/plugin.c" -o "$tmp/one.so" &&
	gcc -O1 -fomit-frame-pointer -shared -fPIC -DPAD "$tmp/plugin.c" -o "$tmp/two.so" &&
	gcc -O2 "$tmp/loop.c" -o "$tmp/loop" -pthread -ldl
ok $? "a program that loads and unloads compiles"
set=dlopen
watched "$tmp/loop" "$tmp/one.so" "$tmp/two.so"
ok $? "  it runs"
judge 1000 5000 "  its plugins are known or said to be unknown"

"$ET_BUILD/tool/unwindcheck" 10000 10 "$tmp"/cc1.* "$tmp"/bsdtar.* "$tmp"/sqlite.* "$tmp"/openssl.* \
	"$tmp"/python.* >"$tmp/judged" 2>&1
ok $? "at least 10,000 samples: $(tail -n 1 "$tmp/judged")"

finish
