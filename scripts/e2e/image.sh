#!/usr/bin/env bash
# `npm run e2e:image`: builds the image and has it process a batch as it would in production: read-only root, uid 10001,
# no capabilities. Prints its size, its start time and its memory.
#
#   DARKROOM_IMAGE    an image that is there already; unset: builds darkroom:e2e
#   BASE              the base image to build on
#   TEMPORAL_ADDRESS  a running server; unset: starts a dev server on a free port
#   E2E_ITEMS         items of the batch (100)
#   E2E_STARTS        starts that are timed (5)
#   E2E_NETWORK       network of the containers (host: so that they reach a server on the loopback address)
#   DOCKER            the docker program
set -euo pipefail
cd "$(dirname "$0")/../.."

docker=${DOCKER:-docker}
items=${E2E_ITEMS:-100}
starts=${E2E_STARTS:-5}
name=darkroom-e2e-$$

if ! $docker info >/dev/null 2>&1; then
  echo 'e2e:image skipped: no Docker engine answers here.'
  exit 0
fi

say() { echo "e2e:image: $*"; }
fail() {
  say "FAILED: $*"
  $docker logs --tail 20 "$name-worker" 2>&1 || true
  exit 1
}
free_port() { node -e 'require("./dist/starter/embedded/probe").freePort().then(console.log)'; }

home=$(mktemp -d)
finish() {
  $docker rm -f "$name-worker" "$name-batch" "$name-starter" >/dev/null 2>&1 || true
  $docker volume rm "$name" >/dev/null 2>&1 || true
  if [ -f "$home/temporal.json" ]; then DARKROOM_HOME=$home node dist/starter/cli/stop.js || true; fi
  rm -rf "$home"
}
trap finish EXIT

if [ -z "${DARKROOM_IMAGE:-}" ]; then
  DARKROOM_IMAGE=darkroom:e2e
  say "building $DARKROOM_IMAGE"
  DOCKER_BUILDKIT=1 $docker build --quiet ${BASE:+--build-arg "BASE=$BASE"} --tag "$DARKROOM_IMAGE" . >/dev/null
fi

if [ -z "${TEMPORAL_ADDRESS:-}" ]; then
  port=$(free_port)
  say "starting a Temporal dev server on port $port"
  DARKROOM_HOME=$home DARKROOM_TEMPORAL_PORT=$port DARKROOM_TEMPORAL_UI_PORT=$(free_port) node -e '
    const { loadConfig } = require("./dist/common/config");
    require("./dist/starter/embedded/temporal-server")
      .ensureTemporalServer(loadConfig(), console.error)
      .catch((error) => { console.error(error.message); process.exit(1); });'
  TEMPORAL_ADDRESS=127.0.0.1:$port
fi

# What every container of this trial gets: nothing to write to but /scratch, nothing to gain.
worker_port=$(free_port)
confined=(--read-only --cap-drop ALL --security-opt no-new-privileges --network "${E2E_NETWORK:-host}"
  --volume "$name:/scratch" --env "TEMPORAL_ADDRESS=$TEMPORAL_ADDRESS" --env "DARKROOM_QUEUE_PREFIX=$name"
  --env "DARKROOM_WORKER_PORT=$worker_port" --env DARKROOM_SDK_METRICS_PORT=0)

# Prints the ms from the container's start until /ready answers 200.
ms_until_ready() { # container port
  # shellcheck disable=SC2016 # the script is JavaScript
  node -e '
    const [started, port] = process.argv.slice(1);
    const deadline = Date.now() + 60_000;
    const ask = async () => {
      const ready = await fetch(`http://127.0.0.1:${port}/ready`).then((answer) => answer.ok, () => false);
      if (ready) return console.log(Date.now() - Date.parse(started));
      if (Date.now() > deadline) process.exit(1);
      setTimeout(ask, 20);
    };
    ask();' "$($docker inspect --format '{{.State.StartedAt}}' "$1")" "$2"
}

# Resident memory of all processes in the container, MiB.
rss_mib() { $docker top "$name-worker" -eo pid,rss | awk 'NR > 1 { sum += $2 } END { printf "%d\n", sum / 1024 }'; }

times=()
for ((n = 1; n <= starts; n++)); do
  $docker rm -f "$name-worker" >/dev/null 2>&1 || true
  $docker run --detach --name "$name-worker" "${confined[@]}" "$DARKROOM_IMAGE" worker >/dev/null
  times+=("$(ms_until_ready "$name-worker" "$worker_port")") || fail 'the worker did not become ready within 60 s'
done
start_ms=$(printf '%s\n' "${times[@]}" | sort -n | sed -n "$(((starts + 1) / 2))p")

[ "$($docker exec "$name-worker" id -u)" = 10001 ] || fail 'the worker does not run as uid 10001'
if $docker exec "$name-worker" touch /app/probe 2>/dev/null; then fail 'the root can be written to'; fi
$docker exec "$name-worker" grep -q jemalloc /proc/self/maps || fail 'jemalloc is not loaded'
$docker exec "$name-worker" node deploy/image/health.cjs || fail 'the health check fails on a ready worker'
idle_rss=$(rss_mib)

run_batch() { # prints the summary, one JSON object
  $docker run --rm --name "$name-batch" "${confined[@]}" "$DARKROOM_IMAGE" start-batch "$items" --shared-files --json \
    2>"$home/batch.log" | tail -1
}
field() { node -p 'JSON.parse(process.argv[1])[process.argv[2]]' "$1" "$2"; }

say "a batch of $items through the containers"
: >"$home/rss"
(while sleep 1; do rss_mib >>"$home/rss" 2>/dev/null || true; done) &
sampler=$!
summary=$(run_batch) || { tail -5 "$home/batch.log"; kill "$sampler"; fail 'start-batch failed'; }
kill "$sampler"
wait "$sampler" 2>/dev/null || true
peak_rss=$(sort -n "$home/rss" | tail -1)
[ "$(field "$summary" completed)" = "$items" ] || fail "not all items completed: $summary"
again=$(run_batch)
[ "$(field "$again" skipped)" = "$items" ] || fail "the second run did not find the first one's results: $again"

stop_started=$(date +%s%N)
$docker stop --time 60 "$name-worker" >/dev/null
stop_ms=$((($(date +%s%N) - stop_started) / 1000000))
exit_code=$($docker inspect --format '{{.State.ExitCode}}' "$name-worker")
[ "$exit_code" = 0 ] || fail "the worker ended with code $exit_code after SIGTERM"

size=$($docker image inspect --format '{{.Size}}' "$DARKROOM_IMAGE")
say "size            $((size / 1000000)) MB"
say "start           ${start_ms} ms from container start to polling (median of: ${times[*]})"
say "memory          ${idle_rss} MiB resident when idle, ${peak_rss} MiB at most during the batch, children and ffmpeg included"
say "batch           $items items in $(field "$summary" seconds) s, $(field "$summary" itemsPerSecond) items/s; run again: $items skipped"
say "stop            ${stop_ms} ms from SIGTERM to exit code 0"
say 'passed'
