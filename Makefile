# The production shape on one host: docs/operations/compose.md. `make` alone lists what there is.
COMPOSE ?= docker compose
POOL ?= image

.DEFAULT_GOAL := help
.PHONY: help setup secrets build up down logs scale batch monitor clean deploy

help: ## what can be made
	@awk -F ':.*## ' '/^[a-z]+:.*## / { printf "  make %-22s %s\n", $$1, $$2 }' $(MAKEFILE_LIST)

setup: ## once: passwords, and the digests of the images into .env
	@node scripts/make-secrets.mjs

build: ## the image of worker, starter and start-batch
	$(COMPOSE) build starter

# Those that a newer version asks for; the ones that are there stay.
secrets:
	@node scripts/make-secrets.mjs --only-secrets

up: secrets build ## everything, and waits until it is healthy
	$(COMPOSE) up --detach --wait

down: ## stops everything; the data stays
	$(COMPOSE) down

logs: ## follows the logs (one service: S=starter)
	$(COMPOSE) logs --follow --tail 100 $(S)

scale: N ?= 2
scale: ## more or fewer workers: POOL=image N=4
	$(COMPOSE) up --detach --no-recreate --no-deps --scale workers-$(POOL)=$(N) workers-$(POOL)

batch: N ?= 2000
batch: ## processes N samples: N=2000
	$(COMPOSE) run --rm start-batch start-batch $(N) --staging s3://media/staging

monitor: ## backlog, rates and workers in the terminal
	@npm run --silent monitor

clean: ## stops everything and removes the data, passwords stay
	$(COMPOSE) --profile '*' down --volumes --remove-orphans

deploy: ENV ?= dev
deploy: ## an environment to this commit, Terraform then the charts: ENV=dev
	ci/deploy.sh $(ENV)
