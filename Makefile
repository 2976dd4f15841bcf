# The first Python that runs and is new enough; if there is none, bootstrap.py says what is missing.
PYTHON3 ?= $(or $(shell for p in python3 python3.14 python3.13 python3.12 python3.11; do \
	$$p -c 'import sys; sys.exit(sys.version_info < (3, 11))' 2>/dev/null && echo $$p && break; done),python3)
ENTER = python=$$($(PYTHON3) -I scripts/bootstrap.py --extra dev) || exit; export PATH="$${python%/*}:$$PATH";
AGENT ?=
# Optional parts, each with a file in requirements/: notify, mcp. Several are separated by commas.
EXTRAS ?=

.DEFAULT_GOAL := help
.PHONY: help demo stories household picture e2e-agents e2e-permissions e2e-sessions e2e-guards e2e-install check quick test test-slow test-shell test-python linters lint bench shape grammar completion manual crash soak fuzz mutations install uninstall clean-runtime lock version

help: ## this list
	@echo "usage: make TARGET"
	@sed -n 's/^\([a-z0-9-]*\):.*## /  \1	/p' Makefile | expand -t 18

demo: ## schedule a task, wake the runner and see the result, in a throw-away directory
	@examples/demo.sh

stories: ## ten things that a newcomer wants, typed on a terminal of 80 columns, and what each costs
	@$(ENTER) PYTHONPATH=scripts:tests "$$python" tests/stories.py

household: ## a week of a household in simulated time, and what each command shows of it
	@$(ENTER) PYTHONPATH=scripts "$$python" tests/household.py

picture: ## draw the picture in the README anew, from what the commands print
	@$(ENTER) PYTHONPATH=scripts:tests "$$python" tests/picture.py

# What `make test` runs of the Python tests; none at all is a tier, too: every test.
TIER ?= not slow
PYTEST = "$$python" -m compileall -q scripts/defer && "$$python" -m pytest

# Each narrows it down; STOPS=20 stops each agent so often while a tool runs, and counts the processes that are left.
AGENTS ?=
CASES ?=
STOPS ?= 0
JOBS ?= 4

e2e-agents: ## every agent's real program in every case, against a model on this machine, and as a plugin (AGENTS= CASES= JOBS= STOPS=)
	@$(ENTER) "$$python" -m compileall -q scripts/defer && PYTHONPATH=scripts "$$python" tests/agents/run.py --agents "$(AGENTS)" \
	  --cases "$(CASES)" --jobs $(JOBS) --stops $(STOPS) $(if $(RECORD),--record)

e2e-permissions: ## every agent's real program under each profile: what it may not do is refused (AGENTS= JOBS=)
	@$(ENTER) PYTHONPATH=scripts "$$python" tests/agents/permissions.py --agents "$(AGENTS)" --jobs $(JOBS)

e2e-sessions: ## conversations of the agents' real programs that go on: after a limit, and as callbacks (AGENTS= CASES=)
	@$(ENTER) "$$python" -m compileall -q scripts/defer && PYTHONPATH=scripts "$$python" tests/agents/sessions.py --agents "$(AGENTS)" \
	  --cases "$(CASES)"

e2e-guards: ## what an attempt may not do through Defer is tried, in real wakes: a line for each try
	@$(ENTER) "$$python" tests/agents/guards.py

e2e-install: ## each way to install it, by the real uv, pipx and pip, in an empty home each; needs the network (CASES=)
	@$(ENTER) "$$python" tests/installs.py --cases "$(CASES)"

check: ## lint and types beside the tests that take least; under a minute and a half
	@$(MAKE) --no-print-directory -j2 linters quick

# With few programs to wait for, two at a time.
quick:
	@$(ENTER) $(PYTEST) -q -n 2 --dist worksteal -m "not slow and not programs and not thorough" tests/unit tests/store

test: test-shell test-python ## every test but the slow ones, setting up what they need; some minutes

test-slow: ## the tests that cost much and guard little from day to day
	@$(ENTER) $(PYTEST) $(THREE) -m slow

test-shell:
	@$(ENTER) bats tests/bats

# Three at a time on two cores: tests wait for processes more than they compute. Each takes a stretch of them, so that
# what a file makes once is made by one, and helps the others when it is through.
THREE = -n 3 --dist worksteal

test-python:
	@$(ENTER) $(PYTEST) $(THREE) -m "$(TIER)" $(TESTS)

version:
	@$(PYTHON3) -c 'import sys; print("%d.%d" % sys.version_info[:2])'

linters:
	@$(ENTER) scripts=$$(shfmt -f $(wildcard scripts examples tests .ci) | grep -v 'completion/.*\.bash$$') && shellcheck -x $$scripts && shfmt -d $$scripts && \
	ruff check . && ruff format --check . && "$$python" -m mypy

lint: linters ## ShellCheck, shfmt, ruff, mypy, and no syntax newer than Bash 3.2
	@$(ENTER) "$$python" -m pytest -q tests/unit/test_house.py

bench: ## how fast, how small: one table, ours beside the limit (BENCH=--quick for a minute of it)
	@$(ENTER) "$$python" tests/bench/run.py $(BENCH)

shape: ## modules by folder, imports between folders, the longest functions (SHAPE=CHECKOUT for another)
	@$(ENTER) "$$python" tests/bench/shape.py $(SHAPE)

grammar: ## write the grammar of time expressions into its reference
	@$(ENTER) "$$python" tests/time_reference.py

completion: ## write the completion scripts out of the parsers of today
	@$(ENTER) PYTHONPATH=scripts:tests "$$python" tests/completion_scripts.py

manual: ## write the manual page out of the help texts and the tables in docs/
	@$(ENTER) PYTHONPATH=scripts:tests "$$python" tests/manual_page.py

crash: ## the fault tests in full: every operation, every fault, 1,000 random histories (takes long)
	@$(ENTER) DEFER_TEST_DEPTH=4 DEFER_TEST_RUNS=1000 DEFER_TEST_STEPS=100 "$$python" -m pytest tests/crash -n 2

soak: ## sixteen processes on one store for a minute, killed at random (SOAK="--seconds 600 --seed 1")
	@$(ENTER) "$$python" tests/crash/soak.py $(SOAK)

fuzz: ## a million broken inputs for every parser (FUZZ="--number 20000 --only 'task record'")
	@$(ENTER) "$$python" tests/crash/fuzz_inputs.py $(FUZZ)

mutations: ## break the code on purpose, one place at a time, and show which test sees it
	@$(ENTER) "$$python" tests/crash/mutations.py

install: ## link `defer`, the skills, completion and manual into place (AGENT=claude|codex|agents|qwen|all|none EXTRAS=notify,mcp)
	@scripts/install.sh install $(or $(AGENT),present) $(EXTRAS)

# Only what is typed counts: a variable of that name in somebody's environment deletes nothing.
TYPED = $(if $(findstring command,$(origin $(1))),$($(1)))

uninstall: ## take away exactly what install put, and say what stays (ALL=1: remove that, too; FORCE=1: whatever runs)
	@scripts/install.sh uninstall "$(call TYPED,ALL)" "$(call TYPED,FORCE)"

clean-runtime: ## delete every task, archive and log of the runtime directory (CONFIRM=yes)
	@scripts/clean-runtime.sh

lock: ## bring requirements/*.lock up to date with what pyproject.toml allows
	@$(ENTER) "$$python" -m pip install --quiet --disable-pip-version-check uv && \
	for extra in core notify mcp dev; do \
	  [ $$extra = core ] || flags="--extra $$extra --constraints requirements/core.lock"; \
	  "$$python" -m uv pip compile --quiet --universal --upgrade --generate-hashes --no-header --no-annotate \
	    $$flags --output-file requirements/$$extra.lock pyproject.toml || exit; \
	done && "$$python" -I scripts/bootstrap.py --hash >requirements/locks.hash
