#!/usr/bin/env bash
# Builds the image, lists what is in it, checks the packages against known holes, and pushes it where REGISTRY is set
# (REGISTRY=account.dkr.ecr.region.amazonaws.com/darkroom; credentials by OIDC, see lib/aws.sh).
source "$(dirname "$0")/lib/common.sh"
docker version >/dev/null 2>&1 || skip "no Docker engine answers"

base=${BASE:-node:22-bookworm-slim}
tag=${TAG:-$(git rev-parse --short=12 HEAD)}
image=${REGISTRY:-darkroom}:$tag
out=.darkroom/ci/image
mkdir -p "$out"

# A digest that was seen a moment ago, so that all stages and the attestation name the same base.
if docker pull --quiet "$base" >/dev/null 2>&1; then
  base=$(docker inspect --format '{{index .RepoDigests 0}}' "$base")
else
  echo "The base $base cannot be pulled here: the local one is used." >&2
fi
# A builder that can attest adds provenance and an SBOM to what it pushes; the classic one only builds.
if [ -n "${REGISTRY:-}" ] && docker buildx version >/dev/null 2>&1; then
  source ci/lib/aws.sh
  log_in_to_registry "$REGISTRY"
  docker buildx build --build-arg BASE="$base" --tag "$image" --provenance=mode=max --sbom=true --push \
    --metadata-file "$out/build.json" .
  docker pull --quiet "$image"
else
  docker build --build-arg BASE="$base" --tag "$image" .
  if [ -n "${REGISTRY:-}" ]; then
    source ci/lib/aws.sh
    log_in_to_registry "$REGISTRY"
    docker push --quiet "$image"
  fi
fi

npm sbom --sbom-format cyclonedx --omit dev --package-lock-only >"$out/npm.cdx.json"
# shellcheck disable=SC2016  # dpkg-query's own placeholders
docker run --rm --network none --entrypoint dpkg-query "$image" -W -f '${Package} ${Version}\n' >"$out/debian.txt"
echo "$image" >"$out/name.txt"
docker image inspect --format 'Image {{index .RepoTags 0}}: {{.Size}} bytes' "$image"

# A registry that does not answer has found nothing: said on a laptop, a failure in the pipeline.
if ! audit=$(npm audit --omit=dev --audit-level=high 2>&1); then
  echo "$audit" >&2
  [[ "$audit" == *'audit endpoint'* && -z "${CI:-}" ]] || exit 1
  echo 'SKIPPED: the packages were not checked against known holes' >&2
fi
if have trivy; then
  trivy image --quiet --exit-code 1 --severity CRITICAL --ignore-unfixed "$image"
else
  echo 'trivy is not installed: Debian packages were listed, not scanned' >&2
fi
