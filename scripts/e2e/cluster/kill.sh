#!/usr/bin/env bash
# SIGKILL to a worker in mid-encode: the step starts again elsewhere, and no item fails.
. "$(dirname "$0")/lib.sh"
workers "$IMAGE_OLD"
batch=kill-$RUN
start_job "$batch" --input "s3://$BUCKET/long" --batch-id "$batch" --output "s3://$BUCKET/out/$batch"
pod=$(a_busy_pod video 240) || fail "no pod began to encode"
sleep 3
say "SIGKILL to the worker in $pod, which encodes"
# The first process of a container cannot be killed from inside; its child, the worker, can. tini ends with it. This very
# script names run.cjs too.
k exec "$pod" -- node -e "
  const fs = require('fs');
  for (const pid of fs.readdirSync('/proc').filter(Number)) {
    let line = '';
    try { line = fs.readFileSync('/proc/' + pid + '/cmdline', 'utf8'); } catch { continue; }
    if (Number(pid) !== process.pid && line.startsWith('node') && line.includes('run.cjs')) process.kill(Number(pid), 'SIGKILL');
  }" || true
for _ in $(seq 60); do
  code=$(k get "$pod" -o jsonpath='{.status.containerStatuses[0].lastState.terminated.exitCode}')
  [ -n "$code" ] && break
  sleep 1
done
[ "$code" = 137 ] || fail "the worker in $pod was not killed: exit code '$code'"
say "$pod started again after exit code $code"
finished "$batch" 4
attempts "$batch"
figures kill "$batch" exitCode="$code"
