#!/usr/bin/env bash
# `npm run e2e:image`: builds the image and has worker and starter from it process a batch as they would in production:
# read-only root, uid 10001, no capabilities. The figures are one JSON object on stdout; what happens, on stderr.
#
#   DARKROOM_IMAGE    an image that is there already; unset: builds darkroom:e2e
#   BASE              the base image to build on
#   TEMPORAL_ADDRESS  a running server; unset: starts a dev server on a free port
#   E2E_ITEMS         items of the batch (100)
#   E2E_STARTS        starts that are timed (5)
#   E2E_TEMPORAL      the temporal program for the image of everything (the one that set-up has fetched)
#   E2E_NETWORK       network of the containers (host: so that they reach a server on the loopback address)
#   DOCKER            the docker program
set -euo pipefail
cd "$(dirname "$0")/../.."

docker=${DOCKER:-docker}
items=${E2E_ITEMS:-100}
starts=${E2E_STARTS:-5}
name=darkroom-e2e-$$
# In every place where a secret may lie while the image is built and run; may turn up nowhere.
canary=canary$(head -c 16 /dev/urandom | od -An -tx1 | tr -d ' \n')
planted=(".env.$name" "$name.pem" "deploy/image/.env" "deploy/compose/secrets/$name")

say() { echo "e2e:image: $*" >&2; }
if ! $docker info >/dev/null 2>&1; then
  say 'skipped: no Docker engine answers here.'
  exit 0
fi
fail() {
  say "FAILED: $*"
  for part in worker starter; do $docker logs --tail 20 "$name-$part" >&2 || true; done
  exit 1
}
free_port() { node -e 'require("./dist/local/embedded/free-port").freePort().then(console.log)'; }

home=$(mktemp -d)
finish() {
  rm -f "${planted[@]}"
  for part in worker batch starter all; do $docker rm -f "$name-$part" >/dev/null 2>&1 || true; done
  $docker rmi -f "$name-all" "$name-temporal" >/dev/null 2>&1 || true
  $docker volume rm "$name" >/dev/null 2>&1 || true
  if [ -f "$home/temporal.json" ]; then DARKROOM_HOME=$home node dist/local/embedded/stop.js >&2 || true; fi
  rm -rf "$home"
}
trap finish EXIT

if [ -z "${DARKROOM_IMAGE:-}" ]; then
  DARKROOM_IMAGE=darkroom:e2e
  say "building $DARKROOM_IMAGE"
  mkdir -p deploy/compose/secrets
  for file in "${planted[@]}"; do [ -e "$file" ] || echo "$canary" >"$file"; done
  S3_SECRET_ACCESS_KEY=$canary $docker build ${BASE:+--build-arg "BASE=$BASE"} --tag "$DARKROOM_IMAGE" . >"$home/build.log" 2>&1 ||
    { tail -30 "$home/build.log" >&2; fail 'the image was not built'; }
  rm -f "${planted[@]}"
fi
say 'looking for what an intruder could use, and for what nothing loads'
# shellcheck disable=SC2016 # the container's own variables
unwanted=$($docker run --rm --network none --user 0:0 --entrypoint sh "$DARKROOM_IMAGE" -c '
  find / -xdev -type f -perm /6000
  for tool in apt apt-get perl su passwd npm npx; do command -v "$tool"; done
  cd /app/node_modules
  find . -type f \( -name "*.ts" -o -name "*.mts" -o -name "*.cts" -o -name "*.map" -o -name "*.tsbuildinfo" -o -name "*.test.js" \)
  find . -type d \( -name test -o -name tests -o -name __tests__ \) | while read -r folder; do
    [ ! -e "$folder/../package.json" ] || echo "$folder"
  done; true') || fail 'the image could not be looked at'
[ -z "$unwanted" ] || fail "the image holds what it should not: $(head -20 <<<"$unwanted")"
say 'looking for secrets in every layer'
scripts/e2e/image-secrets.sh "$DARKROOM_IMAGE" "$canary" || fail 'the image holds a secret'

if [ -z "${TEMPORAL_ADDRESS:-}" ]; then
  port=$(free_port)
  say "starting a Temporal dev server on port $port"
  DARKROOM_HOME=$home DARKROOM_TEMPORAL_PORT=$port DARKROOM_TEMPORAL_UI_PORT=$(free_port) node -e '
    const { loadConfig } = require("./dist/common/config");
    require("./dist/local/embedded/temporal-server")
      .ensureTemporalServer(loadConfig(), console.error)
      .catch((error) => { console.error(error.message); process.exit(1); });'
  TEMPORAL_ADDRESS=127.0.0.1:$port
fi

# What every container of this trial gets: nothing to write to but /scratch, nothing to gain.
worker_port=$(free_port)
http_port=$(free_port)
confined=(--read-only --cap-drop ALL --security-opt no-new-privileges --network "${E2E_NETWORK:-host}"
  --volume "$name:/scratch" --env "TEMPORAL_ADDRESS=$TEMPORAL_ADDRESS" --env "DARKROOM_QUEUE_PREFIX=$name"
  --env "DARKROOM_WORKER_PORT=$worker_port" --env DARKROOM_SDK_METRICS_PORT=0 --env "DARKROOM_HTTP_PORT=$http_port"
  --env "DARKROOM_API_KEYS=e2e:default:0:operator:$(printf %s "$canary" | sha256sum | cut -d' ' -f1)"
  --env "S3_SECRET_ACCESS_KEY=$canary" --env "S3_ACCESS_KEY_ID=$canary")

# start PART PORT: starts it, and prints the ms from the container's start until /ready answers 200.
start() {
  $docker rm -f "$name-$1" >/dev/null 2>&1 || true
  $docker run --detach --name "$name-$1" "${confined[@]}" "$DARKROOM_IMAGE" "$1" >/dev/null
  # shellcheck disable=SC2016 # the script is JavaScript
  node -e '
    const [started, port] = process.argv.slice(1);
    const deadline = Date.now() + 120_000;
    const ask = async () => {
      const ready = await fetch(`http://127.0.0.1:${port}/ready`).then((answer) => answer.ok, () => false);
      if (ready) return console.log(Date.now() - Date.parse(started));
      if (Date.now() > deadline) process.exit(1);
      setTimeout(ask, 20);
    };
    ask();' "$($docker inspect --format '{{.State.StartedAt}}' "$name-$1")" "$2"
}

# Resident memory of all processes in a container, MiB.
rss_mib() { $docker top "$name-$1" -eo pid,rss | awk 'NR > 1 { sum += $2 } END { printf "%d\n", sum / 1024 }'; }

times=()
for ((n = 1; n <= starts; n++)); do
  times+=("$(start worker "$worker_port")") || fail 'the worker did not become ready within 120 s'
done
start_ms=$(printf '%s\n' "${times[@]}" | sort -n | sed -n "$(((starts + 1) / 2))p")
starter_ms=$(start starter "$http_port") || fail 'the starter did not become ready within 120 s'
say "worker ready after ${times[*]} ms, starter after $starter_ms ms"

for part in worker starter; do
  [ "$($docker exec "$name-$part" id -u)" = 10001 ] || fail "the $part does not run as uid 10001"
  if $docker exec "$name-$part" touch /app/probe 2>/dev/null; then fail "the root of the $part can be written to"; fi
  $docker exec "$name-$part" grep -q jemalloc /proc/self/maps || fail "jemalloc is not loaded in the $part"
  $docker exec "$name-$part" node deploy/image/health.cjs || fail "the health check fails on a ready $part"
done
idle_rss=$(rss_mib worker)

# Through the starter's API to the worker; prints the summary, one JSON object.
run_batch() {
  $docker run --rm --name "$name-batch" "${confined[@]}" --env "DARKROOM_API_KEY=$canary" "$DARKROOM_IMAGE" \
    start-batch "$items" --shared-files --json --api "http://127.0.0.1:$http_port" 2>>"$home/batch.log" | tail -1
}
field() { node -p 'JSON.parse(process.argv[1])[process.argv[2]]' "$1" "$2"; }

say "a batch of $items through the containers"
: >"$home/worker.rss"
: >"$home/starter.rss"
while sleep 1; do
  for part in worker starter; do rss_mib $part >>"$home/$part.rss" 2>/dev/null || true; done
done &
sampler=$!
summary=$(run_batch) || { tail -5 "$home/batch.log" >&2; kill "$sampler"; fail 'start-batch failed'; }
kill "$sampler"
wait "$sampler" 2>/dev/null || true
[ "$(field "$summary" completed)" = "$items" ] || fail "not all items completed: $summary"
again=$(run_batch)
[ "$(field "$again" skipped)" = "$items" ] || fail "the second run did not find the first one's results: $again"

stop_started=$(date +%s%N)
$docker stop --time 60 "$name-worker" >/dev/null
stop_ms=$((($(date +%s%N) - stop_started) / 1000000))
$docker stop --time 60 "$name-starter" >/dev/null
for part in worker starter; do
  exit_code=$($docker inspect --format '{{.State.ExitCode}}' "$name-$part")
  [ "$exit_code" = 0 ] || fail "the $part ended with code $exit_code after SIGTERM"
  $docker logs "$name-$part" >>"$home/batch.log" 2>&1
done
if grep -q "$canary" "$home/batch.log"; then fail 'a secret is in the logs of the containers'; fi

# Everything in one container. The program of this machine stands for Temporal's image, which may be out of reach here.
temporal=${E2E_TEMPORAL:-$(PATH="$HOME/.cache/darkroom/bin:$PATH" command -v temporal || true)}
[ -n "$temporal" ] || fail 'there is no temporal program to put into the image of everything'
say 'one container with everything: a file by the page'"'"'s API'
mkdir "$home/temporal"
cp "$temporal" "$home/temporal/temporal"
printf 'FROM scratch\nCOPY temporal /usr/local/bin/temporal\n' >"$home/temporal/Dockerfile"
$docker build --tag "$name-temporal" "$home/temporal" >>"$home/build.log" 2>&1 || fail 'no image of the temporal program'
$docker build --build-arg "IMAGE=$DARKROOM_IMAGE" --build-arg "TEMPORAL=$name-temporal" --tag "$name-all" \
  --file deploy/trial/Dockerfile deploy/trial >>"$home/build.log" 2>&1 || { tail -20 "$home/build.log" >&2; fail 'no image of everything'; }
all_port=$(free_port)
$docker run --detach --name "$name-all" --publish "127.0.0.1:$all_port:8080" --env "DARKROOM_API_KEY=$canary" "$name-all" >/dev/null
node -e '
  const [port, key] = process.argv.slice(1);
  const { Darkroom } = require("./dist/client");
  const sharp = require("sharp");
  (async () => {
    const darkroom = new Darkroom(`http://127.0.0.1:${port}`, { key, patienceMs: 180_000 });
    const picture = sharp({ create: { width: 900, height: 600, channels: 3, background: "teal" } });
    const { source } = await darkroom.upload("first.jpg", new Uint8Array(await picture.jpeg().toBuffer()));
    const job = await darkroom.wait((await darkroom.submit({ source })).id);
    const page = await fetch(darkroom.url);
    if (job.state !== "succeeded" || !(await page.text()).includes("<title>Darkroom")) throw new Error(JSON.stringify(job));
  })().catch((error) => { console.error(error); process.exit(1); });' "$all_port" "$canary" ||
  { $docker logs "$name-all" >&2; fail 'the container of everything did not process a picture'; }
$docker logs "$name-all" >"$home/all.log" 2>&1
if grep -q "$canary" "$home/all.log"; then fail 'the key is in the log of the container of everything'; fi

# shellcheck disable=SC2016 # the script is JavaScript
node -e '
  const [size, times, start, starter, idle, peak, starterPeak, stop, summary] = process.argv.slice(1);
  const { completed, failed, seconds, itemsPerSecond } = JSON.parse(summary);
  console.log(JSON.stringify({
    sizeMB: Math.round(size / 1e6),
    startMs: { worker: Number(start), all: times.split(" ").map(Number), starter: Number(starter) },
    rssMiB: { workerIdle: Number(idle), workerPeak: Number(peak), starterPeak: Number(starterPeak) },
    batch: { completed, failed, seconds, itemsPerSecond, skippedAgain: completed },
    stopMs: Number(stop),
    load: require("os").loadavg()[0],
  }, null, 2));
' "$($docker image inspect --format '{{.Size}}' "$DARKROOM_IMAGE")" "${times[*]}" "$start_ms" "$starter_ms" "$idle_rss" \
  "$(sort -n "$home/worker.rss" | tail -1)" "$(sort -n "$home/starter.rss" | tail -1)" "$stop_ms" "$summary"
say 'passed'
