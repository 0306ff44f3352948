# msgext: in-database messaging for PostgreSQL.
#
#   make            build the extension          make demo    see it work, from nothing
#   make install    put it where pg_config says  make test    everything that is checked
#
# The other targets are listed by "make help". "make demo", "make test" and their parts
# install the packages they need (script/require.sh), as root or through sudo; "make" and
# "make install" only say which are missing.

EXTENSION = msgext msgext_test
version_of = $(shell sed -n "s/^default_version = '\(.*\)'/\1/p" $(1).control)
SCRIPT = msgext--$(call version_of,msgext).sql
TEST_SCRIPT = msgext_test--$(call version_of,msgext_test).sql

# A provider is a folder; everything that lists them is made from these names.
PROVIDERS = $(patsubst src/providers/%/,%,$(sort $(wildcard src/providers/*/)))

CORE_SOURCES = $(filter-out src/core/arena_std.c,$(wildcard src/core/*.c))
PROVIDER_SOURCES = $(wildcard src/providers/*/*.c)
NET_SOURCES = $(wildcard src/net/*.c)
PG_SOURCES = $(wildcard src/pg/*.c src/pg/*/*.c)

# Which PostgreSQL, and whether with the listener for callbacks, which takes libmicrohttpd:
# make PG_CONFIG=/path/to/pg_config LISTENER=no. "make install" puts in what was built, and
# "make uninstall" takes it out: sudo hands them no environment, so they ask the last build.
built = $(patsubst $(1)=%,%,$(filter $(1)=%,$(shell cat build/settings 2>/dev/null)))
ifneq ($(filter install uninstall,$(MAKECMDGOALS)),)
PG_CONFIG ?= $(or $(call built,PG_CONFIG),pg_config)
LISTENER ?= $(or $(call built,LISTENER),yes)
endif
PG_CONFIG ?= pg_config
LISTENER ?= yes
LISTENER_SOURCES = $(addprefix src/net/,endpoint.c http_head.c http_link.c http_listener.c http_reply.c http_request.c \
		listen_socket.c) \
	$(addprefix src/pg/process/,console.c http_service.c listen_token.c listener.c scrape.c)
ifeq ($(LISTENER),yes)
LISTENER_LIBS = libmicrohttpd
LISTENER_CPPFLAGS = -DMSGEXT_LISTENER
else
override NET_SOURCES := $(filter-out $(LISTENER_SOURCES),$(NET_SOURCES))
override PG_SOURCES := $(filter-out $(LISTENER_SOURCES),$(PG_SOURCES))
endif

# Message types of providers that speak protobuf; C is made of them when building.
PROTOS = $(shell find proto -name '*.proto')
PROTO_SOURCES = $(PROTOS:proto/%.proto=build/proto/%.pb-c.c)

MODULE_big = msgext
OBJS = $(patsubst %.c,%.o,$(PG_SOURCES) $(NET_SOURCES) $(PROVIDER_SOURCES) $(CORE_SOURCES) \
	$(PROTO_SOURCES)) build/provider_list.o build/static_files.o
# Steps between released versions.
DATA = $(wildcard sql/msgext--*--*.sql sql/msgext_test--*--*.sql)
DATA_built = $(SCRIPT) $(TEST_SCRIPT)
EXTRA_CLEAN = build msgext--*.sql msgext_test--*.sql

REGRESS = objects servers post operation locks status control dispatch callback webhook privileges store diadoc edna personium \
	rights identity hostile look feed mistakes privacy copied statistics breaker payload node template notify template_times notify_row template_hostile testing rehearsal install extremes
# In its own folder: beside where it writes, pg_regress takes sql/NAME.sql for the test.
REGRESS_OPTS = --inputdir=test/regress --outputdir=build/installcheck --load-extension=msgext --encoding=UTF8
ISOLATION = cancel retry callback operation dispatch feed many template
ISOLATION_OPTS = --inputdir=test --load-extension=msgext --encoding=UTF8

# "make installcheck" meets whatever server runs. Where it has a worker, what looks at
# messages on their way would not find them: these do not.
REGRESS_BESIDE_WORKER = objects servers post operation locks callback diadoc edna personium mistakes payload testing \
	rehearsal install
ifneq ($(filter installcheck,$(MAKECMDGOALS)),)
ifneq ($(findstring msgext,$(shell "$$($(PG_CONFIG) --bindir)/psql" -XAt -d postgres \
	-c 'SHOW shared_preload_libraries' 2>/dev/null)),)
REGRESS := $(filter $(REGRESS_BESIDE_WORKER),$(REGRESS))
ISOLATION :=
endif
endif

# Debian's hardening for every object, whatever PostgreSQL itself was built with. Exported
# is what PostgreSQL looks up by name; before 16 its headers do not say so themselves.
HARDENING = -fstack-protector-strong -D_FORTIFY_SOURCE=2 -Wformat -Werror=format-security
EXPORTS = -fvisibility=hidden '-DPGDLLEXPORT=__attribute__((visibility("default")))'

PG_CPPFLAGS = -Isrc $(LISTENER_CPPFLAGS) $(shell pkg-config --cflags libcurl 2>/dev/null)
PG_CFLAGS = -std=gnu11 $(HARDENING) $(EXPORTS) -Wall -Wextra -Werror -Wno-unused-parameter -Wno-sign-compare \
	-Wno-missing-field-initializers -Wno-clobbered \
	-Wno-declaration-after-statement
# The server's own flags are those of its gcc.
ifneq ($(findstring clang,$(CC)),)
PG_CFLAGS += -Wno-unknown-warning-option -Wno-ignored-optimization-argument \
	-Wno-ignored-attributes
endif
SHLIB_LINK = -Wl,-z,relro -Wl,-z,now $(shell pkg-config --libs libcurl libssl libcrypto libprotobuf-c libxml-2.0 $(LISTENER_LIBS) 2>/dev/null)

# --coverage, by script/coverage.sh.
COVERAGE ?=
PG_CFLAGS += $(COVERAGE)
SHLIB_LINK += $(COVERAGE)

# Bitcode for inlining into queries: nothing of ours is worth it, and it doubles the build.
override with_llvm = no

PGXS := $(wildcard $(shell $(PG_CONFIG) --pgxs 2>/dev/null))
ifneq ($(PGXS),)
include $(PGXS)
else
all install:
	@script/require.sh --check build
endif

# Before the first file is compiled: what is missing is said once, in words.
require-build:
	@LISTENER=$(LISTENER) script/require.sh --check build
build/proto/.made: | require-build

# What the objects were compiled for: when that changes, they are compiled again. Written
# while reading, as PGXS makes every target secondary, so that none can be forced.
SETTINGS := $(strip PG_CONFIG=$(or $(shell command -v $(PG_CONFIG) || true),$(PG_CONFIG)) \
	LISTENER=$(LISTENER) VERSION=$(VERSION) CC=$(CC) CFLAGS=$(CFLAGS) $(COVERAGE))
ifeq ($(filter clean help print-%,$(MAKECMDGOALS)),)
ifneq ($(SETTINGS),$(strip $(file < build/settings)))
$(shell mkdir -p build)
$(file > build/settings,$(SETTINGS))
endif
endif
build/settings: ;

# The generated files include each other from build/proto, ours from the root.
PROTO_CFLAGS = -I. -Ibuild/proto $(shell pkg-config --cflags libprotobuf-c 2>/dev/null)
XML_CFLAGS = $(shell pkg-config --cflags libxml-2.0 2>/dev/null)
build/proto/.made: $(PROTOS)
	@mkdir -p build/proto
	@touch $@
	protoc-c --proto_path=proto --c_out=build/proto $(PROTOS) || { rm -f $@; exit 1; }
$(PROTO_SOURCES): build/proto/.made ;

# Only src/pg may see the server's headers: the others are compiled without their path,
# so that a forbidden include does not compile.
PURE_CFLAGS = -std=gnu11 -O2 -g -fno-omit-frame-pointer -Wall -Wextra -Werror $(HARDENING) -fPIC -fvisibility=hidden -Isrc \
	$(PROTO_CFLAGS) $(XML_CFLAGS) $(COVERAGE)
PURE_OBJS = $(patsubst %.c,%.o,$(NET_SOURCES) $(PROVIDER_SOURCES) $(CORE_SOURCES) \
	$(PROTO_SOURCES)) build/provider_list.o build/static_files.o
$(PURE_OBJS): %.o: %.c
	$(CC) $(PURE_CFLAGS) $(shell pkg-config --cflags libcurl $(LISTENER_LIBS) 2>/dev/null) -c -o $@ $<

HEADERS = $(wildcard src/*/*.h src/*/*/*.h) build/proto/.made
$(OBJS): $(HEADERS) build/settings

build/provider_list.c: Makefile $(wildcard src/providers/*)
	@mkdir -p build
	@{ echo '#include "core/provider_list.h"'; \
	  for p in $(PROVIDERS); do echo "extern const MsgProvider msgext_provider_$$p;"; done; \
	  echo 'const MsgProvider *const msgext_providers[] = {'; \
	  for p in $(PROVIDERS); do echo "	&msgext_provider_$$p,"; done; \
	  echo '	NULL};'; } > $@

# The console's page, as bytes of the library.
PAGE = $(sort $(wildcard console/*))
build/static_files.c: $(PAGE) script/embed.sh
	@mkdir -p build
	@script/embed.sh $(PAGE) > $@.new && mv $@.new $@

# The install scripts, one file a subject.
SQL_PARTS = begin defaults_away tables functions lookup rights views feed mistakes privacy show response statistics templates privileges inbox console
SQL_LAST_PARTS = install defaults_back
$(SCRIPT): $(SQL_PARTS:%=sql/%.sql) $(SQL_LAST_PARTS:%=sql/%.sql) sql/provider.sql.in Makefile \
		$(wildcard src/providers/* src/providers/*/*.sql)
	@{ cat $(SQL_PARTS:%=sql/%.sql); for p in $(PROVIDERS); do \
	  title=$$(sed -n 's/^\t*\.title = "\(.*\)",/\1/p' src/providers/$$p/$$p.c); \
	  sed "s/@NAME@/$$p/g; s/@TITLE@/$$title/g" sql/provider.sql.in; \
	  [ ! -f src/providers/$$p/$$p.sql ] || cat src/providers/$$p/$$p.sql; done; \
	  cat $(SQL_LAST_PARTS:%=sql/%.sql); } > $@

# What a library with a provider of its own is compiled with: the headers, and core as an
# archive, of which it takes what it uses (docs/adding-a-provider.md). Others than root read
# them, whatever its umask is.
CORE_ARCHIVE = build/libmsgext_core.a
CORE_HEADERS = $(wildcard src/core/*.h)
$(CORE_ARCHIVE): $(patsubst %.c,%.o,$(filter-out %/provider_list.c,$(CORE_SOURCES)))
	rm -f $@
	$(AR) crs $@ $^
all: $(CORE_ARCHIVE)

LIBRARY_HEADERS = '$(DESTDIR)$(includedir_server)/extension/msgext'
install: install-library
install-library: $(CORE_ARCHIVE)
	install -d $(LIBRARY_HEADERS)/core '$(DESTDIR)$(pkglibdir)'
	$(INSTALL_DATA) src/library/msgext.h $(LIBRARY_HEADERS)/
	$(INSTALL_DATA) $(CORE_HEADERS) $(LIBRARY_HEADERS)/core/
	$(INSTALL_DATA) $(CORE_ARCHIVE) '$(DESTDIR)$(pkglibdir)/'
uninstall: uninstall-library
uninstall-library:
	rm -f '$(DESTDIR)$(pkglibdir)/$(notdir $(CORE_ARCHIVE))' $(LIBRARY_HEADERS)/msgext.h \
		$(addprefix $(LIBRARY_HEADERS)/core/,$(notdir $(CORE_HEADERS)))
	-rmdir $(LIBRARY_HEADERS)/core $(LIBRARY_HEADERS)

SQL_TEST_PARTS = test/begin defaults_away test/case test/sent test/expect test/run test/reset test/privileges \
	defaults_back
$(TEST_SCRIPT): $(SQL_TEST_PARTS:%=sql/%.sql) Makefile
	@cat $(SQL_TEST_PARTS:%=sql/%.sql) > $@

# ---------------------------------------------------------------------------
# Everything below is for people: demo, tests, checks. Scripts install what is missing.
# ---------------------------------------------------------------------------

.DEFAULT_GOAL := all

SIMULATOR = build/simulator
SIMULATOR_LIBS = libmicrohttpd libcurl jansson libcrypto libxml-2.0
$(SIMULATOR): $(wildcard test/simulator/*.c test/simulator/*.h)
	@mkdir -p build
	$(CC) -std=gnu11 -O2 -g -Wall -Wextra -Werror $$(pkg-config --cflags $(SIMULATOR_LIBS)) \
		$(wildcard test/simulator/*.c) -o $@ $$(pkg-config --libs $(SIMULATOR_LIBS)) -lpthread

simulator: $(SIMULATOR)

# For end-to-end tests of applications: docs/simulator.md.
SIMULATOR_DIR ?= /usr/local/bin
install-simulator: $(SIMULATOR)
	install -D $(SIMULATOR) $(DESTDIR)$(SIMULATOR_DIR)/msgext-simulator

# The chaos driver's own provider, and its sessions: test/chaos/README.md.
CHAOS = build/chaos-peer build/chaos-writer
build/chaos-peer: $(wildcard test/chaos/*.[ch] test/chaos/peer/*.[ch])
build/chaos-writer: $(wildcard test/chaos/*.[ch] test/chaos/writer/*.[ch])
$(CHAOS):
	@mkdir -p build
	$(CC) -std=gnu11 -O2 -g -Wall -Wextra -Werror -I$$($(PG_CONFIG) --includedir) $(filter %.c,$^) -o $@ \
		-L$$($(PG_CONFIG) --libdir) -Wl,--as-needed -lpq

# What takes disk and memory away from one process of a server: test/fault/fault.c.
FAULT = build/fault.so
$(FAULT): test/fault/fault.c
	@mkdir -p build
	$(CC) -std=gnu11 -O2 -g -Wall -Wextra -Werror -fPIC -shared $< -o $@

# Codecs and pure functions, without a server, under the address and the undefined
# behaviour sanitizer. Their include path holds no server header.
UNIT = build/unit
UNIT_CFLAGS = -std=gnu11 -O1 -g -Wall -Wextra -Werror -Isrc -Itest $(PROTO_CFLAGS) \
	$(XML_CFLAGS) $(COVERAGE)
UNIT_LIBS = $(shell pkg-config --libs libprotobuf-c libxml-2.0 2>/dev/null) -lm
SANITIZE = -fsanitize=address,undefined -fno-sanitize-recover=all -fno-omit-frame-pointer
UNIT_SOURCES = $(CORE_SOURCES) src/core/arena_std.c $(PROVIDER_SOURCES) build/provider_list.c \
	$(PROTO_SOURCES) build/test/pb_kinds.pb-c.c

# A message with a field of every kind, for the converter's tests.
build/test/pb_kinds.pb-c.c: test/unit/pb_kinds.proto
	@mkdir -p build/test
	protoc-c --proto_path=test/unit --c_out=build/test $<

UNIT_NET_TESTS = $(wildcard test/unit/test_net*.c)
UNIT_TESTS = $(filter-out $(UNIT_NET_TESTS),$(wildcard test/unit/*.c))
$(UNIT): $(UNIT_SOURCES) $(UNIT_TESTS) $(wildcard test/unit/*.h) $(HEADERS)
	$(CC) $(UNIT_CFLAGS) $(SANITIZE) $(UNIT_SOURCES) $(UNIT_TESTS) -o $@ $(UNIT_LIBS)

# src/net with peers on loopback, under the same; its threads under the thread sanitizer.
UNIT_NET = build/unit_net
UNIT_NET_SOURCES = $(wildcard src/net/*.c) src/core/arena_std.c test/unit/test.c \
	$(UNIT_NET_TESTS)
UNIT_NET_PACKAGES = libcurl libssl libcrypto libmicrohttpd
UNIT_NET_FLAGS = -std=gnu11 -O1 -g -Wall -Wextra -Werror -Isrc -Itest \
	$(shell pkg-config --cflags $(UNIT_NET_PACKAGES) 2>/dev/null)
UNIT_NET_LIBS = $(shell pkg-config --libs $(UNIT_NET_PACKAGES) 2>/dev/null) -lpthread
$(UNIT_NET): $(UNIT_NET_SOURCES) $(wildcard test/unit/*.h) $(HEADERS)
	$(CC) $(UNIT_NET_FLAGS) $(SANITIZE) $(UNIT_NET_SOURCES) -o $@ $(UNIT_NET_LIBS)
$(UNIT_NET)_tsan: $(UNIT_NET_SOURCES) $(wildcard test/unit/*.h) $(HEADERS)
	$(CC) $(UNIT_NET_FLAGS) -fsanitize=thread $(UNIT_NET_SOURCES) -o $@ $(UNIT_NET_LIBS)

unit: require
	@$(MAKE) --no-print-directory $(UNIT) $(UNIT_NET) $(UNIT_NET)_tsan
	prove --exec '' ./$(UNIT) ./$(UNIT_NET)
	prove --exec '' ./$(UNIT_NET)_tsan :: thread

# Seconds for each of: make fuzz FUZZ_TIME=600
FUZZ_TIME ?= 10
FUZZ = build/fuzz_codec
FUZZ_SOURCES = test/fuzz/fuzz_codec.c test/unit/hostile.c
$(FUZZ): $(UNIT_SOURCES) $(FUZZ_SOURCES) test/unit/hostile.h $(HEADERS)
	clang $(UNIT_CFLAGS) -fsanitize=fuzzer,address,undefined -fno-sanitize-recover=all \
		$(UNIT_SOURCES) $(FUZZ_SOURCES) -o $@ $(UNIT_LIBS)

fuzz: require
	@$(MAKE) --no-print-directory $(FUZZ)
	script/fuzz.sh $(FUZZ) $(FUZZ_TIME)

# What the two above are made of compiles slowly: at once where make may do two things.
build-checks: $(UNIT) $(FUZZ)

require:
	@script/require.sh test
require-demo:
	@script/require.sh demo

check-layers: all
	@script/check-layers.sh
	@test/check_layers.sh

FORMATTED = $(wildcard src/*/*.[ch] src/*/*/*.[ch] test/*/*.[ch] test/*/*/*.[ch])
format check-format:
	@script/require.sh format
	@script/format.sh $@ $(FORMATTED)

regress: require build-all
	script/test.sh regress $(REGRESS)
isolation: require build-all
	script/test.sh isolation $(ISOLATION)
tap: require build-all
	script/test.sh tap $(TAP)

# Everything that is compiled for a server's tests, and put where pg_config says. The
# packages come first: this file has been read without them.
build-all: require-demo
	@+script/build.sh all $(SIMULATOR) $(CHAOS) $(FAULT)
	@+script/install.sh

test: require
	@script/test.sh all

demo: build-all
	@script/demo.sh
# psql in a throwaway database, with the simulator: the README's first message.
try: build-all
	@script/try.sh

# The console's page in Chromium. What that takes comes once, from Debian and npm; afterwards
# it is a part of "make test".
console-test: require-console build-all
	script/test.sh tap test/t/055_console_page.pl
.PHONY: console-test require-console screenshots
require-console: require
	@script/require.sh console
	@mkdir -p build/console-test
	@cp test/console/package.json test/console/package-lock.json build/console-test/
	@cd build/console-test && npm ci --no-audit --no-fund --silent
# Pictures of it for README and docs.
screenshots: require-console build-all
	@script/screenshots.sh

# The long proofs; each has a short form in "make test". Chaos takes KILLS=10000 (of all its
# clusters), SEED=1, CLUSTERS=2, MODES='sync async odd': test/chaos/README.md.
KILLS ?= 1000
chaos: require build-all
	MSGEXT_SOAK=1 MSGEXT_CHAOS_KILLS=$(KILLS) MSGEXT_CHAOS_SEED=$(SEED) \
		MSGEXT_CHAOS_CLUSTERS=$(CLUSTERS) MSGEXT_CHAOS_MODES="$(MODES)" \
		script/test.sh tap test/t/060_chaos.pl
soak: chaos
	MSGEXT_SOAK=1 script/test.sh tap test/t/052_listen_soak.pl test/t/090_soak.pl \
		test/t/091_edna_soak.pl test/t/092_nodes_soak.pl test/t/048_endpoints.pl

# The engine's rules in every order of events, and broken variants of them: docs/model.md.
model:
	@script/require.sh model
	@test/model/run.sh

# The yardsticks of the benchmark, then the benchmark: test/bench/README.md.
YARDSTICKS = build/ceiling build/pace build/trigger.so
build/ceiling: test/bench/ceiling.c
	@mkdir -p build
	$(CC) -std=gnu11 -O2 -g -Wall -Wextra -Werror $$(pkg-config --cflags libcurl) $< -o $@ \
		$$(pkg-config --libs libcurl)
build/pace: test/bench/pace.c
	@mkdir -p build
	$(CC) -std=gnu11 -O2 -g -Wall -Wextra -Werror -I$$($(PG_CONFIG) --includedir) $< -o $@ \
		-L$$($(PG_CONFIG) --libdir) -lpq

build/trigger.so: test/bench/trigger.c
	@mkdir -p build
	$(CC) -std=gnu11 -O2 -g -fPIC -shared -I$$($(PG_CONFIG) --includedir-server) $< -o $@

bench: require build-all
	@$(MAKE) --no-print-directory $(YARDSTICKS)
	@script/bench.sh $(BENCH)
bench-quick: require build-all
	@$(MAKE) --no-print-directory $(YARDSTICKS)
	@script/bench.sh quick
# Does a message cost more processor time than docs/benchmarks.md says?
bench-guard: require build-all
	@$(MAKE) --no-print-directory $(YARDSTICKS)
	@script/bench.sh --guard

# The same on a server with assertions: built once into a cache, PostgreSQL takes minutes.
cassert: require
	@script/cassert.sh

# Which lines of src the tests run.
coverage: require
	@script/coverage.sh

# What is handed out: the sources as they are committed, under the rules of META.json.
DIST = msgext-$(shell sed -n 's/^   "version": "\(.*\)",/\1/p' META.json)
check-meta:
	@script/check-meta.pl
dist: check-meta
	@mkdir -p build
	git archive --format=zip --prefix=$(DIST)/ -o build/$(DIST).zip HEAD

# Debian's packages, built in one root and tried in another (script/packages.sh).
packages:
	@script/packages.sh

# Both commands of the README on fresh Debian systems (FRESH, COMMANDS: script/fresh.sh).
fresh:
	@script/fresh.sh
# Every major version of PostgreSQL that Debian has (MATRIX, STEPS: script/matrix.sh).
matrix:
	@script/matrix.sh

# Both designs for Citus, where it is installed: docs/scaling.md.
scaling: require
	@script/scaling.sh

help:
	@sed -n 's/^# *make /make /p' Makefile; \
	echo 'unit fuzz regress isolation tap console-test: parts of make test'; \
	echo 'check-layers check-format format try simulator install-simulator bench bench-quick bench-guard chaos soak model cassert coverage fresh matrix scaling dist packages screenshots'

.PHONY: install-library uninstall-library simulator install-simulator unit fuzz require check-layers format check-format regress isolation tap \
	build-all build-checks test demo try help bench bench-quick bench-guard soak chaos model scaling cassert coverage

print-%:
	@echo $($*)
