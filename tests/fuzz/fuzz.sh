#!/usr/bin/env bash
# `make fuzz`: every target for FUZZ_SECONDS (600), FUZZ_JOBS (2) at once; FUZZ_ONLY takes a part of a name. Corpora grow in
# target/, seeded from the fixtures; a finding is left in tests/fuzz/findings/ and fails the run.
set -euo pipefail
cd "$(dirname "$0")"
seconds=${FUZZ_SECONDS:-600} jobs=${FUZZ_JOBS:-2} only=${FUZZ_ONLY:-}
work=$PWD/../../target/fuzz
mkdir -p "$work" findings
# Coverage needs options that the stable compiler keeps to itself.
export RUSTC_BOOTSTRAP=1 CARGO_TARGET_DIR=$work

cargo fuzz --version >/dev/null 2>&1 || { echo "installing cargo-fuzz (some minutes)" >&2; cargo install --locked cargo-fuzz; }

seed() { # target, files...: copies them under names of their own
  local into=$work/corpus/$1 number=0 file
  shift
  mkdir -p "$into"
  for file in "$@"; do cp "$file" "$into/seed-$((number += 1))"; done
}

fixtures=../fixtures
mapfile -t logs < <(find "$fixtures/logs" -name '*.log' -size -32k)
seed parser "${logs[@]}"
mapfile -t workflows < <(find "$fixtures/workflows" "$fixtures/workflows-malformed" ../../.github -name '*.y*ml')
seed workflow "${workflows[@]}"
seed github "${workflows[@]}"
printf "github.ref == 'refs/heads/main' && contains(fromJSON('[1]'), matrix.a) || format('{0}', steps.one.outputs.x)" \
  > "$work/expression" && seed expression "$work/expression"
printf '{"reason": "r", "confidence": 0.9, "edits": [{"path": "a.py", "find": "x", "replace": "y"}]}' \
  > "$work/reply" && seed reply "$work/reply"
printf '{"total_count": 1, "workflow_runs": [{"id": 1, "head_sha": "a", "status": "completed", "conclusion": "success"}]}' \
  > "$work/runs" && seed github "$work/runs"

# The first byte chooses the grammar.
which=0
for ends in py js ts tsx go rs java; do
  find ../.. -path ../../target -prune -o -path '*/node_modules' -prune -o -type f -name "*.$ends" -size -8k -print | sort | head -n 40 |
    while read -r file; do
      { printf "\\x0$which"; cat "$file"; } > "$work/source"
      mkdir -p "$work/corpus/outline" && cp "$work/source" "$work/corpus/outline/seed-$ends-$(basename "$file")"
    done
  which=$((which + 1))
done

mapfile -t targets < <(cargo fuzz list --fuzz-dir . | grep -F -- "$only")
echo "building ${#targets[@]} targets ..." >&2
# No memory errors to look for: unsafe code is forbidden.
[[ ${#targets[@]} -eq 1 ]] && one=("${targets[0]}") || one=()
cargo fuzz build --fuzz-dir . --sanitizer none --release --debug-assertions "${one[@]}" >&2

run() {
  local target=$1 log=$work/$1.log
  mkdir -p "$work/corpus/$target" "findings/$target"
  if "$work/$triple/release/$target" -max_total_time="$seconds" -timeout=20 -rss_limit_mb=2048 -max_len=65536 \
    -artifact_prefix="findings/$target/" "$work/corpus/$target" >"$log" 2>&1; then
    rmdir --ignore-fail-on-non-empty "findings/$target"
    echo "$target: $(grep -oE 'Done [0-9]+ runs in [0-9]+' "$log") s, no finding"
  else
    tail -n 40 "$log"
    echo "$target: FINDING, see tests/fuzz/findings/$target"
    return 1
  fi
}
triple=$(rustc -vV | sed -n 's/^host: //p')
export -f run
export work seconds triple
printf '%s\n' "${targets[@]}" | xargs -P "$jobs" -I{} bash -c 'run {}'
rmdir --ignore-fail-on-non-empty findings
