#!/usr/bin/env bash
# Serves a model on this machine as the container would.
#
#   local-test/serve_local.sh [MODEL] [serve's options ...]
#
# MODEL is an .onnx file, a folder or a model.tar.gz; the sample model (iris) where it is left out. The server is built
# first if need be. Stop it with Ctrl-C. Environment: PORT (8080), CONFIGURATION (release).
set -euo pipefail

case "${1:-}" in -h | --help) sed -n '2,8p' "$0" | sed 's/^# \{0,1\}//'; exit 0 ;; esac

root=$(cd "$(dirname "$0")/.." && pwd)
model=$root/Examples/models/iris
if [ $# -gt 0 ] && [[ $1 != -* ]]; then
  model=$(realpath -- "$1")
  shift
fi
configuration=${CONFIGURATION:-release}
swift build --package-path "$root" -c "$configuration" --product serve
exec "$(swift build --package-path "$root" -c "$configuration" --show-bin-path)/serve" "$model" --host 127.0.0.1 --port "${PORT:-8080}" "$@"
