# dpremote. "make" alone shows what there is.

GO      ?= go
BIN     := bin/dpremote
VERSION ?=
LDFLAGS := $(if $(VERSION),-X main.version=$(VERSION))

.DEFAULT_GOAL := help
.PHONY: help build demo test matrix peers soak bench lint fuzz docs dist licences clean

help: ## show this help
	@awk -F ':.*## ' '/^[a-z]+:.*## / { printf "  make %-9s %s\n", $$1, $$2 }' $(MAKEFILE_LIST)

build: ## build bin/dpremote
	$(GO) build -trimpath -ldflags '$(LDFLAGS)' -o $(BIN) ./cmd/dpremote

demo: build ## find, resend and watch the failed content of the embedded sites
	@scripts/demo $(BIN)

test: ## run all tests that need only Go
	@GO=$(GO) scripts/test

matrix: ## do every operation with every fault; writes and prints docs/faults.md
	@$(GO) test ./cmd/dpremote -run '^TestFaultMatrix$$' -count=1 -write-matrix >&2
	@cat docs/faults.md

peers: build ## check against programs we did not write (Debian; installs them, as root)
	@scripts/peers $(BIN)

soak: ## work on 200 simulated sites with faults for SOAK (10m), and find leaks and wrong rows
	@GO=$(GO) SOAK=$(SOAK) scripts/soak $(SEED)

bench: ## measure beside encoding/xml, xmllint, Python and curl; print ratios
	@GO=$(GO) scripts/bench

lint: ## gofmt, vet, staticcheck, tidy modules
	@GO=$(GO) scripts/lint

fuzz: ## run each fuzz target for FUZZTIME (20s)
	@GO=$(GO) scripts/fuzz $(FUZZTIME)

docs: ## write docs/reference anew from the commands' help
	@$(GO) test ./cmd/dpremote -run '^TestReference$$' -count=1 -write-reference

dist: ## build release archives for all platforms into dist/ (VERSION=1.2.3)
	@GO=$(GO) VERSION=$(VERSION) scripts/dist

licences: ## list anew what is linked, with its licences, in THIRD_PARTY.md
	$(GO) run ./scripts/supply licences >THIRD_PARTY.md.new && mv THIRD_PARTY.md.new THIRD_PARTY.md

clean: ## remove what was built
	rm -rf bin dist
