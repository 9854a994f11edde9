#!/bin/sh
# For images that take secrets from variables only: X_FILE=/run/secrets/x becomes X, then the command takes our place.
set -eu
for entry in $(env | grep '^[A-Z_]*_FILE=/run/secrets/'); do
  name=${entry%%_FILE=*}
  value=$(cat "${entry#*=}")
  export "$name=$value"
  unset "${name}_FILE"
done
for folder in ${FOLDERS:-}; do mkdir -p "$folder"; done
exec "$@"
