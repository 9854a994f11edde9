#!/usr/bin/env bash
# The charts: helm's own lint for every environment, then the tests of what they render.
source "$(dirname "$0")/lib/common.sh"
have helm || skip "helm is not installed: https://helm.sh"
for chart in helm/*/; do
  [ -f "$chart/Chart.yaml" ] || continue
  for values in "$chart"values/*.yaml "$chart"ci/*.yaml; do
    [ ! -f "$values" ] || helm lint --strict --quiet "$chart" --values "$values"
  done
done
node scripts/setup.mjs --packages
node ci/flaky.mjs chart "$@"
