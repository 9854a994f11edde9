#!/usr/bin/env bash
# The charts: helm's own lint for every environment, what they render against the strict schemas of three Kubernetes
# versions, then the tests of what they render.
source "$(dirname "$0")/lib/common.sh"
have helm || skip "helm is not installed: https://helm.sh"
# Custom resources (KEDA's, Prometheus') are not among its schemas.
validate=$(tool kubernetes-validate)
[ -n "$validate" ] || echo 'kubernetes-validate could not be installed: rendered manifests are not checked against schemas.' >&2
for chart in helm/*/; do
  [ -f "$chart/Chart.yaml" ] || continue
  for values in "$chart"values/*.yaml "$chart"ci/*.yaml; do
    [ -f "$values" ] || continue
    # What Helm itself would assume depends on how it was built.
    helm lint --strict --quiet --kube-version 1.34 "$chart" --values "$values"
    [ -n "$validate" ] || continue
    for version in 1.29.0 1.32.0 1.35.0; do
      helm template "$(basename "$chart")" "$chart" --kube-version "$version" --values "$values" >"$work/rendered.yaml"
      "$validate" --strict --no-warn --quiet --kubernetes-version "$version" "$work/rendered.yaml" ||
        fail "$chart with $values is not valid for Kubernetes $version"
    done
  done
done
node scripts/setup.mjs --packages
node ci/flaky.mjs chart "$@"
