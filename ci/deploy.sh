#!/usr/bin/env bash
# Brings an environment to this commit: `ci/deploy.sh dev`. First what Terraform describes, then the charts; helm takes
# back an upgrade that does not become ready.
#
#   TAG                 image tag, the name of the build; default: this commit
#   DIGEST              sha256:… of the image, which wins over the tag; default: what ci/push.sh noted. The pipeline needs it
#   SKIP_TERRAFORM=1    charts only, on the cluster of KUBECONFIG (kind, minikube, one that is there already)
#   VALUES              environment whose chart values are used; default: the same name, or else dev
#   OWN_VALUES          a folder of yours with workers.yaml and starter.yaml, which have the last word
source "$(dirname "$0")/lib/common.sh"
environment "${1:-}"
env=$1
tag=${TAG:-$(git rev-parse --short=12 HEAD)}
noted=.darkroom/ci/image
digest=${DIGEST:-}
# What was noted for another commit says nothing of this one.
if [ -z "$digest" ] && [ -f "$noted/digest.txt" ] && [ "$(cat "$noted/name.txt")" = "darkroom:$tag" ]; then
  digest=$(cat "$noted/digest.txt")
fi
[ -n "$digest" ] || [ -z "${CI:-}" ] || fail "No digest is noted for $tag: ci/push.sh writes that of the image that was scanned."
values=${VALUES:-$([ -f "helm/workers/values/$env.yaml" ] && echo "$env" || echo dev)}
have helm || fail "helm is needed: https://helm.sh"
source ci/lib/aws.sh

if [ "${SKIP_TERRAFORM:-}" != 1 ]; then
  terraform_init "$env"
  terraform -chdir=terraform apply -input=false -var-file="envs/$env/terraform.tfvars" -var "environment=$env" \
    ${CI:+-auto-approve}
  # Values that follow from the switches: addresses, authentication, scaling, source of jobs.
  for chart in workers starter; do
    terraform -chdir=terraform output -raw "${chart}_values" >"$work/$chart.yaml"
  done
fi
use_cluster

namespace=${NAMESPACE:-darkroom}
# Helm 4 renamed the option that takes a failed upgrade back.
undo=--atomic
helm upgrade --help | grep -q -- --rollback-on-failure && undo=--rollback-on-failure
# Helm has taken the release back; the Job of the revision that failed still knows why its build was refused.
why() {
  local job
  job=$(kubectl --namespace "$namespace" get jobs --selector "app.kubernetes.io/instance=$1" --sort-by .metadata.creationTimestamp \
    --output 'jsonpath={range .items[?(@.status.failed==1)]}{.metadata.name}{"\n"}{end}' | tail -n 1) || true
  [ -z "$job" ] || kubectl --namespace "$namespace" logs "job/$job" --tail 20 >&2 || true
  fail "helm could not bring $1 to $tag."
}
for chart in workers starter; do
  extra=()
  [ ! -f "$work/$chart.yaml" ] || extra+=(--values "$work/$chart.yaml")
  [ -z "${OWN_VALUES:-}" ] || extra+=(--values "$OWN_VALUES/$chart.yaml")
  helm upgrade --install "$chart" "helm/$chart" --namespace "$namespace" --create-namespace \
    --values "helm/$chart/values/$values.yaml" "${extra[@]}" \
    --set-string "image.tag=$tag" --set-string "image.digest=$digest" \
    ${REGISTRY:+--set-string "image.repository=$REGISTRY"} "$undo" --timeout "${TIMEOUT:-20m}" || why "$chart"
done
ci/lib/marker.sh "$env" "$tag"
