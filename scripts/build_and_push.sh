#!/usr/bin/env bash
# Builds the image and pushes it to a registry.
#
#   scripts/build_and_push.sh IMAGE[:TAG]                    Amazon ECR of the caller's account and region
#   scripts/build_and_push.sh REGISTRY/NAME[:TAG]            any registry that the engine is logged in to
#
# Environment: AWS_REGION (else the AWS CLI's default), CONTAINER_ENGINE (docker, else podman), BUILD_ARGS.
# With an ECR image the repository is made where it is missing, and the engine is logged in.
set -euo pipefail

usage() { sed -n '2,9p' "$0" | sed 's/^# \{0,1\}//'; }
fail() { printf '%s: %s\n' "${0##*/}" "$*" >&2; exit 1; }

case "${1:-}" in
  -h | --help) usage; exit 0 ;;
  '') usage >&2; exit 64 ;;
esac
image=$1
cd "$(dirname "$0")/.."

engine=${CONTAINER_ENGINE:-}
if [ -z "$engine" ]; then
  for candidate in docker podman; do
    if command -v "$candidate" >/dev/null; then engine=$candidate; break; fi
  done
fi
[ -n "$engine" ] || fail "neither docker nor podman is installed; install one or set CONTAINER_ENGINE"

case "${image##*/}" in *:*) ;; *) image=$image:latest ;; esac

if [[ $image != */* ]]; then
  command -v aws >/dev/null || fail "an image name without a registry means Amazon ECR, and the AWS CLI is not installed"
  account=$(aws sts get-caller-identity --query Account --output text) || fail "no AWS credentials (aws sts get-caller-identity failed)"
  region=${AWS_REGION:-$(aws configure get region || true)}
  [ -n "$region" ] || fail "no region: set AWS_REGION or run 'aws configure'"
  domain=amazonaws.com
  case $region in cn-*) domain=amazonaws.com.cn ;; esac
  registry=$account.dkr.ecr.$region.$domain
  repository=${image%%:*}
  aws ecr describe-repositories --region "$region" --repository-names "$repository" >/dev/null 2>&1 \
    || aws ecr create-repository --region "$region" --repository-name "$repository" \
         --image-scanning-configuration scanOnPush=true >/dev/null
  aws ecr get-login-password --region "$region" | "$engine" login --username AWS --password-stdin "$registry"
  image=$registry/$image
fi

# shellcheck disable=SC2086 # BUILD_ARGS holds several words on purpose
"$engine" build ${BUILD_ARGS:-} -t "$image" .
"$engine" push "$image"
printf '%s\n' "$image"
