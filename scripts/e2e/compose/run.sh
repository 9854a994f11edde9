#!/usr/bin/env bash
# `npm run e2e:compose`: docker-compose.yml as a project of its own, with new passwords and free ports, and a batch through
# it to its end. The figures are one JSON object on stdout; what happens, on stderr.
#
# Images that are here already under the names of `make setup` are used as they are. For others stand-ins are built, with
# the programs temporal, temporal-server, temporal-sql-tool and versitygw from PATH and the rest from Debian. Services that
# have neither are left out: the Web UI and Grafana.
#
#   DARKROOM_IMAGE   an image that is there already; unset: builds darkroom:e2e
#   BASE             the base image to build on
#   E2E_ITEMS        items of the batch (100)
#   DOCKER           the docker program
set -euo pipefail
cd "$(dirname "$0")/../../.."

docker=${DOCKER:-docker}
items=${E2E_ITEMS:-100}
say() { echo "e2e:compose: $(date +%T) $*" >&2; }
skip() { say "skipped: $*"; exit 0; }
$docker info >/dev/null 2>&1 || skip 'no Docker engine answers here.'
$docker compose version >/dev/null 2>&1 || skip 'Docker has no Compose here.'

# The file's relative paths lead into a copy, so that passwords and data are of this trial alone.
project=$(mktemp -d)
mkdir "$project/deploy"
cp docker-compose.yml "$project"
cp -r observability "$project"
tar -c --exclude secrets deploy/compose | tar -x -C "$project"
node scripts/make-secrets.mjs --only-secrets --secrets "$project/deploy/compose/secrets" >"$project/setup.log" 2>&1
compose() { $docker compose --project-name darkroom-e2e --project-directory "$project" --env-file "$project/.env" "$@"; }
finish() {
  compose --profile '*' down --volumes --remove-orphans >/dev/null 2>&1 || true
  rm -rf "$project"
}
trap finish EXIT
fail() {
  say "FAILED: $*"
  compose ps --all >&2 || true
  compose logs --tail 15 >&2 || true
  exit 1
}

# stand_in VARIABLE PACKAGE ENTRY PROGRAM…: an image for a variable of .env. ENTRY is the script that it starts with.
stand_in() {
  local variable=$1 package=$2 entry=$3 name context program; shift 3
  name=$(sed -n "s/^$variable=//p" deploy/compose/images.env.example)
  if ! $docker image inspect "$name" >/dev/null 2>&1; then
    say "$variable: there is no $name here, building a stand-in"
    name=darkroom-e2e-$(tr 'A-Z_' 'a-z-' <<<"${variable%_IMAGE}")
    context=$(mktemp -d -p "$project")
    for program in "$@"; do
      command -v "$program" >/dev/null || skip "there is neither an image for $variable (docker pull) nor $program in PATH."
      cp "$(command -v "$program")" "$context"
    done
    printf '#!/bin/sh\n%s\n' "$entry" >"$context/entry"
    chmod +x "$context/entry"
    $docker build ${BASE:+--build-arg "BASE=$BASE"} --build-arg "PACKAGES=$package" --tag "$name" \
      --file scripts/e2e/compose/Dockerfile "$context" >"$project/build.log" 2>&1 ||
      { tail -20 "$project/build.log" >&2; skip "the stand-in for $variable was not built."; }
    rm -r "$context"
  fi
  echo "$variable=$name" >>"$project/.env"
}
# Compose wants a name for every image, also of services that stay away.
sed -n 's/_IMAGE=.*/_IMAGE=none/p' deploy/compose/images.env.example >"$project/.env"
# shellcheck disable=SC2016 # for the shell in the container
as_is='exec "$@"'
stand_in POSTGRES_IMAGE postgresql "$(cat scripts/e2e/compose/postgres-entry.sh)"
stand_in TEMPORAL_SERVER_IMAGE '' "$as_is" temporal-server
stand_in TEMPORAL_ADMIN_TOOLS_IMAGE '' "$as_is" temporal temporal-sql-tool
stand_in S3_IMAGE '' "$as_is" versitygw
# shellcheck disable=SC2016
stand_in PROMETHEUS_IMAGE prometheus 'exec prometheus "$@"'
stand_in ALERTMANAGER_IMAGE prometheus-alertmanager "$as_is"

if [ -z "${DARKROOM_IMAGE:-}" ]; then
  DARKROOM_IMAGE=darkroom:e2e
  say "building $DARKROOM_IMAGE"
  $docker build ${BASE:+--build-arg "BASE=$BASE"} --tag "$DARKROOM_IMAGE" . >"$project/build.log" 2>&1 ||
    { tail -30 "$project/build.log" >&2; fail 'the image was not built'; }
fi
free_port() { node -e 'const s = require("net").createServer().listen(0, "127.0.0.1", () => { console.log(s.address().port); s.close(); })'; }
starter_port=$(free_port)
prometheus_port=$(free_port)
cat >>"$project/.env" <<END
DARKROOM_IMAGE=$DARKROOM_IMAGE
STARTER_PORT=$starter_port
PROMETHEUS_PORT=$prometheus_port
ALERTMANAGER_PORT=$(free_port)
S3_PORT=$(free_port)
TEMPORAL_UI_PORT=$(free_port)
COMPOSE_PROFILES=observability
END

services=(postgres temporal s3 starter workers-workflows workers-image workers-video prometheus alertmanager)
say "up: ${services[*]}"
began=$(date +%s)
compose up --detach --no-build --wait --wait-timeout 600 "${services[@]}" >"$project/up.log" 2>&1 ||
  { tail -5 "$project/up.log" >&2; fail 'not everything became healthy'; }
healthy=$(($(date +%s) - began))
say "all healthy after $healthy s"

key=$(cat "$project/deploy/compose/secrets/api_key")
status() { curl --silent --output /dev/null --write-out '%{http_code}' "$@" "http://127.0.0.1:$starter_port/v1/batches"; }
[ "$(status)" = 401 ] || fail "the API answers $(status) without a key"
[ "$(status -H "Authorization: Bearer $key")" = 200 ] || fail 'the API refuses its key'

# As `make batch` does; prints the summary, one JSON object.
run_batch() {
  compose run --rm --no-TTY --no-deps start-batch start-batch "$items" --staging s3://media/staging --json 2>"$project/batch.log" | tail -1
}
field() { node -p 'JSON.parse(process.argv[1])[process.argv[2]]' "$1" "$2"; }
say "a batch of $items"
summary=$(run_batch) || { tail -5 "$project/batch.log" >&2; fail "the batch failed: ${summary:-}"; }
[ "$(field "$summary" completed)" = "$items" ] || fail "not all items completed: $summary"
say 'the same batch again'
again=$(run_batch)
[ "$(field "$again" skipped)" = "$items" ] || fail "the second run did not find the first one's results: $again"

say 'two more workers for images, found by Prometheus'
compose up --detach --no-build --no-recreate --no-deps --wait --scale workers-image=3 workers-image >/dev/null 2>&1 || fail 'workers-image did not scale'
# Prints how many targets of a job answer.
targets() { curl --silent "http://127.0.0.1:$prometheus_port/api/v1/query" --data-urlencode "query=sum(up{job=\"$1\"})" | node -p 'JSON.parse(require("fs").readFileSync(0)).data.result[0]?.value[1] ?? 0'; }
for _ in $(seq 60); do [ "$(targets worker)" = 5 ] && break; sleep 2; done
[ "$(targets worker)" = 5 ] || fail "Prometheus sees $(targets worker) of 5 workers"
[ "$(targets starter)" = 1 ] || fail 'Prometheus does not see the starter'
[ "$(targets temporal-server)" = 1 ] || fail 'Prometheus does not see the Temporal server'

connections=$(compose exec --no-TTY postgres psql --username temporal --dbname postgres --tuples-only --no-align \
  --command "select count(*) from pg_stat_activity where datname like 'temporal%'" 2>/dev/null || echo null)
mapfile -t containers < <(compose ps --quiet)
memory=$($docker stats --no-stream --format '{{.Name}} {{.MemUsage}}' "${containers[@]}")
# shellcheck disable=SC2016 # the script is JavaScript
node -e '
  const [healthy, summary, connections, memory] = process.argv.slice(1);
  const { completed, failed, seconds, itemsPerSecond } = JSON.parse(summary);
  const memoryMiB = memory.split("\n").map((line) => line.split(" ")).map(([name, use]) => [
    name.replace("darkroom-e2e-", ""),
    Math.round(parseFloat(use) * (use.endsWith("GiB") ? 1024 : 1)),
  ]);
  console.log(JSON.stringify({
    healthyAfterSeconds: Number(healthy),
    batch: { completed, failed, seconds, itemsPerSecond, skippedAgain: completed },
    postgresConnections: JSON.parse(connections),
    memoryMiB: Object.fromEntries(memoryMiB.sort()),
    load: require("os").loadavg()[0],
  }, null, 2));
' "$healthy" "$summary" "$connections" "$memory"
say 'passed'
