#!/usr/bin/env bash
# Renders the recorded summaries, pull request bodies and comments to pictures, light and dark, wide and narrow, to be
# looked at by a person.
#
# Needs node with npm, and a Chromium (on Debian or Ubuntu as root it is installed). Pictures: target/look/*.png
set -euo pipefail
cd "$(dirname "$0")/../.."
out=${CARGO_TARGET_DIR:-target}/look
mkdir -p "$out"

browser=$(command -v chromium || command -v chromium-browser || command -v google-chrome || true)
if [ -z "$browser" ]; then
  echo "look: installing chromium from the distribution's packages" >&2
  apt-get update -q >&2
  apt-get install -q -y --no-install-recommends chromium fonts-noto-color-emoji fonts-dejavu-core >&2
  browser=$(command -v chromium)
fi
command -v npm >/dev/null || { echo "look: node and npm are needed" >&2; exit 1; }

cp tests/look/render.mjs tests/look/package.json tests/look/package-lock.json "$out/"
npm --prefix "$out" ci --silent --no-audit --no-fund
css=$out/node_modules/github-markdown-css

for snapshot in src/report/snapshots/*.snap; do
  name=$(basename "$snapshot" .snap)
  name=${name#ci_healer__report__}
  for theme in light dark; do
    node "$out/render.mjs" "$snapshot" "$css/github-markdown-$theme.css" "$theme" >"$out/$name-$theme.html"
    # As wide as a desktop's page, and as narrow as a telephone's.
    for width in 980 420; do
      "$browser" --headless --no-sandbox --disable-gpu --hide-scrollbars --window-size=$width,"${HEIGHT:-1800}" \
        --screenshot="$out/$name-$theme-$width.png" "file://$(realpath "$out/$name-$theme.html")" >/dev/null 2>&1
      echo "$out/$name-$theme-$width.png"
    done
  done
done
