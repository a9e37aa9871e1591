#!/usr/bin/env bash
# Sends a file to the model served on this machine and prints the answer.
#
#   local-test/predict.sh PAYLOAD [CONTENT_TYPE] [ACCEPT]
#
# CONTENT_TYPE follows from the file's extension where it is left out; ACCEPT is application/json, or the type of the
# request for CSV and JSON Lines. Environment: PORT (8080), HOST (127.0.0.1).
set -euo pipefail

usage() { sed -n '2,7p' "$0" | sed 's/^# \{0,1\}//'; }
case "${1:-}" in
  -h | --help) usage; exit 0 ;;
  '') usage >&2; exit 64 ;;
esac
payload=$1
[ -r "$payload" ] || { printf '%s: cannot read %s\n' "${0##*/}" "$payload" >&2; exit 66; }

type=${2:-}
if [ -z "$type" ]; then
  case $payload in
    *.csv) type=text/csv ;;
    *.json) type=application/json ;;
    *.jsonl | *.ndjson) type=application/jsonlines ;;
    *.npy) type=application/x-npy ;;
    *.npz) type=application/x-npz ;;
    *) printf '%s: no content type is known for %s: name it as the second argument\n' "${0##*/}" "$payload" >&2; exit 64 ;;
  esac
fi
accept=${3:-}
if [ -z "$accept" ]; then
  case $type in text/csv | application/jsonlines) accept=$type ;; *) accept=application/json ;; esac
fi
exec curl --silent --show-error --fail-with-body --data-binary "@$payload" \
  -H "Content-Type: $type" -H "Accept: $accept" "http://${HOST:-127.0.0.1}:${PORT:-8080}/invocations"
