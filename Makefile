# error-recovery: everything a developer types. `make help` lists it.
SHELL := /bin/bash
.DEFAULT_GOAL := help

PYTHON ?= python3
VENV   ?= .venv
BIN    := $(VENV)/bin
STAMP  := $(VENV)/.installed
JOBS   ?= $(shell expr $$(nproc) + 1)
WIRE   := $(wildcard proto/error_recovery/v1/*.proto)
INNER  := $(shell find proto/error_daemon -name '*.proto')

.PHONY: help
help: ## this list
	@awk -F':.*## ' '/^[a-z-]+:.*## / {printf "  \033[1mmake %-9s\033[0m %s\n", $$1, $$2}' $(MAKEFILE_LIST)
	@echo "  RUN_ARGS='--listen 127.0.0.1:50061 --http 127.0.0.1:8099 --port 18583 --var var2' runs beside another one; --once ends after the two recoveries."
	@echo "  JOBS=2 is how many tests run at once, of those that are not on hosts of their own; by itself one more than there are cores."
	@echo "  PYTHON=python3.12 chooses the interpreter for a new virtual environment; VENV=dir its place."

.PHONY: setup
setup: $(STAMP) ## the virtual environment with everything in it; the other targets call it

$(STAMP): pyproject.toml constraints.txt
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 10))' || { echo "error-recovery needs Python 3.10 or newer; $(PYTHON) is $$($(PYTHON) -V). Try: make PYTHON=python3.12 $(MAKECMDGOALS)"; exit 1; }
	@test -x $(BIN)/python || $(PYTHON) -m venv $(VENV) || { \
	  echo "no venv module; installing it"; rm -rf $(VENV); apt-get update -q && apt-get install -qy python3-venv && $(PYTHON) -m venv $(VENV); }
	$(BIN)/python -m pip install --quiet --disable-pip-version-check -c constraints.txt -e '.[dev]'
	@touch $@

.PHONY: run
run: setup ## start the daemon, break a real service, watch it come back, keep serving until Ctrl-C
	@$(BIN)/python examples/first_recovery/run.py $(RUN_ARGS)

.PHONY: services
services: ## as root: install the services that tests/shipped breaks and sees recovered, other peers, a browser; none is started
	@sh tests/box/install_services.sh
	@sh tests/node/install.sh tests/rpc/wire/grpc_js $(VENV)/grpc_js
	@sh tests/node/install.sh tests/e2e/sentry_node $(VENV)/sentry_node
	@sh tests/node/install.sh tests/e2e/otlp_node $(VENV)/otlp_node
	@sh tests/node/install.sh examples/clients/node $(VENV)/client_example
	@sh tests/node/install.sh tests/browser/axe $(VENV)/axe

.PHONY: test
test: setup services ## all tests; the engine's with their branch coverage, which must be complete
	$(BIN)/python -m pytest -n $(JOBS) tests/core --cov=error_daemon.core --cov-branch --cov-fail-under=100
	$(BIN)/python -m pytest -n $(JOBS) --dist worksteal --ignore=tests/core --ignore=tests/box --ignore=tests/shipped --ignore=tests/browser $(TEST_ARGS)
	$(BIN)/python -m pytest -n $(JOBS) --dist worksteal tests/browser # by themselves: playwright leaves a running loop in its process
	$(BIN)/python -m pytest -n 2 --dist loadfile tests/box tests/shipped # hosts with a systemd: each file in order, and no threads of others

.PHONY: check
check: setup ## ruff, mypy --strict, import-linter, generated files current
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy
	$(BIN)/mypy etc/recovery/scripts/clean-oldest
	$(BIN)/lint-imports
	@$(MAKE) --no-print-directory generated-current

.PHONY: proto
proto: setup ## generate the Python stubs from proto/, and the OpenAPI document
	$(call generate,client,daemon)
	$(BIN)/python -m tests.web.written_openapi

.PHONY: openapi
openapi: setup ## generate the OpenAPI document of the REST API, from its table and proto/
	$(BIN)/python -m tests.web.written_openapi

.PHONY: schema
schema: setup ## generate the JSON Schema of the definitions, and the tables of docs/definitions.md
	$(BIN)/python -m error_daemon.definitions.schema.generate > etc/recovery/schema.json.new && mv etc/recovery/schema.json.new etc/recovery/schema.json
	$(BIN)/python -m tests.definitions.reference

# $(1) where the stubs of the public contract go, $(2) where the daemon's private ones go.
define generate
	$(BIN)/python -m grpc_tools.protoc -Iproto --plugin=protoc-gen-mypy=$(BIN)/protoc-gen-mypy --plugin=protoc-gen-mypy_grpc=$(BIN)/protoc-gen-mypy_grpc \
	  --python_out=$(1) --grpc_python_out=$(1) --mypy_out=quiet:$(1) --mypy_grpc_out=quiet:$(1) $(WIRE)
	$(BIN)/python -m grpc_tools.protoc -Iproto --plugin=protoc-gen-mypy=$(BIN)/protoc-gen-mypy \
	  --python_out=$(2) --mypy_out=quiet:$(2) $(INNER)
endef

.PHONY: generated-current
generated-current: setup
	@rm -rf $(VENV)/drift && mkdir -p $(VENV)/drift
	$(call generate,$(VENV)/drift,$(VENV)/drift)
	@cd $(VENV)/drift && for f in $$(find . -type f); do \
	  for home in client daemon; do test -e ../../$$home/$$f && { cmp -s $$f ../../$$home/$$f || { echo "$$home/$$f is not what proto/ says: run make proto"; exit 1; }; }; done; \
	  test -e ../../client/$$f -o -e ../../daemon/$$f || { echo "$$f is missing: run make proto"; exit 1; }; done; true
	@$(BIN)/python -m error_daemon.definitions.schema.generate | cmp -s - etc/recovery/schema.json || { echo "etc/recovery/schema.json is not what the models say: run make schema"; exit 1; }
	@$(BIN)/python -m tests.web.written_openapi --print | cmp -s - daemon/error_daemon/web/api/openapi.json || { echo "web/api/openapi.json is not what the API is: run make openapi"; exit 1; }
	@echo "generated files are current"

.PHONY: bench
bench: setup $(VENV)/.bench ## what it costs, beside a bare grpc.aio echo; BENCH_ARGS=own, lag, ingest, peers, dispatch, flood, growth, engine, policy, bound, log, restart, receivers, dashboards, sensors, paint or hooks for one; results in bench/results/
	$(BIN)/python bench/run.py $(BENCH_ARGS)

$(VENV)/.bench: pyproject.toml constraints.txt | $(STAMP)
	$(BIN)/python -m pip install --quiet --disable-pip-version-check -c constraints.txt -e '.[bench]'
	@touch $@

SEEDS ?= 1000
.PHONY: simulate
simulate: setup ## SEEDS=1000 hours of simulated storm; the first broken promise is made small and shown
	@$(BIN)/python -m tests.simulation.run --seeds $(SEEDS) $(SIMULATE_ARGS)

SECONDS ?= 600
TARGET ?= wire
.PHONY: fuzz
fuzz: setup ## SECONDS=600 of made-up bytes to TARGET=wire, or another of tests/fuzz (atheris, where there is a build of it for this Python)
	@$(BIN)/python -c 'import atheris' 2>/dev/null || $(BIN)/python -m pip install --quiet --disable-pip-version-check 'atheris==3.0.0'
	@$(BIN)/python -m tests.fuzz.run $(TARGET) --seconds $(SECONDS)

INSTALLING = DESTDIR='$(DESTDIR)' PREFIX='$(PREFIX)' PYTHON='$(INSTALL_PYTHON)'
.PHONY: install
install: ## as root: program, unit and configuration on this host (docs/install.md); WHEELS=dir where there is no network
	@$(INSTALLING) WHEELS='$(WHEELS)' install/install.sh

.PHONY: uninstall
uninstall: ## as root: all of that gone, but for configuration and state
	@$(INSTALLING) install/uninstall.sh

.PHONY: wheels
wheels: ## what an installation needs from the network, into WHEELS=dist/wheels
	@$(INSTALLING) install/wheels.sh '$(or $(WHEELS),dist/wheels)'

.PHONY: deb
deb: ## the same as a Debian package, into dist/
	@$(INSTALLING) WHEELS='$(WHEELS)' install/deb.sh

.PHONY: clean
clean: ## remove what make made
	rm -rf $(VENV) var build dist .mypy_cache .ruff_cache .pytest_cache .hypothesis .import_linter_cache
