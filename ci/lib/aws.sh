# shellcheck shell=bash
# Sourced after common.sh by what talks to AWS. Keys last minutes: the pipeline's OIDC token is exchanged for them by the AWS tools
# themselves, as in a pod. AWS_ROLE_ARN names the role; on a laptop neither is set and your own profile counts.
if [ -n "${CIRCLE_OIDC_TOKEN_V2:-}" ]; then
  : "${AWS_ROLE_ARN:?names the role that this job may take}"
  AWS_WEB_IDENTITY_TOKEN_FILE=${work:?}/token
  export AWS_ROLE_ARN AWS_WEB_IDENTITY_TOKEN_FILE
  export AWS_ROLE_SESSION_NAME="darkroom-${CIRCLE_WORKFLOW_ID:-laptop}"
  (umask 077 && printf '%s' "$CIRCLE_OIDC_TOKEN_V2" >"$AWS_WEB_IDENTITY_TOKEN_FILE")
fi

log_in_to_registry() {
  local host=${1%%/*}
  [[ "$host" == *.amazonaws.com ]] || return 0
  aws ecr get-login-password --region "$(cut -d. -f4 <<<"$host")" | skopeo login --username AWS --password-stdin "$host"
}

# Refuses a repository of ECR whose tags can be moved to another image.
only_immutable_tags() {
  local host=${1%%/*} mutability
  [[ "$host" == *.amazonaws.com ]] || return 0
  mutability=$(aws ecr describe-repositories --region "$(cut -d. -f4 <<<"$host")" --repository-names "${1#*/}" \
    --query 'repositories[0].imageTagMutability' --output text)
  [ "$mutability" = IMMUTABLE ] || fail "The tags of $1 are $mutability: make them IMMUTABLE, as terraform/registry does."
}
