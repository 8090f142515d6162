# quench: make help lists what there is to make.
SHELL := bash
.SHELLFLAGS := -euo pipefail -c
.DEFAULT_GOAL := help

B := .build
VERSION ?= $(shell git describe --tags --always --dirty 2>/dev/null || echo dev)
LDFLAGS := -s -w -X github.com/quench-dev/quench/config.Version=$(VERSION)
K8S := k8s.io/component-base/version
CONTROLPLANE_LDFLAGS := -s -w -X $(K8S).gitVersion=v1.35.4 -X $(K8S).gitMajor=1 -X $(K8S).gitMinor=35
# Programs are static; one setting for all of them, so that packages which several need are compiled once.
GO := CGO_ENABLED=0 go
REVISION ?= $(shell git rev-parse HEAD 2>/dev/null || echo unknown)
# The race detector needs a C compiler; without one the tests run without it.
RACE := $(if $(shell command -v gcc || command -v clang),-race)

.PHONY: help
help: ## list what there is to make
	@awk -F ':.*## ' '/^[a-z-]+:.*## / {printf "  make %-14s %s\n", $$1, $$2}' $(MAKEFILE_LIST)


.PHONY: run
run: $(if $(KUBECONFIG),,controlplane) quench ## a first remediation: quench with the sample Triggers and rules (KUBECONFIG, else the embedded control plane)
	@exec $(B)/quench run --triggers knative/samples/triggers.yaml --jobs knative/samples/jobs.yaml \
		--sample tests/payloads/firing.json $(ARGS)

.PHONY: quench
quench: ## build the command line tool, .build/quench
	@[ -x $(B)/quench ] || echo "building $(B)/quench (2 to 3 minutes the first time)"
	@$(GO) build -trimpath -ldflags '$(LDFLAGS)' -o $(B)/quench ./knative/cmd/quench

.PHONY: image-pack
image-pack: ## pack an image in its registry anew, so that a third less is pulled (IMAGE=registry.example.com/quench:v1.2.3)
	@: $(or $(IMAGE),$(error IMAGE is the name and tag to pack, such as registry.example.com/quench:v1.2.3))
	@go run ./knative/image $(IMAGE)

PREFIX ?= /usr/local

.PHONY: install
install: quench ## install quench, also as a plugin of kubectl and kn, and completions (PREFIX=/usr/local, DESTDIR)
	@install -D -m 755 $(B)/quench $(DESTDIR)$(PREFIX)/bin/quench
	@install -m 755 knative/cmd/quench/kubectl_complete-quench $(DESTDIR)$(PREFIX)/bin/
	@ln -sf quench $(DESTDIR)$(PREFIX)/bin/kubectl-quench
	@ln -sf quench $(DESTDIR)$(PREFIX)/bin/kn-quench
	@mkdir -p $(addprefix $(DESTDIR)$(PREFIX)/share/,bash-completion/completions zsh/site-functions fish/vendor_completions.d)
	@$(B)/quench completion bash > $(DESTDIR)$(PREFIX)/share/bash-completion/completions/quench
	@$(B)/quench completion zsh > $(DESTDIR)$(PREFIX)/share/zsh/site-functions/_quench
	@$(B)/quench completion fish > $(DESTDIR)$(PREFIX)/share/fish/vendor_completions.d/quench.fish
	@echo "installed quench, kubectl-quench and kn-quench in $(DESTDIR)$(PREFIX)/bin"

.PHONY: build
build: quench ## build the programs: quench, adapter, function, server
	@$(GO) build -trimpath -ldflags '$(LDFLAGS)' -o $(B)/ ./adapter/cmd/... ./function/cmd/... ./knative/cmd/...

.PHONY: controlplane
controlplane: $(B)/quench-controlplane ## build the embedded control plane (etcd, kube-apiserver, kube-controller-manager), and kubectl

$(B)/quench-controlplane: $(shell find tests/controlplane -name '*.go' -not -name '*_test.go') tests/controlplane/go.mod
	@echo "building $@: etcd, kube-apiserver and kube-controller-manager from their Go modules."
	@echo "The first time this takes 6 to 10 minutes on two cores, later a few seconds."
	@$(GO) build -C tests/controlplane -trimpath -ldflags '$(CONTROLPLANE_LDFLAGS)' -o ../../$@ .
	@ln -sf quench-controlplane $(B)/kubectl # the same program under another name


$(B)/alertmanager: tests/tools/alertmanager/go.mod
	@echo "building $@ (about 2 minutes the first time)"
	@$(GO) build -C tests/tools/alertmanager -trimpath -ldflags '-s -w' -o ../../../$@ github.com/prometheus/alertmanager/cmd/alertmanager

$(B)/registry: tests/tools/registry/go.mod tests/tools/registry/main.go
	@echo "building $@, an image registry (about 1 minute the first time)"
	@$(GO) build -C tests/tools/registry -trimpath -ldflags '-s -w' -o ../../../$@ .

$(B)/func: tests/tools/func/go.mod
	@echo "building $@, Knative's func CLI (about 3 minutes the first time)"
	@$(GO) build -C tests/tools/func -trimpath -ldflags '-s -w' -o ../../../$@ knative.dev/func/cmd/func

# Without the service discoveries of clouds, which no rule needs.
$(B)/promtool: tests/tools/promtool/go.mod
	@echo "building $@ (about 2 minutes the first time)"
	@$(GO) build -C tests/tools/promtool -tags remove_all_sd -trimpath -ldflags '-s -w' -o ../../../$@ github.com/prometheus/prometheus/cmd/promtool

$(B)/benchstat: tests/tools/benchstat/go.mod
	@echo "building $@"
	@$(GO) build -C tests/tools/benchstat -trimpath -ldflags '-s -w' -o ../../../$@ golang.org/x/perf/cmd/benchstat

$(B)/golangci-lint: tests/tools/lint/go.mod
	@echo "building $@ (about 4 minutes the first time)"
	@$(GO) build -C tests/tools/lint -trimpath -ldflags '-s -w' -o ../../../$@ github.com/golangci/golangci-lint/v2/cmd/golangci-lint

.PHONY: tools
tools: $(B)/quench-controlplane $(B)/alertmanager $(B)/registry $(B)/promtool $(B)/func $(B)/golangci-lint ## build every tool that the tests use

.PHONY: test
test: tools lint unit ## linters, unit tests, integration tests against the embedded control plane, CLI scripts

.PHONY: unit
unit: $(B)/quench-controlplane $(B)/alertmanager $(B)/registry $(B)/promtool $(B)/func build ## every test, without the linters
	@echo "testing the embedded control plane"
	@cd tests/controlplane && $(GO) test -trimpath -vet=off ./... # the linters vet; here it would look at all of Kubernetes
	@echo "testing everything else (with a real kube-apiserver, a real Alertmanager, the func CLI)"
	@go test $(RACE) -timeout 20m ./...

.PHONY: postgresql
postgresql: ## unpack Debian's PostgreSQL for the archive's tests, where none is installed (without, they skip what needs it)
	@bash tests/postgres/unpack.sh

CLUSTER := $(B)/quench-cluster

$(CLUSTER): $(shell find tests/controlplane tests/cluster -not -path '*/parts/*/*' \( -name '*.go' -o -name '*.yaml' \) -not -name '*_test.go') tests/cluster/go.mod
	@echo "building $@: kubelet, kube-proxy and kube-scheduler beside the control plane (2 minutes more the first time)"
	@$(GO) build -C tests/cluster -trimpath -ldflags '$(CONTROLPLANE_LDFLAGS)' -o ../../$@ .

.PHONY: cluster
cluster: $(CLUSTER) ## bring up a real cluster with Knative on this machine (root on Debian); cluster-down ends it
	@[ "$$(id -u)" = 0 ] || { echo "a cluster on this machine takes root; with E2E_KUBECONFIG=FILE make e2e uses one of yours"; exit 1; }
	@$(CLUSTER) up

.PHONY: cluster-down
cluster-down: ## end the cluster and remove all that it left
	@[ ! -x $(CLUSTER) ] || $(CLUSTER) down

.PHONY: e2e
e2e: ## prove the whole chain on a real cluster: one on this machine (root on Debian), or that of E2E_KUBECONFIG (KEEP=1 leaves it up)
	@bash tests/e2e/run.sh $(ARGS)

.PHONY: bench
bench: bench-adapter bench-archive ## measure the adapter and the archive, then cold and warm starts on the real cluster, beside a function that does nothing
	@E2E_ROUNDS=6 E2E_PAIRS=6 E2E_STEADY=100 bash tests/e2e/run.sh -run 'TestFigures'

.PHONY: bench-adapter
bench-adapter: build ## measure the adapter and starts, beside floors and a reference (ARGS="--rounds 1 --each 1s" is quicker, --json FILE)
	@CGO_ENABLED=0 go build -trimpath -ldflags '-s -w' -o $(B)/ ./tests/bench ./tests/bench/hello
	@bash tests/bench/peers/install.sh $(B)/peers
	@$(B)/bench run --bin $(B) --peers $(B)/peers $(ARGS)

.PHONY: bench-go
bench-go: $(B)/benchstat $(B)/quench-controlplane ## run Go's benchmarks of the hot parts, and compare with the last release's (its times are another machine's, perhaps; allocations are not)
	@go test -run '^$$' -bench . -benchtime 0.3s -count 6 ./adapter ./adapter/alert ./function/lease ./knative/trigger | tee $(B)/bench-go.txt
	@$(B)/benchstat -ignore cpu tests/bench/last-release.txt $(B)/bench-go.txt

.PHONY: bench-archive
bench-archive: build ## measure the archive with a million events in SQLite, beside plain INSERTs (EVENTS=100000 for fewer)
	@QUENCH_SERVER=$(abspath $(B)/server) QUENCH_BENCH_ARCHIVE=$(or $(EVENTS),1000000) \
		go test ./knative/archive -run '^TestFigures$$' -count=1 -v -timeout 60m

.PHONY: demo
demo: ## watch a real alert being put out, on a real cluster on this machine (root on Debian); demo-down ends it
	@bash tests/e2e/demo.sh $(ARGS)

.PHONY: demo-down
demo-down: cluster-down ## end the demonstration's cluster

.PHONY: lint
lint: $(B)/golangci-lint ## run the linters
	@echo "linting"
	@$(B)/golangci-lint run --build-tags e2e ./...
	@# As these modules are built, so that Kubernetes is not compiled once more.
	@for m in controlplane cluster; do (cd tests/$$m && CGO_ENABLED=0 GOFLAGS="$${GOFLAGS:-} -trimpath" ../../$(B)/golangci-lint run -c ../../.golangci.yml ./...); done

.PHONY: fuzz
fuzz: ## look for alerts that do not survive the trip, and filters that are explained otherwise than they match (FUZZTIME=1m for each)
	@for f in FuzzLabels FuzzRoundTrip; do go test ./adapter/alert -run '^$$' -fuzz "^$$f$$" -fuzztime $(or $(FUZZTIME),1m); done
	@go test ./knative/trigger -run '^$$' -fuzz '^FuzzExplain$$' -fuzztime $(or $(FUZZTIME),1m)

.PHONY: generate
generate: $(B)/golangci-lint ## regenerate what is generated, format, tidy
	@go generate ./...
	@for m in . tests/controlplane tests/cluster tests/cluster/parts/*/ tests/tools/*/; do (cd $$m && go mod tidy); done
	@$(B)/golangci-lint fmt ./...

.PHONY: verify
verify: ## regenerate, and fail where that makes a difference
	@before=$$(git status --porcelain; git diff); $(MAKE) --no-print-directory generate; after=$$(git status --porcelain; git diff); \
	if [ "$$before" != "$$after" ]; then echo "make verify: what is generated differs from what is committed:"; git status --short; git --no-pager diff; exit 1; fi
	@echo "verified: what is generated is what is committed"

.PHONY: clean
clean: ## remove what was built
	@[ ! -x $(CLUSTER) ] || $(CLUSTER) down
	rm -rf $(B)
