# shellcheck shell=bash
# shellcheck disable=SC2034,SC2140,SC2016 # for the steps; quotes that Helm sees; JavaScript
# What the steps share. Addresses and images come from the environment; README.md beside this file lists them.
set -euo pipefail
here=$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)
root=$(cd "$here/../../.." && pwd)

# Nothing to work with. A step of run.sh notes it there, so that the end does not say that everything passed.
skip() {
  echo "e2e:cluster: skipped: $*" >&2
  [ -z "${E2E_SKIPPED:-}" ] || echo "$*" >>"$E2E_SKIPPED"
  exit 0
}
say() { echo "e2e:cluster: $(date +%T) $*" >&2; }
fail() { echo "e2e:cluster: FAILED: $*" >&2; exit 1; }

for tool in kubectl helm node; do command -v "$tool" >/dev/null || skip "$tool is not installed"; done
[ -n "${KUBECONFIG:-}" ] || skip "KUBECONFIG is not set; name the file of a cluster to use"
if [ -n "${E2E_LOAD:-}" ]; then
  export IMAGE_OLD=${IMAGE_OLD:-darkroom:e2e-old} IMAGE_NEW=${IMAGE_NEW:-darkroom:e2e-new} E2E_PULL_POLICY=${E2E_PULL_POLICY:-Never}
fi
for name in TEMPORAL_ADDRESS S3_ENDPOINT S3_ACCESS_KEY_ID S3_SECRET_ACCESS_KEY IMAGE_OLD IMAGE_NEW; do
  [ -n "${!name:-}" ] || skip "$name is not set; see scripts/e2e/cluster/README.md"
done
kubectl get --raw /readyz >/dev/null 2>&1 || skip "no cluster answers at \$KUBECONFIG"

NS=${E2E_NAMESPACE:-darkroom-e2e}
ITEMS=${E2E_ITEMS:-200}
BUCKET=${E2E_BUCKET:-darkroom-e2e}
RUN=${E2E_RUN:-$(date +%s)}
STAGING=${E2E_STAGING:-s3://$BUCKET/staging}
OUT=${E2E_OUT:-$(mktemp -d)}
mkdir -p "$OUT"
export TEMPORAL_ADDRESS TEMPORAL_NAMESPACE=${TEMPORAL_NAMESPACE:-default}
k() { kubectl -n "$NS" "$@"; }

# workers IMAGE FLAGS..., starter IMAGE FLAGS...: install or upgrade, by the values of a cluster on one machine.
workers() { chart workers "$@"; }
starter() { chart starter "$@"; }
chart() {
  local name=$1 image=$2; shift 2
  helm -n "$NS" upgrade --install "$name" "$root/helm/$name" -f "$root/helm/$name/values/dev.yaml" \
    --set image.repository="${image%:*}",image.tag="${image##*:}",image.pullPolicy="${E2E_PULL_POLICY:-IfNotPresent}" \
    --set temporal.address="${CLUSTER_TEMPORAL_ADDRESS:-$TEMPORAL_ADDRESS}",temporal.namespace="$TEMPORAL_NAMESPACE" \
    --set storage.output="s3://$BUCKET/out",storage.s3.endpoint="${CLUSTER_S3_ENDPOINT:-$S3_ENDPOINT}" \
    --set "storage.buckets={$BUCKET}" --wait --timeout 3m "$@" >/dev/null
}

# A Job from the image. job NAME SECONDS args...: waits, prints its log, fails when it failed.
start_job() {
  local name=$1; shift
  k delete job "$name" --ignore-not-found --wait >/dev/null
  node "$here/job.mjs" "$name" "${JOB_IMAGE:-$IMAGE_OLD}" "${E2E_PULL_POLICY:-IfNotPresent}" "$@" | k apply -f - >/dev/null
}
await_job() {
  local name=$1 left=$2
  while [ "$left" -gt 0 ]; do
    case $(k get job "$name" -o jsonpath='{.status.succeeded}/{.status.failed}') in
      1/*) return 0 ;;
      /1) k logs "job/$name" --tail 20 >&2; return 1 ;;
    esac
    sleep 1; left=$((left - 1))
  done
  k logs "job/$name" --tail 20 >&2; return 1
}

# start_batch BATCH: the samples that setup.sh brought into the bucket, once more, as a batch of its own.
start_batch() { start_job "$1" --input "$STAGING/sources" --batch-id "$1" --output "s3://$BUCKET/out/$1"; }

# What start-batch printed as its last line.
summary() { k logs "job/$1" | grep '^{"batchId"\|"submitted"' | tail -1; }

# finished BATCH ITEMS: the summary has to say that every item completed and none failed.
finished() {
  await_job "$1" 900 || fail "$1 did not finish"
  summary "$1" >"$OUT/$1.json"
  node -e '
    const s = JSON.parse(require("fs").readFileSync(process.argv[1], "utf8"));
    console.error(`e2e:cluster: ${s.completed} completed, ${s.failed} failed, ${s.submitted} submitted in ${s.seconds.toFixed(1)} s`);
    process.exit(s.completed === Number(process.argv[2]) && s.failed === 0 ? 0 : 1);
  ' "$OUT/$1.json" "$2" || fail "$1: not every item completed"
}

# busy POD POOL: how many activities run in it now.
busy() {
  k exec "$1" -- node -e "fetch('http://127.0.0.1:9464/metrics').then((r) => r.text()).then((text) =>
    console.log(/^darkroom_slots_used\{pool=\"$2\"\} (\d+)/m.exec(text)?.[1] ?? 0))" 2>/dev/null || echo 0
}
# a_busy_pod POOL SECONDS: the name of a pod of the pool that works.
a_busy_pod() {
  local pod
  for _ in $(seq "$2"); do
    for pod in $(pods "darkroom/pool=$1" -o name --field-selector status.phase=Running); do
      [ "$(busy "$pod" "$1")" -eq 0 ] || { echo "$pod"; return; }
    done
    sleep 0.5
  done
  return 1
}
pods() { k get pods -l "app.kubernetes.io/instance=workers,app.kubernetes.io/component=worker${1:+,$1}" --no-headers "${@:2}"; }

# How many workflows of a batch are open.
open_items() { node "$here/history.mjs" open "$1"; }
# figures STEP [BATCH] [name=value…]: keeps them for the end.
figures() { node "$here/figures.mjs" add "$OUT" "$@"; }
# attempts BATCH: every history of it, read. A step that started again because its worker was gone is no failure of the
# item; any other second attempt is, here.
attempts() {
  node "$here/history.mjs" attempts "$1" | tee "$OUT/attempts-$1.json" >&2
  node -e '
    const { because } = JSON.parse(require("fs").readFileSync(process.argv[1], "utf8"));
    process.exit(Object.keys(because).every((reason) => reason === "activity Heartbeat timeout") ? 0 : 1);
  ' "$OUT/attempts-$1.json" || fail "$1: steps were attempted again for another reason than a lost worker"
}
