#!/usr/bin/env bash
# Ends a job of the pipeline, as passed, when its branch changed nothing that the job looks at.
set -euo pipefail
git fetch --quiet origin main || echo 'main could not be fetched: everything counts as changed' >&2
node ci/changed.mjs
node ci/changed.mjs --job "$1" || circleci-agent step halt
