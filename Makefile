# engine-top: one file, non-recursive.  `make help` lists the targets.
#
# Objects live in build/$(CONF)/, so that release and sanitizer builds stand side by side and
# never mix.  Sources are found by wildcard: adding a file needs no edit here.

CONF    ?= release
B       := build/$(CONF)
VERSION := 0.1.0
PREFIX  ?= /usr/local
DESTDIR ?=

ifeq ($(origin CC),default)
CC      := gcc
endif
AR      ?= ar
# A newer compiler knows warnings that we have not met: `make WERROR=` builds in spite of them.
WERROR  ?= -Werror
PKGS    := ncursesw libarchive libcrypto yaml-0.1 libdw jansson libzstd zlib
WARN    := -Wall -Wextra -Wpedantic -Wshadow -Wconversion -Wsign-conversion -Wstrict-prototypes \
           -Wmissing-prototypes -Wold-style-definition -Wundef -Wvla -Wformat=2 -Wcast-qual \
           -Wwrite-strings -Wpointer-arith -Wnull-dereference -Wimplicit-fallthrough $(WERROR)
# unwind tables: the profiler walks our own stacks; initial-exec: thread-local storage is read in
# a signal handler, where the general model may call malloc.
CFLAGS  ?= -O2 -g
BASE    := -std=gnu11 -D_GNU_SOURCE -D_FILE_OFFSET_BITS=64 -DET_VERSION='"$(VERSION)"' \
           -fasynchronous-unwind-tables -ftls-model=initial-exec \
           -fno-strict-aliasing -Iinclude -Isrc -Itests/lib
LDFLAGS_BASE := -pthread

SAN_release :=
SAN_asan    := -fsanitize=address,undefined -fno-sanitize-recover=all -fno-omit-frame-pointer
SAN_tsan    := -fsanitize=thread -fno-sanitize-recover=all
SAN := $(SAN_$(CONF))
# The sanitizers and valgrind (CONF=memcheck) own malloc: ours is compiled out there, and the heap
# panes say so.
ifneq ($(SAN)$(filter memcheck,$(CONF)),)
BASE += -DET_NO_INTERPOSE
else
BASE += -fstack-protector-strong $(if $(filter -O0,$(CFLAGS)),,-D_FORTIFY_SOURCE=2)
endif

SRC      := $(sort $(shell find src -name '*.c'))
LIB_SRC  := $(filter-out src/cli/main.c,$(SRC))
LIB_OBJ  := $(LIB_SRC:%.c=$(B)/%.o)
MAIN_OBJ := $(B)/src/cli/main.o
UNIT_SRC := $(sort $(wildcard tests/unit/test_*.c))
UNIT_BIN := $(UNIT_SRC:tests/unit/%.c=$(B)/unit/%)
HELP_SRC := $(sort $(wildcard tests/lib/*.c))
TOOL_BIN := $(HELP_SRC:tests/lib/%.c=$(B)/tool/%)
FUZZ_SRC := $(sort $(wildcard tests/fuzz/fuzz_*.c))
FUZZ_BIN := $(FUZZ_SRC:tests/fuzz/%.c=$(B)/fuzz/%)
BENCH_SRC := $(sort $(wildcard tests/bench/bench_*.c))
BENCH_BIN := $(BENCH_SRC:tests/bench/%.c=$(B)/bench/%)

.DEFAULT_GOAL := help
.SECONDARY:
.DELETE_ON_ERROR:
# No built-in rules: make would try each of them on every file.
MAKEFLAGS += -r
.SUFFIXES:

# Sub-makes of the commands below use all processors, unless -j was given.
JOBS = $(if $(filter -j% --jobserver%,$(MAKEFLAGS)),,-j$(shell nproc))

# ---- the two commands of the README ----------------------------------------------------------

.PHONY: run
run: ## install what is missing, build, open the dashboard on the default preset
	@sh scripts/install-deps.sh build
	@$(MAKE) --no-print-directory $(JOBS) all
	@$(B)/engine-top

.PHONY: test
test: ## install what is missing, build, run every fast test
	@sh scripts/install-deps.sh build test
	@$(MAKE) --no-print-directory $(JOBS) check

# ---- build ------------------------------------------------------------------------------------

.PHONY: all
all: $(B)/engine-top ## build the program

# pkg-config is asked once per configuration, not at every make; main.c has no say in this.
$(B)/config.mk: Makefile
	@mkdir -p $(@D)
	@pkg-config --exists --print-errors $(PKGS) || { \
	  echo "engine-top: libraries are missing; type: sudo sh scripts/install-deps.sh build" >&2; exit 3; }
	@{ echo "PKG_CFLAGS := $$(pkg-config --cflags $(PKGS))"; \
	   echo "PKG_LIBS := $$(pkg-config --libs $(PKGS))"; } > $@

ALL_CFLAGS = $(BASE) $(WARN) $(CPPFLAGS) $(CFLAGS) $(SAN) $(PKG_CFLAGS)
ALL_LIBS   = $(PKG_LIBS) -lm -ldl

# Files that hold a text and are touched only when it changes: what depends on them follows a
# change of flags, of PREFIX, or of the list of sources (a removed one must leave the archive).
# make -n and make -q only look.
letters = $(filter-out --%,$(firstword -$(MAKEFLAGS)))
only_look = $(findstring n,$(letters))$(findstring q,$(letters))
is_same = $(and $(findstring x$1x,x$2x),$(findstring x$2x,x$1x))
hold = $(if $(or $(only_look),$(call is_same,$(file <$1),$2)),,$(call write,$1,$2))
write = $(shell mkdir -p $(dir $1))$(file >$1,$2)

ifneq ($(filter-out help run test test-readers clean,$(or $(MAKECMDGOALS),help)),)
include $(B)/config.mk
$(call hold,$(B)/flags,$(CC) $(ALL_CFLAGS))
$(call hold,$(B)/prefix,$(PREFIX))
$(call hold,$(B)/objects,$(LIB_OBJ))
endif

$(B)/%.o: %.c $(B)/flags | $(B)/config.mk
	@mkdir -p $(@D)
	@$(if $(V),,echo "  CC    $<";) $(CC) $(ALL_CFLAGS) -MMD -MP -c $< -o $@

# Only one file knows where the program will live.
$(B)/src/base/datadir.o: BASE += -DET_PREFIX='"$(PREFIX)"'
$(B)/src/base/datadir.o: $(B)/prefix

$(B)/libengine-top.a: $(LIB_OBJ) $(B)/objects
	@rm -f $@
	@$(AR) rcs $@ $(LIB_OBJ)

$(B)/engine-top: $(MAIN_OBJ) $(B)/libengine-top.a
	@$(if $(V),,echo "  LD    $@";) $(CC) $(LDFLAGS_BASE) $(SAN) $(LDFLAGS) -o $@ $^ $(ALL_LIBS)

define link-one
	@mkdir -p $(@D)
	@$(CC) $(LDFLAGS_BASE) $(SAN) $(LDFLAGS) -o $@ $^ $(ALL_LIBS)
endef
$(B)/unit/%: $(B)/tests/unit/%.o $(B)/libengine-top.a
	$(link-one)
$(B)/tool/%: $(B)/tests/lib/%.o $(B)/libengine-top.a
	$(link-one)
$(B)/fuzz/%: $(B)/tests/fuzz/%.o $(B)/tests/fuzz/replay.o $(B)/libengine-top.a
	$(link-one)
$(B)/bench/%: $(B)/tests/bench/%.o $(B)/libengine-top.a
	$(link-one)

-include $(shell find $(B) -name '*.d' 2>/dev/null)

.PHONY: tests-bin
tests-bin: all $(UNIT_BIN) $(TOOL_BIN) $(FUZZ_BIN)

# ---- tests ------------------------------------------------------------------------------------

# A test is any executable that speaks TAP: build/CONF/unit/*, tests/*/*.t.  ET_BIN and ET_BUILD
# tell the scripts which build they test.
PROVE = ET_BUILD=$(B) ET_BIN="$(CURDIR)/$(B)/engine-top" prove -j2 --timer

SCRIPTS := $(sort $(foreach dir,fuzz cli sys golden fault,$(wildcard tests/$(dir)/*.t)))

.PHONY: check
check: tests-bin ## build and run every fast test (no installing)
	@$(PROVE) $(UNIT_BIN) $(SCRIPTS)

.PHONY: check-unit
check-unit: tests-bin ## unit tests only
	@$(PROVE) $(UNIT_BIN) $(wildcard tests/fuzz/*.t)

.PHONY: check-asan check-tsan check-valgrind
check-asan: ## the same tests under AddressSanitizer + UndefinedBehaviorSanitizer
	@$(MAKE) --no-print-directory $(JOBS) CONF=asan check
check-tsan: ## the same tests under ThreadSanitizer
	@$(MAKE) --no-print-directory $(JOBS) CONF=tsan check
check-valgrind: ## unit tests under valgrind memcheck
	@$(MAKE) --no-print-directory $(JOBS) CONF=memcheck memcheck

.PHONY: memcheck
memcheck: $(UNIT_BIN)
	@$(PROVE) --exec 'sh tests/lib/valgrind.sh' $(UNIT_BIN)

.PHONY: check-layers
check-layers: all ## prove who may include whom, from object symbols and dependency files
	@perl scripts/check-layers.pl $(B)

.PHONY: check-headers
check-headers: ## every prototype in include/ carries its contract tags
	@perl scripts/check-headers.pl include/engine-top/*.h

.PHONY: test-readers
test-readers: ## tests that need a heavy real reader; installs it
	@sh scripts/install-deps.sh build test readers
	@$(MAKE) --no-print-directory check-valgrind
	@$(MAKE) --no-print-directory $(JOBS) tests-bin
	@$(PROVE) $(sort $(wildcard tests/readers/*.t))

.PHONY: golden
golden: tests-bin ## rewrite the golden screens from what the program draws now; read the diff!
	@ET_GOLDEN_UPDATE=1 $(PROVE) $(sort $(wildcard tests/golden/*.t))

.PHONY: bench
bench: all $(BENCH_BIN) ## measure; prints ratios taken in one run
	@for b in $(BENCH_BIN); do ET_BIN="$(CURDIR)/$(B)/engine-top" $$b || exit 1; done

# ---- the rest ---------------------------------------------------------------------------------

.PHONY: compdb
compdb: export ET_COMPILE := $(CC) $(ALL_CFLAGS)
compdb: ## compile_commands.json for editors
	@json() { printf '%s' "$$1" | sed 's/[\\"]/\\&/g'; }; \
	command=$$(json "$$ET_COMPILE"); directory=$$(json "$(CURDIR)"); sep='['; \
	for f in $(SRC) $(UNIT_SRC); do \
	  printf '%s\n{"directory": "%s", "file": "%s", "command": "%s -c %s"}' \
	    "$$sep" "$$directory" "$$f" "$$command" "$$f"; sep=','; \
	done > compile_commands.json; printf '\n]\n' >> compile_commands.json

SHARE = $(DESTDIR)$(PREFIX)/share
.PHONY: install
install: all ## install program, themes, examples, man pages under $(DESTDIR)$(PREFIX)
	install -d "$(DESTDIR)$(PREFIX)/bin" "$(SHARE)/engine-top/themes" \
	  "$(SHARE)/engine-top/examples" "$(SHARE)/man/man1"
	install -m 755 $(B)/engine-top "$(DESTDIR)$(PREFIX)/bin/"
	install -m 644 themes/*.yaml "$(SHARE)/engine-top/themes/"
	install -m 644 examples/*.yaml "$(SHARE)/engine-top/examples/"
	install -m 644 docs/man/*.1 "$(SHARE)/man/man1/"

ifneq ($(and $(filter clean,$(MAKECMDGOALS)),$(filter-out clean,$(MAKECMDGOALS))),)
$(error clean takes away what the other targets stand on: make clean && make $(filter-out clean,$(MAKECMDGOALS)))
endif
.PHONY: clean
clean: ## remove build/
	rm -rf build compile_commands.json

.PHONY: help
help: ## this list
	@echo "engine-top $(VERSION): make TARGET [CONF=release|asan|tsan]"
	@awk -F ':.*## ' '/^[a-z].*:.*## / { n = split($$1, t, " "); \
	  for (i = 1; i <= n; i++) printf "  %-16s %s\n", t[i], $$2 }' Makefile
