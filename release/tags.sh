#!/bin/sh
# Commits action.yml, which names the image by now, and makes the version's tags at that commit: vX.Y.Z, which is new and
# never moves, and vX.Y and vX, which do. Prints what is to be pushed.
#   release/tags.sh 1.2.3
set -eu
version=$1
if ! printf '%s\n' "$version" | grep -Eq '^[0-9]+\.[0-9]+\.[0-9]+$'; then
  echo "$version is not X.Y.Z" >&2
  exit 2
fi
if ! grep -Eq '^  image: docker://.*@sha256:[0-9a-f]{64}$' action.yml; then
  echo "action.yml does not name the image by digest" >&2
  exit 1
fi
if git rev-parse --quiet --verify "refs/tags/v$version" >/dev/null; then
  echo "v$version is there already" >&2
  exit 1
fi
minor=${version%.*}
major=${minor%.*}
git commit --quiet --message "Release v$version" action.yml
git tag "v$version"
git tag --force "v$minor" >/dev/null
git tag --force "v$major" >/dev/null
printf 'refs/tags/v%s\n+refs/tags/v%s\n+refs/tags/v%s\n' "$version" "$minor" "$major"
