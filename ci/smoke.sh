#!/usr/bin/env bash
# A real batch against an environment, checked: `ci/smoke.sh staging`. It runs inside the starter's pod, where addresses
# and secrets are; with SMOKE_LOCAL=1 from here instead, against whatever TEMPORAL_ADDRESS names (nothing: a server of
# its own).
source "$(dirname "$0")/lib/common.sh"
environment "${1:-}"
items=${ITEMS:-20}
args=("$items" --json --force)
if [ "${SMOKE_LOCAL:-}" = 1 ]; then
  [ -z "${STAGING:-}" ] || args+=(--staging "$STAGING")
  node scripts/setup.mjs
  summary=$(timeout "${TIMEOUT:-900}" node dist/starter/cli/start-batch.js "${args[@]}" | tail -n 1)
else
  source ci/lib/aws.sh
  [ -n "${KUBECONFIG:-}" ] || [ "${SKIP_TERRAFORM:-}" = 1 ] || terraform_init "$1" >/dev/null
  use_cluster
  namespace=${NAMESPACE:-darkroom}
  # Samples and outputs of a trial lie where the starter may write: beside those of `helm test`.
  output=$(kubectl --namespace "$namespace" get configmap starter-config --output 'jsonpath={.data.DARKROOM_OUTPUT}')
  staging=${STAGING:-${output:+${output%/}/_helm-test}}
  [ -n "$staging" ] || fail "storage.output of helm/starter is empty: set STAGING=s3://bucket/prefix"
  args+=(--staging "$staging")
  summary=$(timeout "${TIMEOUT:-900}" kubectl --namespace "$namespace" exec deploy/starter -- \
    node deploy/image/run.cjs start-batch "${args[@]}" | tail -n 1)
fi
node ci/lib/smoke-check.mjs "$items" "$summary"
