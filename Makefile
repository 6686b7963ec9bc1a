# What people type. Each target is a few commands over CMakePresets.json; `make` alone lists them.
#
#   build/           quick: the programs in build/bin/        build/release/   the same, optimized at link time
#   build/test/      programs and tests, soon from nothing    build/dev/       the same, soon after a change
#   build/asan/ build/tsan/   tests with sanitizers
#   build/bench/     release with the benchmark's programs and the simulation          build/fuzz/
JOBS ?= $(shell nproc 2>/dev/null || echo 2)
SEEDS ?= 10000
FIRST ?= 1
FUZZ_SECONDS ?= 60
SANITIZED_SEEDS ?= 50
BACKEND ?= sqlite
KILLS ?= 1000
SEED ?= 1
STORES ?= 2

# The same source in another folder is the same object, with precompiled headers too.
export CCACHE_NOHASHDIR = 1
export CCACHE_BASEDIR = $(CURDIR)
export CCACHE_SLOPPINESS = pch_defines,time_macros

FUZZERS = request_parser response_parser multipart picture_head tls_stream tunnel

.DEFAULT_GOAL := help
.PHONY: help deps deps-all build release build-tests run up down test fresh sim fuzz chaos bench lint tidy format asan tsan clean

help: ## List the targets
	@awk -F ':.*## ' '/^[a-z-]+:.*## / {printf "  %-11s %s\n", $$1, $$2}' $(MAKEFILE_LIST)

deps: ## Install what Tidegate is built with (Debian 12; as root or with sudo), only what is missing
	@deploy/deps.sh build

deps-all: ## The same, with what the tests, lint, fuzz and bench need
	@deploy/deps.sh build test lint fuzz bench

build: deps ## The programs, optimized: build/bin/ (installs what it needs)
	@cmake --preset quick >/dev/null
	ninja -C build -j $(JOBS)

release: deps ## The same, optimized at link time, as in the images: build/release/bin/
	@cmake --preset release >/dev/null
	ninja -C build/release -j $(JOBS)

run: build ## Run optimizer, Tidegate and API on loopback, state in var/; Ctrl-C stops them
	@python3 deploy/run.py

# `docker compose`, or the older docker-compose, whichever is there.
COMPOSE ?= $(shell docker compose version >/dev/null 2>&1 && echo docker compose || echo docker-compose)
COMPOSE_FILES = -f docker-compose.yml $(if $(DEMO),-f deploy/compose.demo.yml)
up: ## Everything in containers, on loopback: DEMO=1 the optimizer may be broken, MONITORING=1 Prometheus and Grafana
	@deploy/secrets.sh
	REVISION=$(shell git rev-parse --short HEAD 2>/dev/null) $(COMPOSE) $(COMPOSE_FILES) $(if $(MONITORING),--profile monitoring) up -d --build
	@echo "the page: http://127.0.0.1:$${HTTP_PORT:-8000}/   Tidegate: http://127.0.0.1:$${ADMIN_PORT:-9901}/api/status"
	@$(if $(MONITORING),echo "Prometheus: http://127.0.0.1:$${PROMETHEUS_PORT:-9090}/alerts   Grafana: http://127.0.0.1:$${GRAFANA_PORT:-3000}/ (admin; deploy/secrets/grafana_password)")

down: ## Stop the containers; their volumes stay
	$(COMPOSE) --profile monitoring down

# MinIO's build downloads and links for a while: beside the compiler.
build-tests: ## The programs and the tests: build/test/bin/, and the MinIO server that they start
	@deploy/deps.sh build test
	@cmake --preset test >/dev/null
	@python3 -B tests/support/minio.py --build >/dev/null & minio=$$!; \
	  ninja -C build/test -j $(JOBS) && wait $$minio || { kill $$minio 2>/dev/null; exit 1; }

test: build-tests ## Every test: units, simulation, lint of layers, end to end
	@python3 tests/run.py

fresh: ## `make run` and `make test` from a clean clone in a fresh Debian 12 (as root; an hour): build/fresh/times
	@deploy/deps.sh build fresh
	unshare --mount --pid --fork --kill-child --mount-proc python3 -B tests/fresh.py

sim: deps ## The seeded simulation alone: SEEDS=10000 FIRST=1; so many jobs in one queue: SIM_JOBS=1000000
	@cmake --preset bench >/dev/null
	ninja -C build/bench -j $(JOBS) sim
	SIM_SEEDS=$(SEEDS) SIM_FIRST=$(FIRST) build/bench/bin/sim

fuzz: deps-all ## Each fuzzer for FUZZ_SECONDS=60 from the byte-exact cases; the corpus stays in build/corpus/
	@cmake --preset fuzz >/dev/null
	ninja -C build/fuzz -j $(JOBS) fuzz_seeds $(FUZZERS:%=fuzz_%)
	build/fuzz/bin/fuzz_seeds build/corpus/seeds_request_parser requests
	build/fuzz/bin/fuzz_seeds build/corpus/seeds_response_parser responses
	build/fuzz/bin/fuzz_seeds build/corpus/seeds_multipart forms
	build/fuzz/bin/fuzz_seeds build/corpus/seeds_picture_head pictures
	build/fuzz/bin/fuzz_seeds build/corpus/seeds_tunnel tunnels
	@set -e; for name in $(FUZZERS); do \
	  mkdir -p build/corpus/$$name build/corpus/seeds_$$name; \
	  echo "fuzz_$$name for $(FUZZ_SECONDS) s"; \
	  build/fuzz/bin/fuzz_$$name -max_total_time=$(FUZZ_SECONDS) -artifact_prefix=build/corpus/ -print_final_stats=1 \
	    build/corpus/$$name build/corpus/seeds_$$name; \
	done

chaos: build ## Kill Tidegate KILLS=1000 times and keep every promise: BACKEND=sqlite|redis|amqp SEED=1 STORES=2
	python3 -B tests/chaos/chaos.py --backend $(BACKEND) --kills $(KILLS) --seed $(SEED) --stores $(STORES) --minutes 60

bench: deps-all release ## CPU time of a request next to other proxies, durable 202s next to SQLite: build/bench/*.json
	@cmake --preset bench >/dev/null
	ninja -C build/bench -j $(JOBS) bench_programs
	tests/bench/run.py --tidegate build/release/bin/tidegate --programs build/bench/bin --out build/bench/result.json
	tests/bench/run.py --tls --tidegate build/release/bin/tidegate --programs build/bench/bin --out build/bench/tls.json
	tests/bench/jobs.py --tidegate build/release/bin/tidegate --programs build/bench/bin --out build/bench/jobs.json

SOURCES = find proxy api optimizer tests -name '*.cc' -o -name '*.h'

lint: ## Formatting, layers and file rules
	@deploy/deps.sh lint
	$(SOURCES) | xargs clang-format-14 --dry-run -Werror
	python3 -B -m unittest discover -s tests/lint -p "*.py"

format: ## Format every source as `make lint` wants it
	@deploy/deps.sh --check lint
	$(SOURCES) | xargs clang-format-14 -i

tidy: deps ## clang-tidy over the programs' sources (minutes)
	@deploy/deps.sh lint
	@cmake --preset tidy >/dev/null
	find proxy api optimizer -name '*.cc' | xargs -P $(JOBS) -n 4 clang-tidy-14 -p build/tidy --quiet \
	  --extra-arg=-Wno-unknown-warning-option

asan: deps ## Unit tests and SANITIZED_SEEDS=50 of simulation under AddressSanitizer and UBSan
	@cmake --preset asan >/dev/null
	ninja -C build/asan -j $(JOBS)
	@SIM_SEEDS=$(SANITIZED_SEEDS) python3 tests/run.py --build build/asan --programs-only

# Not unit_optimizer: the image libraries are built without ThreadSanitizer, and it takes them for racing.
TSAN_SUITES = unit_base unit_net unit_http unit_policy unit_config unit_metrics unit_jobs unit_core unit_api unit_api_store sim loopback

tsan: build-tests ## The same under ThreadSanitizer, and four workers end to end
	@cmake --preset tsan >/dev/null
	ninja -C build/tsan -j $(JOBS)
	@SIM_SEEDS=$(SANITIZED_SEEDS) python3 tests/run.py --build build/tsan --programs-only $(TSAN_SUITES)
	TIDEGATE_BIN=$(CURDIR)/build/tsan/bin TIDEGATE_OPTIMIZER=$(CURDIR)/build/test/bin/watermark-optimizer \
	  python3 -B -m unittest discover -s tests/e2e -p workers_test.py

clean: ## Remove everything built (not the state in var/)
	rm -rf build
