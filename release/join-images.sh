#!/bin/sh
# Joins NAME:VERSION-amd64 and NAME:VERSION-arm64 into one image NAME:VERSION. Prints `name=`, `digest=` and `reference=`
# of it for a step's outputs.
#   release/join-images.sh NAME VERSION
set -eu
name=$1 version=$2
docker buildx imagetools create --tag "$name:$version" "$name:$version-amd64" "$name:$version-arm64" >&2
digest=$(docker buildx imagetools inspect "$name:$version" --format '{{json .Manifest}}' | jq --raw-output .digest)
printf '%s\n' "$digest" | grep -Eq '^sha256:[0-9a-f]{64}$'
printf 'name=%s\ndigest=%s\nreference=%s:%s@%s\n' "$name" "$digest" "$name" "$version" "$digest"
