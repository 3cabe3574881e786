#!/bin/sh
# Brings a server that joins a cluster up to date: the one that gives copies its files to where the other has its own.
# MariaDB calls it on both sides, and talks with it over standard output.
# WHIMBREL_PEER: the data directory of the other server, under the same account on the same machine.
role= address= data= parent= position= domain= only_position=
while [ $# -gt 0 ]; do
  case $1 in
    --role) role=$2 ;;
    --address) address=$2 ;;
    --datadir) data=${2%/} ;;
    --parent) parent=$2 ;;
    --gtid) position=$2 ;;
    --gtid-domain-id) domain=$2 ;;
    # Galera sends what is missing itself.
    --bypass) only_position=yes ;;
    --mysqld-args) break ;;
  esac
  shift
done

if [ "$role" = joiner ]; then
  rm -f "$data/transferred"
  echo "ready $address"
  until [ -e "$data/transferred" ]; do
    kill -0 "$parent" 2>/dev/null || exit 3
    sleep 0.05
  done
  cat "$data/transferred"
  rm -f "$data/transferred"
  exit 0
fi

# Theirs alone are what Galera keeps there, and what is said here.
kept='galera.cache grastate.dat gvwstate.dat transferred tables_flushed'
others() {
  set -- "$1" -mindepth 1 -maxdepth 1
  for name in $kept; do set -- "$@" ! -name "$name"; done
  find "$@" -print
}

if [ -z "$only_position" ]; then
  # The server then holds all writes back, and writes this file.
  echo 'flush tables'
  patience=600
  until [ -s "$data/tables_flushed" ]; do
    patience=$((patience - 1))
    [ $patience -gt 0 ] || exit 110
    sleep 0.05
  done
  read -r position domain <"$data/tables_flushed"
  rm -f "$data/tables_flushed"
  others "$WHIMBREL_PEER" | while read -r path; do rm -rf "$path" || exit 5; done || exit 5
  others "$data" | while read -r path; do cp -a "$path" "$WHIMBREL_PEER/" || exit 5; done || exit 5
fi
echo continue
printf '%s %s\n' "$position" "${domain:-0}" >"$WHIMBREL_PEER/transferred.new"
mv "$WHIMBREL_PEER/transferred.new" "$WHIMBREL_PEER/transferred" || exit 5
echo "done $position"
