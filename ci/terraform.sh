#!/usr/bin/env bash
# Terraform: format, and the switching logic's tests, which need no provider and no network. What needs the cloud's
# providers is validated only where `terraform init` can fetch them (TERRAFORM_VALIDATE=1, as the pipeline sets it).
source "$(dirname "$0")/lib/common.sh"
have terraform || skip "terraform is not installed: https://developer.hashicorp.com/terraform/install"
terraform fmt -check -recursive -diff terraform
node scripts/setup.mjs --packages
node ci/flaky.mjs terraform "$@"

if [ "${TERRAFORM_VALIDATE:-}" = 1 ]; then
  for root in terraform terraform/registry; do
    terraform -chdir="$root" init -backend=false -input=false >/dev/null
    terraform -chdir="$root" validate
  done
fi
go_tool tflint
if have tflint; then
  (cd terraform && tflint --recursive)
else
  echo 'SKIPPED: tflint is not installed, and there is no Go to build it with' >&2
fi
checkov=$(tool checkov tools-terraform)
if [ -n "$checkov" ]; then
  # A slow machine takes longer than its ten seconds for a file.
  HCL_PARSE_TIMEOUT_SEC=120 "$checkov" --config-file terraform/.checkov.yaml --directory terraform
else
  echo 'SKIPPED: checkov is not installed, and pip could not bring it' >&2
fi
