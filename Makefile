# Every target is a thin line over a command that also works by hand after `. ./env`.
SHELL := /bin/sh
.DEFAULT_GOAL := help

NODE := node_dir=$$(tools/bootstrap.sh) && PATH="$$node_dir:$$PATH"
ENV := . ./env &&
STACK ?= local

##@ The platform
up: setup ## Set up what is missing, then bring the platform up (CLUSTER=k3d|embedded|existing)
	@$(ENV) node tools/stack/cli.ts up
down: ## Remove stack, cluster and processes (FORCE=1: also when the state cannot be read)
	@MLOPS_NO_PREPARE=$(FORCE); $(ENV) node tools/stack/cli.ts down
preview: setup ## Show what `make up` would change
	@$(ENV) pulumi preview --stack $(STACK)
cluster: setup ## Start the embedded cluster, if the stack uses it
	@$(ENV) node tools/stack/cli.ts cluster
run: setup ## Run a pipeline (PIPELINE=mnist PARAMS="network=cnn epochs=5"); without PIPELINE, list them
	@$(ENV) node tools/pipelines/cli.ts --stack $(STACK) $(if $(PIPELINE),$(PIPELINE) $(PARAMS),--list)
images: setup ## Build our images, push them to the local stack's registry, and use them (k3d, existing; needs Docker)
	@$(ENV) node tools/images/cli.ts
status: ## Show the embedded cluster's processes and the stack's outputs
	@$(ENV) node tools/stack/cli.ts status

rehearse: rehearsal-tools ## Try the aws stack without AWS: what schedules, what does not and why, what it costs (STACK=aws)
	@test "$(STACK)" = aws || { echo "only the aws stack is rehearsed: make rehearse STACK=aws" >&2; exit 1; }
	@$(ENV) node tools/rehearse/cli.ts
rehearsal-tools: # An embedded cluster, whatever cluster the local stack uses
	@$(NODE) && node tools/toolchain/cli.ts install --group core --group embedded >/dev/null

##@ This machine
setup: ## Install every tool that the stack needs, into a cache outside of this folder
	@$(NODE) && groups=$$(node tools/stack/cli.ts groups) && node tools/toolchain/cli.ts install $$groups >/dev/null
	@[ "$(STACK)" != aws ] || { $(ENV) node tools/aws/cli.ts plugins; }
doctor: ## List every tool: found or not, version wanted, how to get it (STACK=aws: and what the account lacks)
	@$(NODE) && node tools/toolchain/cli.ts doctor
	@[ "$(STACK)" != aws ] || { $(ENV) node tools/aws/cli.ts doctor; }
charts: setup ## Download every chart into the charts folder
	@$(ENV) node tools/charts/cli.ts fetch --charts-dir "$$(pulumi config get mlops:chartsDir --stack local)"
lock: setup ## Fill in unverified checksums (needs the internet)
	@$(ENV) node tools/toolchain/cli.ts lock; status=$$?; node tools/charts/cli.ts lock && exit $$status

##@ Policies
policy: preview ## Preview a stack with the policy pack, which ./env sets (STACK=local|aws)
policy-charts: setup ## Check every chart in the charts folder, rendered with our values
	@$(ENV) node tools/policy/renderedCharts.ts --charts-dir "$$(pulumi config get mlops:chartsDir --stack local)"
policy-check: ## Check manifests: make policy-check FILES="a.yaml b.yaml"
	@$(NODE) && node policy/cli/main.ts $(FILES)

##@ Quality
test: all-tools ## Type check, lint, and unit, policy, chart and engine tests
	@$(ENV) node tools/check/cli.ts types lint unit slow policy render engine
test-aws: all-tools ## The aws stack under the real engine, without AWS
	@$(ENV) node tools/check/cli.ts aws
test-all: all-tools ## `make test`, `make test-aws`, and pipelines with real training and serving
	@$(ENV) node tools/check/cli.ts types lint unit slow policy render engine aws pipelines training
all-tools: # What the tests need: the tools for every kind of cluster
	@$(NODE) && node tools/toolchain/cli.ts install --group core --group embedded --group k3d >/dev/null
test-unit: ## Type check, lint and unit tests: no toolchain needed
	@$(NODE) && node tools/check/cli.ts types lint unit
bench: setup ## Measure preview and up against a flat program and against helm
	@$(ENV) node test/bench/cli.ts
bench-serving: setup ## Measure Triton, direct and through the gateway, against MLflow's own server (SWEEP=1: its batching)
	@$(NODE) && node tools/toolchain/cli.ts install --group core --group embedded --group bench >/dev/null
	@$(ENV) node test/bench/serving/cli.ts $(if $(SWEEP),--sweep)
format: ## Format the sources
	@$(NODE) && npm run --silent format

help: ## Print this
	@awk 'BEGIN {FS = ":.*## "} /^##@/ {printf "\n%s\n", substr($$0, 5)} /^[a-z-]+:.*## / {printf "  %-13s %s\n", $$1, $$2}' $(MAKEFILE_LIST)

.PHONY: run images rehearse rehearsal-tools all-tools policy policy-charts policy-check up down preview cluster status setup doctor charts lock test test-aws test-all test-unit bench bench-serving format help
