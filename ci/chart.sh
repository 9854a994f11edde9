#!/usr/bin/env bash
# The charts: their READMEs, helm's own lint for every environment, what they render against the strict schemas of three
# Kubernetes versions and the definitions of its custom resources, then the tests of what they render.
source "$(dirname "$0")/lib/common.sh"
go_tool helm
have helm || skip "helm is not installed: https://helm.sh"
node scripts/setup.mjs --packages
node scripts/chart-readmes.mjs --check

validate=$(tool kubernetes-validate)
[ -n "$validate" ] || echo 'kubernetes-validate could not be installed: rendered manifests are not checked against schemas.' >&2
for chart in helm/*/; do
  [ -f "$chart/Chart.yaml" ] || continue
  for values in "$chart"values/*.yaml "$chart"ci/*.yaml; do
    [ -f "$values" ] || continue
    # What Helm itself would assume depends on how it was built.
    helm lint --strict --quiet --kube-version 1.34 "$chart" --values "$values"
    rendered=$work/$(basename "$chart")-$(basename "$values")
    for version in 1.29.0 1.32.0 1.35.0; do
      helm template "$(basename "$chart")" "$chart" --kube-version "$version" --values "$values" >"$rendered"
      [ -n "$validate" ] || continue
      "$validate" --strict --no-warn --quiet --kubernetes-version "$version" "$rendered" ||
        fail "$chart with $values is not valid for Kubernetes $version"
    done
  done
done
for chart in terraform/modules/temporal/store-secret terraform/modules/workers/secret-store terraform/modules/fence; do
  helm lint --strict --quiet "$chart" --set region=eu-central-1 --set secret=x --set store=y
  helm template x "$chart" --set region=eu-central-1 --set secret=x --set store=y >"$work/cloud-$(basename "$chart").yaml"
done
checker=$(tool check-jsonschema)
if [ -n "$checker" ]; then
  node ci/lib/custom-resources.mjs "$checker" "$work"/*.yaml
else
  echo 'SKIPPED: check-jsonschema could not be installed: custom resources are not checked' >&2
fi
node ci/flaky.mjs chart "$@"
