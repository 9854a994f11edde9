# shellcheck shell=bash
# Sourced by every script of ci/. Each runs from the repository's root, on a laptop as in the pipeline.
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/../.."

# A folder of the script's own, for tokens and kubeconfigs too.
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT

# Nothing to work with: 77, which `npm run ci` counts as skipped and the pipeline as failed.
skip() {
  echo "SKIPPED: $*" >&2
  exit 77
}

fail() {
  echo "$*" >&2
  exit 1
}

have() { command -v "$1" >/dev/null 2>&1; }

# What is installed for checks only, below the user's cache.
cache=${XDG_CACHE_HOME:-$HOME/.cache}/darkroom
PATH=$PATH:$cache/ci-go:$cache/ci-tools-tests/bin

# Builds a program of ci/lib/tools-go.txt, once, unless it is on PATH or there is no Go to build it with.
go_tool() {
  if have "$1" || ! have go; then return 0; fi
  echo "Building $1 with Go, once" >&2
  local module
  module=$(awk -v name="$1" '$1 == name { print $2 }' ci/lib/tools-go.txt)
  GOBIN=$cache/ci-go GOFLAGS=-buildvcs=false go install "$module" >&2 || echo "$1 could not be built." >&2
}

# Path of a linter: the one on PATH, or one installed by pip into the user's cache, from the list ci/lib/${2:-tools}.txt. Prints
# nothing where neither is possible.
tool() {
  have "$1" && command -v "$1" && return
  local list=${2:-tools}
  local folder=$cache/ci-$list
  if [ ! -x "$folder/bin/$1" ]; then
    { python3 -m venv "$folder" && "$folder/bin/pip" install --quiet --disable-pip-version-check -r "ci/lib/$list.txt"; } \
      >&2 || echo "$1 could not be installed." >&2
  fi
  [ ! -x "$folder/bin/$1" ] || echo "$folder/bin/$1"
}

environment() {
  [[ "${1:-}" =~ ^[a-z][a-z0-9-]*$ ]] || fail "Usage: $0 ENVIRONMENT, a folder of terraform/envs: $(ls terraform/envs)"
  [ -d "terraform/envs/$1" ] || fail "No environment \"$1\": there is $(find terraform/envs -mindepth 1 -maxdepth 1 -printf '%f ')"
}

# Terraform on one environment's state. STATE_BUCKET names the bucket of states, AWS_REGION where it is.
terraform_init() {
  export TF_DATA_DIR=$PWD/.darkroom/terraform/$1
  terraform -chdir=terraform init -input=false -backend-config="key=darkroom/$1.tfstate" \
    -backend-config="bucket=${STATE_BUCKET:?names the bucket of Terraform states}" \
    -backend-config="region=${AWS_REGION:?names its region}"
}

# A kubeconfig for the environment's cluster, unless one is there already.
use_cluster() {
  [ -z "${KUBECONFIG:-}" ] || return 0
  [ "${SKIP_TERRAFORM:-}" != 1 ] || return 0
  KUBECONFIG=$work/kubeconfig
  export KUBECONFIG
  aws eks update-kubeconfig --name "$(terraform -chdir=terraform output -raw cluster_name)" >/dev/null
}
