#!/usr/bin/env bash
# Style and mistakes that need no type: TypeScript, formats, shell scripts, YAML, the Dockerfile, the pipeline itself.
source "$(dirname "$0")/lib/common.sh"

npm run --silent lint
npm run --silent format:check

missing=()
run_tool() {
  local program
  program=$(tool "$1") || true
  if [ -z "$program" ]; then
    missing+=("$1")
    return
  fi
  echo "$1" >&2
  "$program" "${@:2}"
}

mapfile -t scripts < <(find ci .ci deploy -name '*.sh' -o -path .ci/run | sort)
run_tool shellcheck --external-sources --source-path=SCRIPTDIR "${scripts[@]}"
mapfile -t scripts < <(find scripts -name '*.sh' | sort)
run_tool shellcheck --external-sources --source-path=SCRIPTDIR --severity=error "${scripts[@]}"
mapfile -t yaml < <(find .circleci presets observability deploy docker-compose*.y*ml -name '*.y*ml' 2>/dev/null | sort)
run_tool yamllint --strict --config-file ci/lib/yamllint.yml "${yaml[@]}"
run_tool check-jsonschema --builtin-schema vendor.circle-ci .circleci/config.yml
[ ! -f Dockerfile ] || run_tool hadolint Dockerfile
[ ${#missing[@]} -eq 0 ] || skip "could not be installed: ${missing[*]}; everything else passed"
