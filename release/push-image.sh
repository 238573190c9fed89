#!/bin/sh
# Builds an image with SBOM and provenance and pushes it. Prints `name=`, `digest=` and `reference=` for a step's outputs.
#   release/push-image.sh NAME TAG PLATFORMS CONTEXT [BUILDX FLAGS…]
set -eu
name=$1 tag=$2 platforms=$3 context=$4
shift 4
metadata=$(mktemp)
docker buildx build "$context" \
  --platform "$platforms" \
  --tag "$name:$tag" \
  --label "org.opencontainers.image.source=${GITHUB_SERVER_URL:-}/${GITHUB_REPOSITORY:-}" \
  --label "org.opencontainers.image.revision=${GITHUB_SHA:-}" \
  --label "org.opencontainers.image.version=$tag" \
  --sbom=true --provenance=mode=max \
  --push --metadata-file "$metadata" "$@" >&2
digest=$(jq --raw-output '."containerimage.digest"' "$metadata")
rm "$metadata"
printf '%s\n' "$digest" | grep -Eq '^sha256:[0-9a-f]{64}$'
printf 'name=%s\ndigest=%s\nreference=%s:%s@%s\n' "$name" "$digest" "$name" "$tag" "$digest"
