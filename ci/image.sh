#!/usr/bin/env bash
# Builds the image into an archive, lists what is in it and checks the packages against known holes. It needs no credentials;
# ci/push.sh brings the archive to a registry. Leaves in .darkroom/ci/image: image.tar, transport.txt, name.txt, lists/.
source "$(dirname "$0")/lib/common.sh"
docker version >/dev/null 2>&1 || skip "no Docker engine answers"

base=${BASE:-node:22-bookworm-slim}
tag=${TAG:-$(git rev-parse --short=12 HEAD)}
image=darkroom:$tag
out=.darkroom/ci/image
rm -rf "$out"
mkdir -p "$out/lists"

# A digest that was seen a moment ago, so that all stages and the attestation name the same base.
if docker pull --quiet "$base" >/dev/null 2>&1; then
  base=$(docker inspect --format '{{index .RepoDigests 0}}' "$base")
else
  echo "The base $base cannot be pulled here: the local one is used." >&2
fi
build=(--build-arg "BASE=$base")
# A builder that can attest puts provenance and an SBOM into the archive; the classic one only builds.
if docker buildx version >/dev/null 2>&1; then
  builder=darkroom-$$
  docker buildx create --name "$builder" --driver docker-container >/dev/null
  trap 'docker buildx rm "$builder" >/dev/null 2>&1; rm -rf "$work"' EXIT
  docker buildx build --builder "$builder" "${build[@]}" --tag "$image" --load .
  docker buildx build --builder "$builder" "${build[@]}" --provenance=mode=max --sbom=true \
    --output "type=oci,dest=$out/image.tar" .
  echo oci-archive >"$out/transport.txt"
else
  docker build "${build[@]}" --tag "$image" .
  docker save --output "$out/image.tar" "$image"
  echo docker-archive >"$out/transport.txt"
fi

npm sbom --sbom-format cyclonedx --omit dev --package-lock-only >"$out/lists/npm.cdx.json"
# shellcheck disable=SC2016  # dpkg-query's own placeholders
docker run --rm --network none --entrypoint dpkg-query "$image" -W -f '${Package} ${Version}\n' >"$out/lists/debian.txt"
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
  [ -z "${CI:-}" ] || fail "trivy is not installed: the tools image has to bring it, since what is deployed has to be scanned"
  echo 'SKIPPED: trivy is not installed: Debian packages were listed, not scanned' >&2
fi
