# The two commands a newcomer needs are `make demo` and `make test`; both set themselves up.

VENV := .venv
PYTHON ?= python3
BIN := $(VENV)/bin
INSTALLED := $(VENV)/.installed
PYTEST := $(BIN)/python -m pytest
FAST := $(PYTEST) -q -m "not behaviour and not interop and not soak"
WHOLE_CALLS := $(PYTEST) -q -m "(behaviour or interop) and not soak"

# Half the time of `make check` would be spent on compiling where somebody forbids to keep the result.
export PYTHONDONTWRITEBYTECODE :=

.PHONY: help setup tools demo test check fast-calls fast-media fast-rest soak bench quality prompts lint types format lock clean

help:
	@echo "make demo    one call through the whole gateway, explained as it happens"
	@echo "             ONCE=1 ends after it; HOST=address listens for real phones"
	@echo "make test    everything; installs SIPp, Prosody, baresip and others if it may"
	@echo "make check   style, types and the fast tests: a minute or so"
	@echo "make soak    floods, churn and long runs"
	@echo "make quality a table of how speech sounds over bad networks (needs a C compiler)"
	@echo "make bench   CPU a call, calls a core (an hour; QUICK=1: a minute; NAMES=... some of it)"
	@echo "make prompts speak anew what has changed in gateway/ivr/texts (needs espeak-ng), and play the music"
	@echo "make format  put the code into shape; make lock renews requirements.lock"

setup: $(INSTALLED)

$(INSTALLED): requirements.lock pyproject.toml
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11))' || \
		{ echo "Python 3.11 or newer is needed ($(PYTHON) is older)"; exit 1; }
	@$(PYTHON) -c 'import ensurepip' 2>/dev/null || .ci/tools ensurepip=python3-venv
	@echo "setting up $(VENV), once: it takes a minute or two, in which nothing more is said"
	$(PYTHON) -m venv $(VENV)
	$(BIN)/python -m pip install --quiet --disable-pip-version-check --require-hashes -r requirements.lock
	$(BIN)/python -m pip install --quiet --disable-pip-version-check --no-deps -e .
	@touch $@

tools:
	@.ci/tools sipp=sip-tester prosody=prosody baresip=baresip-core chromium=chromium \
		turnserver=coturn espeak-ng=espeak-ng 'kamailio=kamailio kamailio-tls-modules'

demo: setup
	$(BIN)/sip-gateway demo $(if $(ONCE),--once) $(if $(HOST),--host $(HOST)) $(if $(WEB),--web $(WEB))

# More things at a time than there are cores, since some tests wait; what each has to say stays
# together.
check: setup
	@$(MAKE) --no-print-directory -j4 -O lint fast-rest fast-calls fast-media types

# Parts with nothing in common: to hand single tests out to processes takes a quarter more.
CALLS := tests/sip tests/calls tests/codecs tests/sdp
MEDIA := tests/media tests/quality tests/rtp tests/conference tests/xmpp

fast-calls: setup
	$(FAST) $(CALLS)

fast-media: setup
	$(FAST) $(MEDIA)

fast-rest: setup
	$(FAST) $(addprefix --ignore=,$(CALLS) $(MEDIA))

# Whole calls run in real time, and a machine that is busy with something else may spoil one: what
# fails is played once more, alone, and has to pass then.
test: setup tools check
	$(WHOLE_CALLS) -n 2 --dist worksteal || $(WHOLE_CALLS) --last-failed --last-failed-no-failures none

soak: setup tools
	$(PYTEST) -q -s -m soak

bench: setup
	$(BIN)/sip-gateway bench $(if $(QUICK),--quick) $(NAMES)

quality: setup tools
	$(BIN)/python -m pip install --quiet --disable-pip-version-check -e '.[quality]'
	$(BIN)/python -m tests.quality.table

prompts: setup tools
	$(BIN)/python -m gateway.ivr.build_prompts
	$(BIN)/python -m gateway.ivr.build_music

lint: setup
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .

types: setup
	$(BIN)/mypy

format: setup
	$(BIN)/ruff check --fix .
	$(BIN)/ruff format .

lock:
	$(BIN)/uv pip compile --quiet --universal --python-version 3.11 --extra test --extra phones \
		--generate-hashes --no-emit-index-url -o requirements.lock pyproject.toml

clean:
	rm -rf $(VENV) build dist *.egg-info .mypy_cache .ruff_cache .pytest_cache .hypothesis
