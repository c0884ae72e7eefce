# The commands of this repository. `make` alone lists them.

PUBLISHER ?= OpenKeyVault
TYPE ?= KeyVaultForLinux
# The version comes from Cargo.toml.
# release: what is shipped. dev: quick to build again, checks for overflows; for tests.
PROFILE ?= release
# Where make install puts things; DESTDIR stands in front of it.
PREFIX ?= /usr/local
UNITS ?= $(PREFIX)/lib/systemd/system
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

.PHONY: help
help: ## list the targets
	@sed -n 's/^\([a-z-]*\):.*## /\1\t/p' $(MAKEFILE_LIST) | expand -t 16

.PHONY: prerequisites
prerequisites: ## install what build, tests and demo need (Debian-like machines, root)
	@scripts/prerequisites.sh
	@scripts/guest-agent.sh >/dev/null

.PHONY: build
build: ## build the two programs
	cargo build --profile $(PROFILE) --locked $(PROGRAMS)

.PHONY: package
package: build ## build and pack target/package/PUBLISHER.TYPE-VERSION.zip
	@scripts/package.py --publisher $(PUBLISHER) --type $(TYPE) \
	    --programs $(shell uname -m)=$(BUILT) --output $(PACKAGES)

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

.PHONY: lint
lint: ## check the format, and clippy's warnings as errors
	cargo fmt --check
	cargo clippy --workspace --all-targets --locked -- -D warnings

.PHONY: demo
demo: prerequisites package ## watch the guest agent install, rotate and remove certificates
	cargo build --locked -p fake-azure
	@scripts/demo.py

.PHONY: bench
bench: prerequisites package ## compare a pass over 100 certificates with curl and openssl
	cargo build --release --locked -p fake-azure
	@scripts/bench.py

.PHONY: clean
clean: ## remove what was built and fetched
	cargo clean
