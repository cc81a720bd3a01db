# One command surface for people and CI. `make` alone lists the targets.
export BENTOML_DO_NOT_TRACK := True
.DEFAULT_GOAL := help
.PHONY: help setup run test test-slow check docs bench bento image image-serve lock clean soak sbom

BIN := .venv/bin
VERSION := v1
HOME_FOLDER = $${CHURN_HOME:-.}

help: ## list the targets
	@grep -E '^[a-z-]+:.*## ' $(MAKEFILE_LIST) | sed -E 's/:.*## /\t/' | expand -t 12

setup: .venv/.installed ## make .venv with everything that the lock names

# Not PIP_CONSTRAINT or the like from outside: the lock with its hashes is the whole truth.
.venv/.installed: requirements-dev.txt pyproject.toml tools/find_python.sh
	@python=$$(tools/find_python.sh) && echo "Python 3.12: $$python" && "$$python" -m venv --clear .venv
	$(BIN)/python -m pip install --quiet --disable-pip-version-check --require-hashes --requirement requirements-dev.txt
	$(BIN)/python -m pip install --quiet --disable-pip-version-check --no-deps --no-build-isolation --editable .
	@touch $@

run: setup ## train on the bundled data if no model is current, then serve on port 3000
	@test -s "$(HOME_FOLDER)/registry/current_model.txt" || $(BIN)/python train.py
	$(BIN)/bentoml serve

test: setup ## the quick tests, under two minutes
	$(BIN)/python -m pytest -n auto --dist loadfile

test-slow: setup .checkov/.installed ## the slow tests: a built Bento, a container, a million rows, crashes by the dozen
	$(BIN)/python -m pytest -m slow --timeout 1200 --durations 15

# Of its own: its pins disagree with ours.
.checkov/.installed: tools/checkov-requirements.txt
	@python=$$(tools/find_python.sh) && "$$python" -m venv --clear .checkov
	.checkov/bin/python -m pip install --quiet --disable-pip-version-check --require-hashes --requirement $<
	@touch $@

check: setup ## lint, format, types, imports and declared dependencies
	$(BIN)/ruff check
	$(BIN)/ruff format --check
	$(BIN)/mypy
	$(BIN)/lint-imports
	$(BIN)/deptry .

docs: setup ## the site of docs/ in site/; a dead link or anchor is an error
	NO_MKDOCS_2_WARNING=1 $(BIN)/mkdocs build --strict
	@echo "to read it: $(BIN)/python -m http.server --bind 127.0.0.1 --directory site 8001"

# One a framework: their pins disagree with ours and with each other's.
RIVALS := fastapi mlserver kserve mlflow ray
benchmarks/.envs/%/.installed: benchmarks/alternatives/requirements/%.txt
	@python=$$(tools/find_python.sh) && "$$python" -m venv --clear benchmarks/.envs/$*
	benchmarks/.envs/$*/bin/python -m pip install --quiet --disable-pip-version-check --require-hashes --requirement $<
	@touch $@

bench: setup $(RIVALS:%=benchmarks/.envs/%/.installed) ## this service beside others (two cores, wrk); BENCH_OPTIONS="--table SCHEMA DATA --publish"
	$(BIN)/python benchmarks/compare.py $(BENCH_OPTIONS)

define build_bento
	@$(BIN)/bentoml delete --yes churn-api:$(VERSION) >/dev/null 2>&1 || true
	$(BIN)/bentoml build --version $(VERSION)
endef

# The whole path: BentoML takes a relative one for one from the root folder.
bento: setup ## build the Bento churn-api:$(VERSION) from the source as it is, and export it to bentos/
	$(build_bento)
	$(BIN)/bentoml export churn-api:$(VERSION) "$(CURDIR)/bentos/churn-api-$(VERSION).bento"

# The labels say of which commit the image is, and on which base: BentoML does not know.
define containerize
	$(build_bento)
	@engine=$$(docker info >/dev/null 2>&1 && echo docker || echo podman); \
	base=$$(sed -n 's/^BASE_IMAGE = "\(.*\)"/\1/p' serving/image.py); \
	$$engine image inspect "$$base" >/dev/null 2>&1 || $$engine pull "$$base"; \
	digest=$$($$engine image inspect --format '{{index .RepoDigests 0}}' "$$base" | sed 's/.*@//'); \
	revision=$$(git describe --always --abbrev=40 --dirty --exclude='*' 2>/dev/null); \
	created=$$(git show --no-patch --format=%cI 2>/dev/null); \
	$(BIN)/bentoml containerize churn-api:$(VERSION) --backend $$engine \
	  --opt build-arg=REVISION=$${revision:-unknown} --opt build-arg=CREATED=$${created:-unknown} \
	  --opt build-arg=BASE_DIGEST=$${digest:-unknown} $(IMAGE_OPTIONS)
endef

image: setup ## build the container image churn-api:$(VERSION) from the source as it is, with Docker or else podman
	$(containerize) -t churn-api:$(VERSION)

image-serve: setup ## the same without what only Jobs need: churn-api-serve:$(VERSION)
	$(containerize) -t churn-api-serve:$(VERSION) --opt target=serve

soak: setup ## MINUTES=10 of mixed load on a service of its own, with a report
	$(BIN)/python benchmarks/soak.py --minutes $(MINUTES)

MINUTES := 10

sbom: setup ## bill of materials of what the lock names (sbom.json, CycloneDX) and the list of licences
	$(BIN)/python -m tools.licences

lock: ## pin pyproject.toml's dependencies anew (needs uv)
	uv pip compile pyproject.toml $(LOCK_OPTIONS) --output-file requirements.txt
	uv pip compile pyproject.toml $(LOCK_OPTIONS) --extra dev --constraint requirements.txt --output-file requirements-dev.txt
	for name in $(RIVALS); do uv pip compile benchmarks/alternatives/requirements/$$name.in $(LOCK_OPTIONS) \
	  --output-file benchmarks/alternatives/requirements/$$name.txt || exit; done
	uv pip compile tools/checkov-requirements.in $(LOCK_OPTIONS) --output-file tools/checkov-requirements.txt

LOCK_OPTIONS := --quiet --universal --python-version 3.12 --generate-hashes --no-emit-index-url \
  --no-emit-find-links --no-header --no-annotate

clean: ## remove the environment and caches, never models, registry or logs
	rm -rf .venv .checkov benchmarks/.envs build *.egg-info site .mypy_cache .pytest_cache .ruff_cache .hypothesis
