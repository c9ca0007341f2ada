#!/bin/sh
# Replaces the entry point of the public Postgres image, as far as compose.yaml relies on it. As root, gives the data to
# the user postgres and becomes that user. The first start creates a cluster with POSTGRES_PASSWORD and
# POSTGRES_INITDB_ARGS, and starts it briefly on its socket only. Then the server replaces this script.
set -eu
if [ "$(id -u)" = 0 ]; then
  mkdir -p "$PGDATA" /var/run/postgresql
  chmod 700 "$PGDATA"
  find "$PGDATA" /var/run/postgresql ! -user postgres -exec chown postgres {} +
  exec setpriv --reuid=postgres --regid=postgres --init-groups "$0" "$@"
fi
if ! [ -s "$PGDATA/PG_VERSION" ]; then
  [ -n "${POSTGRES_PASSWORD:-}" ] || { echo "POSTGRES_PASSWORD is not set" >&2; exit 1; }
  password=/tmp/password
  (umask 077 && printf '%s\n' "$POSTGRES_PASSWORD" >"$password")
  # shellcheck disable=SC2086 # these are words
  initdb --username=postgres --pwfile="$password" --auth-host=scram-sha-256 --auth-local=trust ${POSTGRES_INITDB_ARGS:-}
  rm "$password"
  echo "host all all all scram-sha-256" >>"$PGDATA/pg_hba.conf"
  pg_ctl --wait --options="-c listen_addresses=''" start
  pg_ctl --wait --mode=fast stop
fi
exec "$@" -c listen_addresses='*'
