#!/usr/bin/env bash
# This checkout as an image, twice and with two identities, and both onto the nodes by E2E_LOAD. Nothing to do where
# IMAGE_OLD and IMAGE_NEW name images that are there.
set -euo pipefail
cd "$(dirname "$0")/../../.."
docker=${DOCKER:-docker}
$docker info >/dev/null 2>&1 || { echo 'e2e:cluster: no Docker engine answers; build images elsewhere and name them by IMAGE_OLD and IMAGE_NEW' >&2; exit 1; }
log=$(mktemp)
trap 'rm -f "$log"' EXIT
for image in "$IMAGE_OLD" "$IMAGE_NEW"; do
  echo "e2e:cluster: $(date +%T) building $image" >&2
  $docker build ${BASE:+--build-arg "BASE=$BASE"} --label "e2e=$image" --tag "$image" . >"$log" 2>&1 || { tail -30 "$log" >&2; exit 1; }
  # shellcheck disable=SC2086 # a command with its words
  $E2E_LOAD "$image" >&2
done
