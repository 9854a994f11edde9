#!/usr/bin/env bash
# Namespace (restricted), Secret, bucket, workers of the old image, and a first batch, which brings the sources into the
# bucket for all others. Again is safe.
. "$(dirname "$0")/lib.sh"
# What an interrupted run left would scale the workers while they are watched.
helm -n "$NS" uninstall workers starter --ignore-not-found --wait >/dev/null
kubectl get ns "$NS" >/dev/null 2>&1 || kubectl create ns "$NS" >/dev/null
# Kubernetes itself refuses a pod here that is not restricted.
kubectl label ns "$NS" pod-security.kubernetes.io/enforce=restricted --overwrite >/dev/null
# The API wants a key; its hash is all that the cluster gets.
key_hash=$(head -c 32 /dev/urandom | sha256sum | cut -d' ' -f1)
k create secret generic darkroom --dry-run=client -o yaml \
  --from-literal=S3_ACCESS_KEY_ID="$S3_ACCESS_KEY_ID" --from-literal=S3_SECRET_ACCESS_KEY="$S3_SECRET_ACCESS_KEY" \
  --from-literal=DARKROOM_API_KEYS="e2e:e2e:0:$key_hash" | k apply -f - >/dev/null
JOB_BARE=1 BUCKET=$BUCKET start_job prepare -- -e "$(cat "$here/prepare.cjs")"
await_job prepare 300 || fail "the bucket $BUCKET could not be made and filled"
say "installing workers from $IMAGE_OLD"
workers "$IMAGE_OLD"
say "installing starter from $IMAGE_OLD"
starter "$IMAGE_OLD"
k get pods >&2

say "$ITEMS samples into $STAGING, and through the workers"
batch=first-$RUN
start_job "$batch" "$ITEMS" --batch-id "$batch" --staging "$STAGING"
finished "$batch" "$ITEMS"
attempts "$batch"
figures 'first batch' "$batch"
