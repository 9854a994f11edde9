#!/usr/bin/env bash
# Brings the archive of ci/image.sh to a registry as REGISTRY:COMMIT and notes the digest that ci/deploy.sh deploys, in
# .darkroom/ci/image/digest.txt. REGISTRY=account.dkr.ecr.region.amazonaws.com/darkroom; credentials by OIDC, see lib/aws.sh.
#
#   TAG    image tag; default: this commit
source "$(dirname "$0")/lib/common.sh"
out=.darkroom/ci/image
: "${REGISTRY:?names the repository of the registry, without a tag}"
[ -f "$out/image.tar" ] || fail "There is no archive of the image: ci/image.sh makes it."
have skopeo || fail "skopeo is needed: https://github.com/containers/skopeo"
source ci/lib/aws.sh
log_in_to_registry "$REGISTRY"
only_immutable_tags "$REGISTRY"

target=docker://$REGISTRY:${TAG:-$(git rev-parse --short=12 HEAD)}
# The pipeline may run twice for a commit. Its tag names what the first run pushed, and that is what stays.
if skopeo inspect --format '{{.Digest}}' "$target" >"$out/digest.txt" 2>"$work/inspect"; then
  echo "The registry has this commit already: its image is the one to deploy." >&2
else
  skopeo copy --quiet --all --digestfile "$out/digest.txt" "$(cat "$out/transport.txt"):$out/image.tar" "$target" ||
    { cat "$work/inspect" >&2; fail "The image could not be pushed to $REGISTRY."; }
fi
grep -Eqx 'sha256:[0-9a-f]{64}' "$out/digest.txt" || fail "The registry answered with no digest: $(cat "$out/digest.txt")"
echo "$REGISTRY@$(cat "$out/digest.txt")"
