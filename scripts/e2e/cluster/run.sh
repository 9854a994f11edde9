#!/usr/bin/env bash
# npm run e2e:cluster: everything, one after the other, on the cluster of KUBECONFIG. See README.md. The figures are one
# JSON object on stdout; what happens, on stderr.
. "$(dirname "$0")/lib.sh"
export E2E_OUT=$OUT E2E_RUN=$RUN E2E_SKIPPED=$OUT/skipped
rm -f "$OUT/figures.jsonl" "$E2E_SKIPPED"
[ -z "${E2E_LOAD:-}" ] || "$here/images.sh"
for step in setup test upgrade kill drain keda; do
  say "== $step"
  "$here/$step.sh"
done
helm -n "$NS" uninstall workers starter --wait >/dev/null
kubectl delete ns "$NS" --timeout 2m >/dev/null
node "$here/figures.mjs" print "$OUT"
if [ -s "$E2E_SKIPPED" ]; then
  say "passed but for what was skipped; what was seen lies in $OUT"
  sed 's/^/e2e:cluster: NOT RUN: /' "$E2E_SKIPPED" >&2
else
  say "all passed; what was seen lies in $OUT"
fi
