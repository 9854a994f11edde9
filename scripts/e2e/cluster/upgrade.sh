#!/usr/bin/env bash
# `helm upgrade workers` to a new image in mid-batch, and `helm rollback` in mid-batch: no item lost, none failed.
. "$(dirname "$0")/lib.sh"

# mid BATCH ITEMS: waits until between a tenth and all of the batch is done.
mid() {
  local batch=$1 items=$2 before
  open=0
  for before in $(seq 600); do
    open=$(open_items "$batch")
    [ "$open" -gt 0 ] && [ "$(submitted "$batch")" -ge $((items / 2)) ] && break
    sleep 0.5
  done
  [ "$open" -gt 0 ] || fail "$batch was over before anything could happen to it (after $before looks)"
  open=$(open_items "$batch")
  say "$batch: $open items open"
  began=$SECONDS
}
submitted() { node "$here/history.mjs" count "$1"; }

batch=upgrade-$RUN
workers "$IMAGE_OLD"
start_batch "$batch"
mid "$batch" "$ITEMS"
say "helm upgrade workers to $IMAGE_NEW"
workers "$IMAGE_NEW"
rolled=$((SECONDS - began))
say "rolled out after $rolled s; $(open_items "$batch") items open"
finished "$batch" "$ITEMS"
attempts "$batch"
figures 'helm upgrade' "$batch" itemsOpen="$open" rolloutSeconds="$rolled"

batch=rollback-$RUN
start_batch "$batch"
mid "$batch" "$ITEMS"
say "helm rollback workers"
helm -n "$NS" rollback workers --wait --timeout 5m >/dev/null
k get deploy -l app.kubernetes.io/instance=workers -o jsonpath='{range .items[*]}{.spec.template.spec.containers[0].image}{"\n"}{end}' | sort -u | grep -qx ".*${IMAGE_OLD##*/}" ||
  fail "the rollback did not bring the old image back"
rolled=$((SECONDS - began))
say "rolled back after $rolled s; $(open_items "$batch") items open"
finished "$batch" "$ITEMS"
attempts "$batch"
figures 'helm rollback' "$batch" itemsOpen="$open" rolloutSeconds="$rolled"
