#!/usr/bin/env bash
# Namespace (restricted), Secret, bucket, workers of the old image, and a first batch, which brings the sources into the
# bucket for all others. Again is safe.
. "$(dirname "$0")/lib.sh"
kubectl get ns "$NS" >/dev/null 2>&1 || kubectl create ns "$NS" >/dev/null
# Kubernetes itself refuses a pod here that is not restricted.
kubectl label ns "$NS" pod-security.kubernetes.io/enforce=restricted --overwrite >/dev/null
k create secret generic darkroom --dry-run=client -o yaml \
  --from-literal=S3_ACCESS_KEY_ID="$S3_ACCESS_KEY_ID" --from-literal=S3_SECRET_ACCESS_KEY="$S3_SECRET_ACCESS_KEY" |
  k apply -f - >/dev/null
JOB_BARE=1 start_job bucket -- -e "
const { S3Client, CreateBucketCommand } = require('@aws-sdk/client-s3');
new S3Client({ endpoint: process.env.S3_ENDPOINT, region: 'us-east-1', forcePathStyle: true, credentials:
  { accessKeyId: process.env.S3_ACCESS_KEY_ID, secretAccessKey: process.env.S3_SECRET_ACCESS_KEY } })
  .send(new CreateBucketCommand({ Bucket: '$BUCKET' }))
  .catch((error) => { if (!/BucketAlready/.test(error.name)) throw error; });"
await_job bucket 120 || fail "the bucket $BUCKET could not be made"
say "installing workers from $IMAGE_OLD"
workers "$IMAGE_OLD"
pods '' >&2

say "$ITEMS samples into $STAGING, and through the workers"
start_job first "$ITEMS" --batch-id "first-$RUN" --staging "$STAGING"
finished first "$ITEMS"
