#!/usr/bin/env bash
# Tests that start servers and workers; CIRCLE_NODE_INDEX and CIRCLE_NODE_TOTAL give this machine its share.
source "$(dirname "$0")/lib/common.sh"
node scripts/setup.mjs --tests
node ci/flaky.mjs integration "$@"
