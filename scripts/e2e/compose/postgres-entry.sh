#!/bin/sh
# What docker-compose.yml uses of the public image: a first start makes the database, by POSTGRES_USER and its password's file.
set -eu
PATH=$(echo /usr/lib/postgresql/*/bin):$PATH
become="setpriv --reuid=postgres --regid=postgres --init-groups"
mkdir -p "$PGDATA"
chown -R postgres:postgres "$PGDATA"
chmod 700 "$PGDATA"
if [ ! -s "$PGDATA/PG_VERSION" ]; then
  $become initdb --pgdata "$PGDATA" --username "$POSTGRES_USER" --pwfile "$POSTGRES_PASSWORD_FILE" \
    --auth-local trust --auth-host scram-sha-256 --encoding UTF8 >/dev/null
  echo 'host all all all scram-sha-256' >>"$PGDATA/pg_hba.conf"
fi
[ $# -gt 0 ] || set -- postgres
exec $become "$@" -c listen_addresses='*'
