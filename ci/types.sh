#!/usr/bin/env bash
source "$(dirname "$0")/lib/common.sh"
npm run --silent typecheck
