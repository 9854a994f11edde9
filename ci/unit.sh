#!/usr/bin/env bash
# Unit tests; arguments as in ci/flaky.mjs.
source "$(dirname "$0")/lib/common.sh"
node scripts/setup.mjs --tools
node ci/flaky.mjs unit "$@"
