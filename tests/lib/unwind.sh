# SPDX-License-Identifier: Apache-2.0
#
# For tests/*/unwind.t, which source it after tap.sh: the unwinder beside backtrace() in real
# programs (unwindcheck.c).
[ "$(uname -m)" = x86_64 ] || skip_all "no tables on $(uname -m)"

agent=src/profiler/agent
${CC:-gcc} -std=gnu11 -D_GNU_SOURCE -O2 -g -shared -fPIC -pthread -ftls-model=initial-exec \
	-fasynchronous-unwind-tables -fno-strict-aliasing -DUNWINDCHECK_PRELOAD -Iinclude -Isrc \
	-o "$tmp/unwindcheck.so" tests/lib/unwindcheck.c $agent/unwind.c $agent/ehset.c \
	$agent/ehtable.c $agent/ehcfa.c $agent/ehexpr.c src/base/pages.c -ldl -lrt
ok $? "the oracle compiles"

watched() { # COMMAND...: with the oracle in it; counts go to the current $set
	UNWINDCHECK_OUT=$tmp/$set UNWINDCHECK_HZ=${hz:-4000} LD_PRELOAD=$tmp/unwindcheck.so "$@"
}

judge() { # MIN LATE NAME: what the commands of $set gave
	"$ET_BUILD/tool/unwindcheck" "$1" "$2" "$tmp/$set".* >"$tmp/judged" 2>&1
	ok $? "$3: every stack is backtrace()'s"
	sed 's/^\(# \)*/# /' "$tmp/judged"
}

cc1=$(gcc -print-prog-name=cc1 2>/dev/null)
compile() { # FILE.c OPTIMIZATION
	gcc -E -std=gnu11 -D_GNU_SOURCE -DET_PREFIX='"/usr"' -Iinclude -Isrc "$1" -o "$tmp/one.i" &&
		watched "$cc1" -quiet -std=gnu11 "$2" "$tmp/one.i" -o "$tmp/one.s"
}

sql() { # ROWS: a job for sqlite3
	cat <<-END
	create table t(a integer primary key, b text, c real);
	with recursive n(i) as (select 1 union all select i + 1 from n where i < $1)
	insert into t select i, hex(randomblob(8)) || i, i * 1.5 from n;
	create index tb on t(b);
	select count(*), sum(c) from t where b like '%7F%';
	select count(*) from t t1 join t t2 on t1.b = t2.b;
	select json_group_array(json_object('a', a, 'b', b)) is null from t;
	END
}
