# Everything a newcomer needs: `make demo`, `make test`. Set-up happens by itself, once, into .venv.
PYTHON ?= python3
BIN := .venv/bin
OUT ?= out
ARGS ?=
AREA ?=

.DEFAULT_GOAL := help
.PHONY: help setup demo test lint bench asan fuzz soak dist clean distclean

help: ## Show this list
	@echo "Tournée: open card terminal and billing for French home-visit care"
	@echo
	@sed -n 's/^\([a-z]*\):.*## \(.*\)/  make \1\t\2/p' $(firstword $(MAKEFILE_LIST)) | expand -t 18
	@echo
	@echo "  make demo ARGS='--outcome rejected'   options of the demo: $(BIN)/tournee demo --help"
	@echo "  make test ARGS='tests/unit -k b2'     a part of the tests, any pytest option"
	@echo "  make bench AREA=encoding              one area of the benchmarks"
	@echo "  make setup EXTRAS=pcsc,qemu           also PC/SC readers, and the emulated Cortex-M3 (system packages)"

setup: ## Prepare .venv (needs the network the first time only)
	@$(PYTHON) tests/setup/bootstrap.py $(if $(EXTRAS),--extras $(EXTRAS))

demo: setup ## One simulated home visit, from the cards to the payment
	@$(BIN)/tournee demo --out $(OUT)/demo $(ARGS)

test: setup ## All checks and tests; ends with what was skipped and why
	@$(BIN)/python -m pytest $(if $(ARGS),$(ARGS),--acceptance -n 2 --dist loadfile --no-loadscope-reorder)

lint: setup ## Formatting, lint, types, import contracts, generated files
	@$(BIN)/python -m pytest tests/static -q

bench: setup ## Measure; table and out/bench.json
	@$(BIN)/python -m tests.bench $(if $(AREA),--area $(AREA)) --out $(OUT)/bench.json $(ARGS)

asan: setup ## The C twin under AddressSanitizer and UBSan
	@$(BIN)/python -m tests.tools.asan $(ARGS)

fuzz: setup ## The long run of the twins' fuzzing (TOURNEE_FUZZ times the examples of make test)
	@TOURNEE_FUZZ=$${TOURNEE_FUZZ:-50} $(BIN)/python -m pytest -q tests/fuzz/test_b2_twins.py tests/fuzz/test_b2_places.py $(ARGS)

soak: setup ## 1 000 000 exchanges with fuzzed cards and hosts in MicroPython; the result goes into docs/RELIABILITY.md
	@$(BIN)/python -m tests.tools.soak --write $(ARGS)

dist: setup ## sdist and wheel into dist/
	@$(BIN)/python -m build --no-isolation --outdir dist .

clean: ## Remove what runs leave behind (not .venv)
	rm -rf out dist build .mypy_cache .ruff_cache .pytest_cache .hypothesis .import_linter_cache
	find . -name __pycache__ -type d -not -path './.venv/*' -prune -exec rm -rf {} +

distclean: clean ## The same and .venv
	rm -rf .venv
