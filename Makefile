# SPDX-License-Identifier: LGPL-2.1-or-later
# A few verbs over meson. `make help` lists them.
BUILD    ?= build
PREFIX   ?= /usr/local
PYTHON   := /usr/bin/python3
MESON     = meson
JOBS     := $(shell nproc)

.PHONY: all help deps build demo test check check-asan check-tsan fuzz bench format format-check install uninstall clean size
all: build

help:
	@echo "make demo           install what is missing, build, and show it work"
	@echo "make test           install what is missing, build, and run the suite"
	@echo "make                build into $(BUILD)/"
	@echo "make install        PREFIX=/usr/local DESTDIR=, see docs/install.md; make uninstall takes it away again"
	@echo "make check          the unit tests only"
	@echo "make check-asan     the suite under AddressSanitizer and UBSan"
	@echo "make check-tsan     rpc and daemon under ThreadSanitizer"
	@echo "make fuzz           the fuzz targets, FUZZ_SECONDS each (default 10)"
	@echo "make bench          numbers beside the incumbent and the bare limit (root); ONLY=calls,open ROUNDS=3; the groups are:"
	@echo "                    $(shell sed -n 's/^    "\([a-z]*\)": Group.*/\1/p' bench/groups.py)"
	@echo "make format         clang-format over the tree"
	@echo "make deps           what the build and the tests need, by apt"

deps:
	@packaging/deps

build: deps
	@test -f $(BUILD)/build.ninja || $(MESON) setup $(BUILD) --prefix=$(PREFIX)
	@ninja -C $(BUILD) -j $(JOBS)

demo: build
	@FL_BUILD=$(abspath $(BUILD)) tests/demo

test: build format-check
	@FL_BUILD=$(abspath $(BUILD)) tests/run

check: build
	@$(MESON) test -C $(BUILD) --suite unit --print-errorlogs

check-asan: deps
	@test -f build-asan/build.ninja || $(MESON) setup build-asan --prefix=$(PREFIX) \
	    -Db_sanitize=address,undefined -Db_lundef=false -Dbuildtype=debugoptimized
	@ninja -C build-asan -j $(JOBS)
	@FL_BUILD=$(abspath build-asan) FL_SANITIZE=address tests/run

check-tsan: deps
	@test -f build-tsan/build.ninja || $(MESON) setup build-tsan --prefix=$(PREFIX) \
	    -Db_sanitize=thread -Db_lundef=false -Dbuildtype=debugoptimized
	@ninja -C build-tsan -j $(JOBS)
	@FL_BUILD=$(abspath build-tsan) FL_SANITIZE=thread tests/run

fuzz: deps
	@test -f build-fuzz/build.ninja || CC=clang $(MESON) setup build-fuzz -Dfuzz=true -Dtests=true \
	    -Db_sanitize=address,undefined -Db_lundef=false
	@ninja -C build-fuzz -j $(JOBS)
	@FL_BUILD=$(abspath build-fuzz) FUZZ_SECONDS=$(or $(FUZZ_SECONDS),10) tests/fuzz/run

bench: deps
	@test -f build-bench/build.ninja || $(MESON) setup build-bench --buildtype=release -Dtests=true
	@ninja -C build-bench -j $(JOBS)
	@FL_BUILD=$(abspath build-bench) $(PYTHON) bench/bench.py $(if $(ONLY),--only $(ONLY)) $(if $(ROUNDS),--rounds $(ROUNDS))

install: build
	@DESTDIR="$(DESTDIR)" $(MESON) configure $(BUILD) -Dprefix=$(PREFIX) >/dev/null
	@DESTDIR="$(DESTDIR)" $(MESON) install -C $(BUILD)
	@test -n "$(DESTDIR)" || echo "Installed below $(PREFIX). What to run then, and what a libvirt already here makes of it: docs/install.md"

uninstall: # what the last install into this build's prefix has put there
	@ninja -C $(BUILD) uninstall

SOURCES = git ls-files -co --exclude-standard '*.c' '*.h'
format:
	@$(SOURCES) | xargs clang-format -i

format-check:
	@$(SOURCES) | xargs clang-format --dry-run --Werror

clean:
	rm -rf build build-asan build-tsan build-fuzz build-bench

size:
	@git ls-files '*.c' '*.h' '*.py' | xargs wc -l | sort -rn | head -20
