# Two commands: `make book` and `make test`. Each sets up .venv first, once.
PYTHON ?= python3
VENV := .venv
PY := $(VENV)/bin/python
READY := $(VENV)/.ready
CHAPTERS := $(sort $(wildcard book/*.ipynb))

# Chapters draw inside the page and, in a build, without progress bars.
KERNEL_ENV := OMP_NUM_THREADS=1 TQDM_DISABLE=1 MPLBACKEND=module://matplotlib_inline.backend_inline

# Both cores are kept busy; the tests of a file, or cells of a chapter, stay together and in order.
TWO := -n 2 --dist loadfile

# $(call step,what it does,command): runs the command, then says how long it took.
define step
@echo "== $(1)"; t0=$$(date +%s); $(2); code=$$?; t1=$$(date +%s); \
if [ $$code -eq 0 ]; then echo "== done in $$((t1 - t0)) s: $(1)"; \
else echo "== FAILED after $$((t1 - t0)) s: $(1)"; exit $$code; fi
endef

.DEFAULT_GOAL := help
.PHONY: help setup book test unit chapters site built-site clean

help:
	@echo "make book   set up, execute every chapter, render _build/html/index.html"
	@echo "make test   set up, unit tests, every chapter as a test, checks of the site if it is built"
	@echo "make clean  remove what the two made, except the environment in $(VENV)"
	@echo "Python 3.11 or newer is taken from PYTHON (now: $(PYTHON)), as in: make book PYTHON=python3.12"

setup: $(READY)

$(READY): requirements.txt
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11))' 2>/dev/null || { \
	  echo "Expected Python 3.11 or newer, got: $$($(PYTHON) --version 2>&1)."; \
	  echo "Name a newer one: make <target> PYTHON=python3.12"; exit 1; }
	@rm -f $(READY)
	$(call step,create $(VENV),$(PYTHON) -m venv $(VENV))
	$(call step,install requirements.txt (PyTorch and Jupyter Book: minutes the first time),\
	  $(PY) -m pip install --quiet --disable-pip-version-check -r requirements.txt)
	@touch $(READY)

book: $(READY)
	$(call step,execute chapters and render the book,$(KERNEL_ENV) $(PY) book/build.py)

test: unit chapters site

unit: $(READY)
	$(call step,unit tests,MPLBACKEND=Agg OMP_NUM_THREADS=1 $(PY) -m pytest $(TWO) --ignore=tests/book/test_site.py)

chapters: $(READY)
	$(call step,every chapter as a test,\
	  $(KERNEL_ENV) $(PY) -m pytest $(TWO) --nbval-lax --nbval-current-env --nbval-cell-timeout=600 $(CHAPTERS))

site: $(READY)
	@if [ -f _build/html/index.html ]; then $(MAKE) --no-print-directory built-site; \
	else echo "== no site is built (make book), so none was checked"; fi

built-site:
	$(call step,checks of the built site,$(PY) -m pytest tests/book/test_site.py)

clean:
	rm -rf _build .pytest_cache .ruff_cache .hypothesis
	find trm_lib tests book -name __pycache__ -type d -prune -exec rm -rf {} +
	@echo "Kept $(VENV); remove it with: rm -rf $(VENV)"
