#!/usr/bin/env bash
# Terraform: format, and the switching logic's tests, which need no provider and no network. What needs the cloud's
# providers is validated only where `terraform init` can fetch them (TERRAFORM_VALIDATE=1, as the pipeline sets it).
source "$(dirname "$0")/lib/common.sh"
have terraform || skip "terraform is not installed: https://developer.hashicorp.com/terraform/install"
terraform fmt -check -recursive -diff terraform
node scripts/setup.mjs --packages
node ci/flaky.mjs terraform "$@"

if [ "${TERRAFORM_VALIDATE:-}" = 1 ]; then
  terraform -chdir=terraform init -backend=false -input=false >/dev/null
  terraform -chdir=terraform validate
fi
if have tflint; then tflint --recursive --chdir=terraform; else echo 'tflint is not installed: not run' >&2; fi
if have checkov; then checkov --quiet --compact --skip-download --directory terraform; else echo 'checkov is not installed: not run' >&2; fi
