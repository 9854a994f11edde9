#!/bin/sh
# Gives the two receivers their webhooks, where deploy/compose/secrets has any; then Alertmanager takes our place.
#   alertmanager.sh ROUTES SECRETS CONFIG COMMAND...
set -eu
routes=$1 secrets=$2 config=$3
shift 3
umask 077
{
  sed '/^receivers:/,$d' "$routes"
  echo 'receivers:'
  for receiver in page ticket; do
    echo "  - name: $receiver"
    if [ -s "$secrets/alert_${receiver}_url" ]; then
      printf "    webhook_configs: [{ url: '%s' }]\n" "$(cat "$secrets/alert_${receiver}_url")"
    else
      echo "Nobody is told of a $receiver: write a webhook into deploy/compose/secrets/alert_${receiver}_url" >&2
    fi
  done
} >"$config"
exec "$@"
