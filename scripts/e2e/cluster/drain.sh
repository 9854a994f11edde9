#!/usr/bin/env bash
# `kubectl drain` of a worker's node in mid-batch, of the workers only, so that a cluster of one node can do it too: what
# fits into the grace is finished, the rest is handed back, and no item fails.
. "$(dirname "$0")/lib.sh"
workers "$IMAGE_OLD"
batch=drain-$RUN
start_batch "$batch"
pod=$(a_busy_pod image 240) || fail "no pod began to work"
node=$(k get "$pod" -o jsonpath='{.spec.nodeName}')
trap 'kubectl uncordon "$node" >/dev/null' EXIT
open=$(open_items "$batch")
began=$SECONDS
say "draining node $node: $open items open"
kubectl drain "$node" --pod-selector app.kubernetes.io/instance=workers,app.kubernetes.io/component=worker \
  --delete-emptydir-data --ignore-daemonsets --timeout 5m >"$OUT/drain.log" 2>&1 || { cat "$OUT/drain.log" >&2; fail "the drain did not end"; }
drained=$((SECONDS - began))
say "drained after $drained s; $(open_items "$batch") items open"
kubectl uncordon "$node" >/dev/null
finished "$batch" "$ITEMS"
attempts "$batch"
figures drain "$batch" itemsOpen="$open" drainSeconds="$drained"
