# make, without a target, prints what there is.
SHELL := /bin/bash
.SHELLFLAGS := -eu -o pipefail -c
.DEFAULT_GOAL := help
export CGO_ENABLED ?= 0
# Programs and tests are compiled the same way, so that nothing is compiled twice.
export GOFLAGS ?= -trimpath
# sudo drops the PATH to a Go that is not Debian's.
export PATH := $(PATH):/usr/local/go/bin

VERSION ?= $(shell git describe --tags --always --dirty 2>/dev/null || echo dev)
LDFLAGS := -s -w -X main.version=$(VERSION)
DESTDIR ?=
PREFIX ?= /usr
SYSCONFDIR ?= /etc
FUZZTIME ?= 20s
RUN ?= .
N ?= 20
E2E_TIMEOUT ?= 30m

LINT_VERSION := v2.15.0
LINT := bin/golangci-lint-$(LINT_VERSION)

# Packages whose tests build pools inside one process; they run apart, so that they have the machine to themselves.
CLUSTER := ./store/... ./transaction/... ./glusterd2/commands/... ./glusterd2/server/...
not_unit := /(store|transaction|e2e)(/|$$)|/glusterd2/(commands|server)(/|$$)

.PHONY: help build test lint unit cluster model race e2e e2e-vm demo bench bench-scale bench-pool bench-plan fuzz man install clean deps

help: ## this text
	@echo "make TARGET [VARIABLE=value]"
	@sed -nE 's/^([a-z0-9-]+):.*## (.*)/  \1\t\2/p' $(MAKEFILE_LIST) | expand -t 14

build: ## bin/glusterd2 and bin/glustercli
	go build -ldflags '$(LDFLAGS)' -o bin/glusterd2 ./glusterd2
	go build -ldflags '$(LDFLAGS)' -o bin/glustercli ./glustercli

test: lint unit cluster e2e ## everything, as root: lint, unit, cluster, e2e

lint: $(LINT) ## gofmt, go vet and the linters of .golangci.yml
	$(LINT) run ./...

unit: ## tests of single packages
	extras/gotest.sh $$(go list ./... | grep -vE '$(not_unit)')

cluster: ## pools of several stores and daemons inside one process
	extras/gotest.sh -timeout 10m $(CLUSTER)

model: ## ten thousand random operations on a pool, compared with a model
	go test ./glusterd2/commands/volumes -run 'TestModel$$' -count=1 -v -timeout 10m -rapid.checks=300 -rapid.steps=60

race: ## unit and cluster tests under the race detector; needs gcc
	CGO_ENABLED=1 go test -race -timeout 20m $$(go list ./... | grep -v /e2e)

e2e: deps build ## real daemons and bricks in network namespaces, as root; RUN=regexp picks tests
	GD2_E2E=1 extras/gotest.sh -p 1 ./e2e/... -count=1 -timeout $(E2E_TIMEOUT) -run '$(RUN)' $(if $(filter-out .,$(RUN)),-v)

# Programs and tests are built outside: the machine is emulated.
e2e-vm: build ## thin pools of LVM, in a virtual machine that has them, as root; RUN=regexp picks tests
	extras/install-vm-deps.sh $(CURDIR)/bin/vm
	mkdir -p bin/failpoints && cp bin/glustercli bin/failpoints/
	go build -tags failpoints -o bin/failpoints/glusterd2 ./glusterd2
	go test -c -tags vm -o bin/vm/e2e.test ./e2e
	cd e2e && ../extras/vm-run.sh -t 3600 ../bin/vm env GD2_E2E=1 GD2_E2E_PATIENCE=6 GD2_E2E_WHOLE=$(GD2_E2E_WHOLE) GD2_E2E_FAILPOINTS=$(CURDIR)/bin/failpoints \
	  ../bin/vm/e2e.test -test.v -test.timeout 29m -test.run '$(if $(filter-out .,$(RUN)),$(RUN),^TestLVM)'

demo: deps build ## three peers, a replicated volume, a crash and a heal, as root; KEEP=1 leaves them up
	go build -o bin/demo ./e2e/demo
	KEEP=$(KEEP) bin/demo

bench: deps build ## gd2 against the C glusterd, as root; N=runs JSON=file
	go build -o bin/bench ./e2e/bench
	bin/bench -n $(N) $(if $(JSON),-json '$(JSON)')

bench-scale: deps build ## 1,000 volumes on three peers, made by 16 clients, as root; VOLUMES=n JSON=file DIR=where their disks lie
	go build -o bin/bench ./e2e/bench
	bin/bench -scale $(or $(VOLUMES),1000) $(if $(DIR),-dir '$(DIR)') $(if $(JSON),-json '$(JSON)')

bench-pool: ## joins, creates, memory and traffic as the pool grows to 100 peers, as root; JSON=file
	go build -o bin/bench-pool ./glusterd2/server/benchpool
	unshare -n sh -c 'ip link set lo up && exec bin/bench-pool $(if $(JSON),-json "$(JSON)")'

bench-plan: ## volumes of a size are planned and made among 10,000 others, and /metrics of them all
	go test ./glusterd2/provision ./glusterd2/commands/volumes ./glusterd2/rest ./plugins/heketi -run '^$$' -bench 'Place|Plan|Create|Metrics' -benchmem

fuzz: ## every fuzz target for FUZZTIME each
	@for pkg in $$(go list ./...); do \
	  for f in $$(go test -list '^Fuzz' $$pkg | grep '^Fuzz' || true); do \
	    echo "== $$pkg $$f"; go test -run '^$$' -fuzz "^$$f\$$" -fuzztime $(FUZZTIME) -fuzzminimizetime 10x $$pkg; \
	  done; \
	done

man: build ## man pages in bin/man
	mkdir -p bin/man && bin/glustercli man bin/man

# glusterd is not linked into $(PREFIX)/sbin: Debian's glusterfs-server, whose bricks are needed, owns that name there, and its next upgrade
# would put its own daemon back.
install: build man ## programs, unit, config, man pages and completions; DESTDIR and PREFIX are honoured
	install -D -m 0755 bin/glusterd2 $(DESTDIR)$(PREFIX)/sbin/glusterd2
	install -d $(DESTDIR)$(PREFIX)/lib/glusterd2 && ln -sf ../../sbin/glusterd2 $(DESTDIR)$(PREFIX)/lib/glusterd2/glusterd
	install -D -m 0755 bin/glustercli $(DESTDIR)$(PREFIX)/bin/glustercli
	install -D -m 0644 extras/glusterd2.service $(DESTDIR)/lib/systemd/system/glusterd2.service
	install -D -m 0644 extras/glusterd2.logrotate $(DESTDIR)$(SYSCONFDIR)/logrotate.d/glusterd2
	test -e $(DESTDIR)$(SYSCONFDIR)/glusterd2/glusterd2.toml || install -D -m 0600 extras/glusterd2.toml $(DESTDIR)$(SYSCONFDIR)/glusterd2/glusterd2.toml
	install -d $(DESTDIR)$(PREFIX)/share/man/man1 && install -m 0644 bin/man/*.1 $(DESTDIR)$(PREFIX)/share/man/man1/
	install -d $(DESTDIR)$(PREFIX)/share/bash-completion/completions $(DESTDIR)$(PREFIX)/share/zsh/vendor-completions $(DESTDIR)$(PREFIX)/share/fish/vendor_completions.d
	bin/glustercli completion bash > $(DESTDIR)$(PREFIX)/share/bash-completion/completions/glustercli
	bin/glustercli completion zsh > $(DESTDIR)$(PREFIX)/share/zsh/vendor-completions/_glustercli
	bin/glustercli completion fish > $(DESTDIR)$(PREFIX)/share/fish/vendor_completions.d/glustercli.fish

deps: ## Debian packages that demo, e2e and bench need
	extras/install-deps.sh

clean: ## what make has built
	rm -rf bin

# The linter comes through the module proxy at one version; a copy that is installed already is used as it is.
$(LINT):
	@mkdir -p bin
	@have="$$(command -v golangci-lint || echo "$$(go env GOPATH)/bin/golangci-lint")"; \
	if [ -x "$$have" ] && "$$have" version --short 2>/dev/null | grep -qx '$(LINT_VERSION:v%=%)'; then \
	  ln -sf "$$have" $@; \
	else \
	  echo "installing golangci-lint $(LINT_VERSION)"; \
	  GOBIN=$(CURDIR)/bin go install github.com/golangci/golangci-lint/v2/cmd/golangci-lint@$(LINT_VERSION); \
	  mv bin/golangci-lint $@; \
	fi
