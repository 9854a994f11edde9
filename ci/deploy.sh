#!/usr/bin/env bash
# Brings an environment to this commit: `ci/deploy.sh dev`. First what Terraform describes, then the charts; helm takes
# back an upgrade that does not become ready.
#
#   TAG                 image tag; default: this commit
#   SKIP_TERRAFORM=1    charts only, on the cluster of KUBECONFIG (kind, minikube, one that is there already)
#   VALUES              environment whose chart values are used; default: the same name, or else dev
#   OWN_VALUES          a folder of yours with workers.yaml and starter.yaml, which have the last word
source "$(dirname "$0")/lib/common.sh"
environment "${1:-}"
env=$1
tag=${TAG:-$(git rev-parse --short=12 HEAD)}
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
for chart in workers starter; do
  extra=()
  [ ! -f "$work/$chart.yaml" ] || extra+=(--values "$work/$chart.yaml")
  [ -z "${OWN_VALUES:-}" ] || extra+=(--values "$OWN_VALUES/$chart.yaml")
  helm upgrade --install "$chart" "helm/$chart" --namespace "$namespace" --create-namespace \
    --values "helm/$chart/values/$values.yaml" "${extra[@]}" \
    --set-string "image.tag=$tag" ${REGISTRY:+--set-string "image.repository=$REGISTRY"} \
    "$undo" --timeout "${TIMEOUT:-20m}"
done
ci/lib/marker.sh "$env" "$tag"
