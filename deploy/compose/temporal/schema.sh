#!/bin/sh
# Creates Temporal's two databases, or brings them up to this version; harmless when there is nothing to do.
set -eu
for database in temporal temporal_visibility; do
  schema=postgresql/v12/${database#temporal_}
  # Both fail when that is done already; whether all is well, the update tells.
  temporal-sql-tool --database "$database" create-database || true
  temporal-sql-tool --database "$database" setup-schema --version 0.0 || true
  temporal-sql-tool --database "$database" update-schema --schema-name "$schema"
done
