#!/usr/bin/env bash
# `helm test` of both charts: the API answers and wants a key; one real item goes through the pools.
. "$(dirname "$0")/lib.sh"
workers "$IMAGE_OLD"
for release in starter workers; do
  began=$SECONDS
  helm -n "$NS" test "$release" --timeout 10m --logs >"$OUT/test-$release.txt" 2>&1 || { tail -40 "$OUT/test-$release.txt" >&2; fail "helm test $release"; }
  say "helm test $release: $(grep -m1 Phase "$OUT/test-$release.txt")"
  figures "helm test $release" seconds=$((SECONDS - began))
done
