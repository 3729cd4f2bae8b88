# SPDX-License-Identifier: MIT
# A thin face over Meson. Packagers: use Meson directly (meson setup, meson compile, meson install).
# Every target installs what it needs on Debian first; with everything there, it works without a network.

BUILD ?= build
SECONDS ?= 30
ROUNDS ?= 7
RESTARTS ?= 100
PREFIX ?= /usr/local
ASAN = $(BUILD)-asan
FUZZ = $(BUILD)-fuzz
WINDOWS = $(BUILD)-windows

all: build

help:
	@echo 'make demo          five short acts on the real kernel: why a port is in use (needs root)'
	@echo 'make check         every test, in four builds: ordinary, sanitizers, without optional parts, clang'
	@echo '                   WITH="tsan fuzz page cross kernels lint windows": those too, or some of them, beside the others'
	@echo 'make test          the tests of the ordinary build alone'
	@echo 'make build         the program and the library, in $(BUILD)/'
	@echo 'make install       into PREFIX ($(PREFIX)); DESTDIR is respected'
	@echo 'make asan          tests with AddressSanitizer and UndefinedBehaviorSanitizer'
	@echo 'make tsan          with ThreadSanitizer, the tests of what has threads'
	@echo 'make fuzz          every fuzz target for SECONDS=$(SECONDS) each'
	@echo 'make bench-run     what inuse run costs (ROUNDS=$(ROUNDS)), and RESTARTS=$(RESTARTS) of each server (needs root; 15 min)'
	@echo 'make bench         inuse beside ss, lsof, fuser, netstat, nginx, a million sockets (needs root; 10 min)'
	@echo 'make soak          CONNECTIONS=1000000 to inuse serve, and what it has kept of them'
	@echo 'make check-page    the page of inuse lab --html in a headless Chromium: links, contrast, phones'
	@echo 'make check-cross   the unit tests on 64-bit ARM, on big-endian IBM Z and with musl'
	@echo 'make check-kernels the live tests on Linux 6.1 and 6.12, and without BPF, under emulation'
	@echo 'make lint          clang -Wcomma, cppcheck, clang-tidy, clang-format'
	@echo 'make windows       inuse.exe in build-windows/, with mingw-w64'
	@echo 'make check-windows its tests, under Wine'
	@echo 'make pot           po/inuse.pot, the sentences for translators'
	@echo 'make clean         removes the build folders'

build:
	@tools/setup build
	@test -d $(BUILD) || meson setup $(BUILD) --prefix $(PREFIX)
	@ninja -C $(BUILD)

demo: build
	@BUILD=$(BUILD) tools/demo

check:
	@tools/setup build test $(WITH) $(if $(filter windows,$(WITH)),wine)
	@BUILD=$(BUILD) tools/check ordinary asan small clang $(if $(WITH),-- $(WITH))

check-page:
	@tools/setup build test page
	@BUILD=$(BUILD) tools/check page

check-cross:
	@tools/setup build test cross
	@BUILD=$(BUILD) tools/check cross

check-kernels:
	@tools/setup build test kernels
	@BUILD=$(BUILD) tools/check kernels

test:
	@tools/setup build test
	@test -d $(BUILD) || meson setup $(BUILD) --prefix $(PREFIX)
	@ninja -C $(BUILD)
	@meson test -C $(BUILD) --no-rebuild --print-errorlogs --no-suite page

install: build
	@meson configure $(BUILD) -Dprefix=$(PREFIX) && ninja -C $(BUILD)
	@meson install -C $(BUILD) --no-rebuild

asan:
	@tools/setup build test
	@BUILD=$(BUILD) tools/check asan

tsan:
	@tools/setup build test
	@BUILD=$(BUILD) tools/check tsan

fuzz:
	@tools/setup build test fuzz
	@test -d $(FUZZ) || CC=clang meson setup $(FUZZ) -Dfuzz=true -Db_lundef=false
	@ninja -C $(FUZZ)
	@tools/fuzz $(FUZZ) $(SECONDS)

lint:
	@tools/setup build test lint
	@BUILD=$(BUILD) tools/check lint

# the ten minutes are those of a bare machine, with all that is installed first
bench:
	@began=$$(date +%s); tools/setup build bench && \
		{ test -d $(BUILD) || meson setup $(BUILD) --prefix $(PREFIX); } && \
		ninja -C $(BUILD) && \
		BEGAN=$$began BUILD=$(BUILD) tools/bench $(SOCKETS)

soak:
	@tools/setup build
	@test -d $(BUILD) || meson setup $(BUILD) --prefix $(PREFIX)
	@ninja -C $(BUILD)
	@$(BUILD)/bench/bench_load $(BUILD)/inuse soak $(CONNECTIONS)

bench-run:
	@tools/setup build bench
	@test -d $(BUILD) || meson setup $(BUILD) --prefix $(PREFIX)
	@ninja -C $(BUILD)
	@$(BUILD)/bench/bench_run $(BUILD)/inuse $(ROUNDS); status=$$?; \
		$(BUILD)/bench/bench_restart $(BUILD)/inuse $(RESTARTS) && exit $$status

windows:
	@tools/setup build windows
	@tools/windows-deps $(WINDOWS)/deps
	@test -f $(WINDOWS)/build.ninja || meson setup $(WINDOWS) --cross-file cross/x86_64-w64-mingw32.ini --cross-file $(WINDOWS)/deps/found.ini
	@ninja -C $(WINDOWS)

check-windows: build
	@tools/setup build windows wine
	@BUILD=$(BUILD) tools/check windows

pot:
	@tools/setup test
	@tools/pot po/inuse.pot

clean:
	rm -rf $(BUILD) $(BUILD)-*

.PHONY: all help build demo check check-page check-cross check-kernels test install asan tsan fuzz bench bench-run soak lint pot clean \
	windows check-windows
