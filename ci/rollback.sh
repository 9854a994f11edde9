#!/usr/bin/env bash
# Takes the charts back by one revision, or to the one named: `ci/rollback.sh prod [REVISION]`. Running items are
# finished or handed back as in any other rollout; nothing is lost.
source "$(dirname "$0")/lib/common.sh"
environment "${1:-}"
have helm || fail "helm is needed: https://helm.sh"
source ci/lib/aws.sh
[ -n "${KUBECONFIG:-}" ] || [ "${SKIP_TERRAFORM:-}" = 1 ] || terraform_init "$1" >/dev/null
use_cluster
for chart in starter workers; do
  helm rollback "$chart" ${2:+"$2"} --namespace "${NAMESPACE:-darkroom}" --wait --timeout "${TIMEOUT:-20m}"
done
ci/lib/marker.sh "$1" "rollback${2:+ to revision $2}"
