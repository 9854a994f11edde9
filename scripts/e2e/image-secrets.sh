#!/usr/bin/env bash
# image-secrets.sh IMAGE [VALUE…]: looks into every layer, the configuration and the history of an image for the values, for
# the secrets of this checkout (`make setup`), for names that files with secrets have and, in what is ours, for known forms.
#   DOCKER   the docker program
set -euo pipefail
cd "$(dirname "$0")/../.."
docker=${DOCKER:-docker}
image=$1
shift

folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
printf '%s\n' "$@" >"$folder/values"
for file in deploy/compose/secrets/*; do
  if [ -f "$file" ]; then cat "$file"; echo; fi
done >>"$folder/values"
# An empty line would be found everywhere.
sed -i '/^.\{0,7\}$/d' "$folder/values"

mkdir "$folder/image"
$docker save "$image" | tar -x -C "$folder/image"
$docker history --no-trunc --format '{{.CreatedBy}}' "$image" >"$folder/image/history"

forms='AKIA[A-Z0-9]{16}|gh[pousr]_[A-Za-z0-9]{36}|xox[abp]-[0-9]{6,}|//[^ ]+:_authToken=.|-----BEGIN ([A-Z]+ )?PRIVATE KEY-----'
names='(^|/)(\.env(\..*)?|\.npmrc|\.git|\.docker|\.aws|id_(rsa|ecdsa|ed25519))(/|$)|^app/.*(\.pem|\.key)$'

found=0
report() { sed "s|^|image-secrets: $1: |" >&2; found=1; }
while IFS= read -r part; do
  open='cat'
  if gzip -t "$part" 2>/dev/null; then open='gzip -dc'; fi
  shown=${part#"$folder/image/"}
  # Counted, since a grep that leaves at the first match would break the pipe.
  if count=$($open "$part" | LC_ALL=C grep -acFf "$folder/values"); then report "$shown" <<<"a secret value, in $count lines"; fi
  # The large layers are the system and the packages, whose libraries hold keys for their own tests.
  if [ "$(stat -c %s "$part")" -lt 32000000 ] && hits=$($open "$part" | grep -aoE "$forms"); then report "$shown" <<<"$hits"; fi
  if hits=$($open "$part" | tar -t 2>/dev/null | grep -E "$names"); then report "$shown" <<<"$hits"; fi
done < <(find "$folder/image" -type f -size +0)

[ "$found" = 0 ] || exit 1
echo "image-secrets: nothing in $image" >&2
