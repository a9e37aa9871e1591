#!/usr/bin/env bash
# Serves a model from an S3 server on this machine: a first generation, a second one, back to the first, and two uploads
# that are refused while the model goes on.
#
#   local-test/s3_demo.sh
#
# The S3 server is moto's, in an environment of its own (.cache/s3-demo; made on the first run, which needs Python 3 and the
# network). The program is .build/release/serve, or `serve` on PATH, or it is built. Everything listens on loopback, is kept
# in a temporary folder and ends with this script. Environment: SERVE (the program).
set -euo pipefail

case "${1:-}" in
  -h | --help) sed -n '2,9p' "$0" | sed 's/^# \{0,1\}//'; exit 0 ;;
  '') ;;
  *) sed -n '2,9p' "$0" | sed 's/^# \{0,1\}//' >&2; exit 64 ;;
esac

root=$(cd "$(dirname "$0")/.." && pwd)
venv=$root/.cache/s3-demo
python=$venv/bin/python
work=$(mktemp -d)
moto_pid=
serve_pid=

finish() {
  status=$?
  trap - EXIT
  for pid in $serve_pid $moto_pid; do
    kill -TERM "$pid" 2>/dev/null || true
    wait "$pid" 2>/dev/null || true
  done
  if [ "$status" -ne 0 ] && [ -s "$work/serve.log" ]; then tail -n 20 "$work/serve.log" >&2; fi
  rm -rf "$work"
  exit "$status"
}
trap finish EXIT
trap 'exit 130' INT
trap 'exit 143' TERM

fail() { printf '%s: %s\n' "${0##*/}" "$1" >&2; exit 1; }
say() { printf '\n== %s\n' "$1"; }

# The program.
serve=${SERVE:-}
if [ -z "$serve" ]; then
  if [ -x "$root/.build/release/serve" ]; then
    serve=$root/.build/release/serve
  elif ! serve=$(command -v serve); then
    swift build --package-path "$root" -c release --product serve
    serve=$(swift build --package-path "$root" -c release --show-bin-path)/serve
  fi
fi

# The S3 server.
if ! "$python" -c 'import moto.server, boto3' 2>/dev/null; then
  python3 -m venv "$venv"
  "$python" -m pip install --quiet 'moto[server,s3]==5.2.5'
fi
free_port() { "$python" -c 'import socket; s = socket.socket(); s.bind(("127.0.0.1", 0)); print(s.getsockname()[1])'; }
wait_for() { # URL PID NAME
  for _ in $(seq 300); do
    if curl --silent --fail --output /dev/null "$1"; then return; fi
    kill -0 "$2" 2>/dev/null || fail "$3 ended"
    sleep 0.1
  done
  fail "$3 is not ready after 30 s"
}

# What the server and boto3 find their way to the store by; nothing of the caller's own account is used.
unset AWS_PROFILE AWS_DEFAULT_PROFILE AWS_SESSION_TOKEN AWS_ENDPOINT_URL
export AWS_CONFIG_FILE=/dev/null AWS_SHARED_CREDENTIALS_FILE=/dev/null
export AWS_ACCESS_KEY_ID=demo AWS_SECRET_ACCESS_KEY=demo AWS_REGION=us-east-1 AWS_DEFAULT_REGION=us-east-1
export NO_PROXY=127.0.0.1 no_proxy=127.0.0.1
s3_port=$(free_port)
export AWS_ENDPOINT_URL_S3=http://127.0.0.1:$s3_port
"$python" -m moto.server -H 127.0.0.1 -p "$s3_port" >"$work/moto.log" 2>&1 &
moto_pid=$!
wait_for "$AWS_ENDPOINT_URL_S3/moto-api/" "$moto_pid" "the S3 server"
"$python" -c 'import boto3; boto3.client("s3").create_bucket(Bucket="models")'

# upload FILE: as s3://models/iris/model.tar.gz
upload() {
  "$python" -c 'import boto3, sys; boto3.client("s3").upload_file(sys.argv[1], "models", "iris/model.tar.gz")' "$1"
}

# Generations. Metadata may stand anywhere in an ONNX file, so an entry can be appended (protobuf: field 14 of ModelProto).
mkdir "$work/first" "$work/second"
cp "$root/Examples/models/iris/model.onnx" "$work/first/"
"$python" - "$work/first/model.onnx" "$work/second/model.onnx" <<'PY'
import pathlib, sys

def field(number, value):
    return bytes([number << 3 | 2, len(value)]) + value

source, target = map(pathlib.Path, sys.argv[1:])
target.write_bytes(source.read_bytes() + field(14, field(1, b"demo.generation") + field(2, b"second")))
PY
tar -C "$work/first" -czf "$work/first.tar.gz" model.onnx
tar -C "$work/second" -czf "$work/second.tar.gz" model.onnx
tar -C "$root/Examples/models/digits" -czf "$work/digits.tar.gz" model.onnx
head -c 700 "$work/second.tar.gz" >"$work/broken.tar.gz"

say "The first generation: serve s3://models/iris/model.tar.gz"
upload "$work/first.tar.gz"
port=$(free_port)
url=http://127.0.0.1:$port
"$serve" s3://models/iris/model.tar.gz --host 127.0.0.1 --port "$port" --cache-dir "$work/cache" 2>"$work/serve.log" &
serve_pid=$!
wait_for "$url/ping" "$serve_pid" "serve"

predict() {
  answer=$(curl --silent --show-error --fail-with-body -H 'Content-Type: text/csv' -H 'Accept: text/csv' \
    --data-binary "@$root/local-test/payloads/iris-batch.csv" "$url/invocations" | tr '\n' ' ')
  printf 'predictions  %s\n' "$answer"
  [ "$answer" = "setosa versicolor virginica " ] || fail "the predictions are wrong"
}
# post PATH STATUS: calls the management API and wants that status
post() {
  status=$(curl --silent --show-error --output "$work/answer" --write-out '%{http_code}' -X POST "$url$1")
  printf 'POST %s  %s\n%s\n' "$1" "$status" "$(cat "$work/answer")"
  [ "$status" = "$2" ] || fail "expected $2"
}
describe() { curl --silent --show-error --fail-with-body "$url/models/model" | "$python" -m json.tool; }
# digest: of what is served
digest() {
  curl --silent --show-error --fail-with-body "$url/models/model" |
    "$python" -c 'import json, sys; print(json.load(sys.stdin)["digest"])'
}
# serves FILE: fails where the artifact that is served is another
serves() {
  local wanted
  wanted=$("$python" -c 'import hashlib, sys; print(hashlib.sha256(open(sys.argv[1], "rb").read()).hexdigest())' "$1")
  [ "$(digest)" = "$wanted" ] || fail "$(basename "$1") is not what is served"
}
predict
serves "$work/first.tar.gz"

say "A second generation is uploaded, and taken by a refresh"
upload "$work/second.tar.gz"
post /models/model/refresh 200
serves "$work/second.tar.gz"
predict
describe

say "Back to the first"
post /models/model/rollback 200
serves "$work/first.tar.gz"
predict

say "A broken upload is refused: 424, and the first generation goes on"
upload "$work/broken.tar.gz"
post /models/model/refresh 424
serves "$work/first.tar.gz"
predict

say "So is a model with another signature"
upload "$work/digits.tar.gz"
post /models/model/refresh 424
serves "$work/first.tar.gz"
predict
printf 'GET /ping    %s\n' "$(curl --silent "$url/ping")"
curl --silent "$url/metrics" | grep '^swiftlet_refresh_total'

say "Done"
