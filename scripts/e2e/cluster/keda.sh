#!/usr/bin/env bash
# KEDA from a real backlog: no pod, several, none, and nothing that runs is killed on the way down.
. "$(dirname "$0")/lib.sh"
kubectl get crd scaledobjects.keda.sh >/dev/null 2>&1 || skip "KEDA is not installed in this cluster"
mode=${1:-starter}
address=$(k get service starter -o jsonpath='{.spec.clusterIP}')
# Faster than anybody would want it, so that the way down is seen in minutes. An encode gets five minutes to end.
workers "$IMAGE_OLD" --set poolDefaults.scaling.type=keda,poolDefaults.scaling.inFlight="$mode" \
  --set poolDefaults.scaling.starterMetricsUrl="http://$address:9466/metrics" \
  --set poolDefaults.scaling.pollingInterval=5,poolDefaults.scaling.cooldown=20 \
  --set poolDefaults.scaling.down.after=15,poolDefaults.scaling.down.seconds=15,poolDefaults.scaling.up.pods=2 \
  --set pools.workflows.scaling.max=1,pools.image.scaling.max=3,pools.video.scaling.max=2,pools.video.scaling.waitingPerPod=2 \
  --set pools.video.shutdown.grace=300,pools.video.shutdown.force=320,pools.video.shutdown.termination=340

replicas() {
  k get deploy workers-workflows workers-image workers-video -o jsonpath='{range .items[*]}{.spec.replicas}{" "}{end}'
}
# until PATTERN SECONDS WHAT
until_replicas() {
  for _ in $(seq "$2"); do [[ "$(replicas)" =~ $1 ]] && return; sleep 1; done
  k describe scaledobject >"$OUT/scaledobjects.txt"; fail "$3: replicas are $(replicas)"
}
until_replicas '^0 0 0 $' 180 "without work the pods did not go"
say "no pod: $(replicas)"

# Not by k: ending a function in the background leaves its kubectl.
kubectl -n "$NS" get pods -l app.kubernetes.io/instance=workers,app.kubernetes.io/component=worker -w \
  -o jsonpath='{.metadata.name} {.status.containerStatuses[0].state.terminated.exitCode}{"\n"}' >"$OUT/exits.txt" & watcher=$!
trap 'kill $watcher 2>/dev/null || true; k scale deploy starter --replicas 1 >/dev/null' EXIT
batch=keda-$mode-$RUN
start_batch "$batch"
start_job "$batch-long" --input "s3://$BUCKET/long" --batch-id "$batch-long" --output "s3://$BUCKET/out/$batch-long"
# time, pods wanted of workflows, image, video; open items of both batches
record() { echo "$(date +%T) $(replicas)$(open_items "$batch") $(open_items "$batch-long")" | tee -a "$OUT/keda-$mode.txt" >&2; }
: >"$OUT/keda-$mode.txt"
# What counts the open items goes away for a while: nothing may go to zero because of that.
away() {
  for _ in $(seq 300); do [ "$(busy_pods video)" -gt 0 ] && break; sleep 1; done
  say "the starter goes away for 45 s"
  k scale deploy starter --replicas 0 >/dev/null; sleep 45; k scale deploy starter --replicas 1 >/dev/null
  say "the starter is back"
}
busy_pods() { pods "darkroom/pool=$1" --field-selector status.phase=Running 2>/dev/null | wc -l; }
[ "$mode" != starter ] || away &
while [ "$(k get job "$batch" "$batch-long" -o jsonpath='{.items[0].status.succeeded}{.items[1].status.succeeded}')" != 11 ]; do
  record
  [ "$(wc -l <"$OUT/keda-$mode.txt")" -lt 300 ] || fail "the batches did not end"
  sleep 3
done
finished "$batch" "$ITEMS"
finished "$batch-long" 4
say "done: $(replicas); waiting for none"
until_replicas '^0 0 0 $' 240 "after the work the pods did not go"
for _ in $(seq 60); do [ -z "$(pods '' 2>/dev/null)" ] && break; sleep 1; done
say "no pod: $(replicas)"
most() { awk -v column="$1" '$column > most { most = $column } END { print most + 0 }' "$OUT/keda-$mode.txt"; }
most=$(printf '{"workflows":%d,"image":%d,"video":%d}' "$(most 2)" "$(most 3)" "$(most 4)")
say "most pods: $most"
[ "$(most 3)" -gt 1 ] || fail "image never had several pods"
# Exit code 0 is a worker that drained; 137 is one that was killed.
exits=$(awk 'NF == 2 { codes[$1] = $2 } END { for (pod in codes) n[codes[pod]]++; for (code in n) print code, n[code] }' "$OUT/exits.txt" |
  node -p 'JSON.stringify(Object.fromEntries(require("fs").readFileSync(0, "utf8").trim().split("\n").map((line) => line.split(" "))))')
say "pods by exit code: $exits"
grep -qE ' 0$' "$OUT/exits.txt" || fail "no pod was seen to end"
attempts "$batch"
attempts "$batch-long"
figures "keda $mode" "$batch" mostPods="$most" podsByExitCode="$exits"
figures "keda $mode, long encodes" "$batch-long"
if grep -qE ' (137|1)$' "$OUT/exits.txt"; then fail "a worker was killed"; fi
