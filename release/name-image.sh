#!/bin/sh
# Names the image in action.yml, by digest: GitHub pulls it instead of building it in every job.
#   release/name-image.sh docker://ghcr.io/owner/name:1.2.3@sha256:…
set -eu
reference=$1
file=${2:-action.yml}
if ! printf '%s\n' "$reference" | grep -Eq '^docker://[a-z0-9./_-]+:[0-9]+\.[0-9]+\.[0-9]+@sha256:[0-9a-f]{64}$'; then
  echo "$reference is not docker://NAME:X.Y.Z@sha256:DIGEST" >&2
  exit 2
fi
count=$(grep -c '^  image: ' "$file" || true)
if [ "$count" -ne 1 ]; then
  echo "$file names $count images, not one" >&2
  exit 1
fi
made=$(mktemp)
sed "s|^  image: .*\$|  image: $reference|" "$file" >"$made"
cat "$made" >"$file"
rm "$made"
grep -qxF "  image: $reference" "$file"
