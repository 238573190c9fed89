# The failing tests with instrumented coverage, then others of the same executable. Arguments: what to build, for cargo.
# What the workspace has built already is taken along, but never written to.
out=$CI_HEALER_TRACE/out
version=$(rustc -vV | sed -n 's/^LLVM version: \([0-9]*\).*/\1/p')
tools=
for folder in "$(rustc --print sysroot)"/lib/rustlib/*/bin "/usr/lib/llvm-$version/bin"; do
    [ -x "$folder/llvm-cov" ] && [ -x "$folder/llvm-profdata" ] && tools=$folder
done
[ -n "$tools" ] || exit
target=$(cargo metadata --offline --no-deps --format-version 1 2>/dev/null | sed -n 's/.*"target_directory":"\([^"]*\)".*/\1/p')
export CARGO_TARGET_DIR="$CI_HEALER_TRACE/target"
megabytes=$(du -sm "$target" 2>/dev/null | cut -f1)
if [ "${megabytes:-9999}" -lt 1500 ]; then
    cp -a "$target" "$CARGO_TARGET_DIR"
fi
export RUSTC_WORKSPACE_WRAPPER="$CI_HEALER_TRACE/rustc.sh"
# Build scripts and macros are instrumented as well.
export LLVM_PROFILE_FILE="$CI_HEALER_TRACE/build.profraw"
built=$CI_HEALER_TRACE/built
cargo "$@" --no-run --message-format=json >"$built" || exit

one() {
    rm -f "$CI_HEALER_TRACE"/run-*.profraw
    if (cd "$2" && LLVM_PROFILE_FILE="$CI_HEALER_TRACE/run-%p.profraw" timeout 15 "$1" --exact "$3" >/dev/null 2>&1); then
        end=passed
    else
        end=failed
    fi
    "$tools/llvm-profdata" merge -sparse "$CI_HEALER_TRACE"/run-*.profraw -o "$CI_HEALER_TRACE/profile" || return 0
    "$tools/llvm-cov" export "$1" -instr-profile="$CI_HEALER_TRACE/profile" -skip-expansions \
        -ignore-filename-regex='/(registry|git/checkouts|rustc|library)/' >"$out/$3.$end.json" || rm -f "$out/$3.$end.json"
}

sed -n 's/.*"manifest_path":"\([^"]*\)".*"executable":"\([^"]*\)".*/\1 \2/p' "$built" | while read -r manifest executable; do
    "$executable" --list --format terse 2>/dev/null | sed -n 's/: test$//p' | grep -E '^[A-Za-z0-9_:]+$' >"$CI_HEALER_TRACE/list"
    found=
    for test in $CI_HEALER_TRACE_TESTS; do
        if grep -qxF "$test" "$CI_HEALER_TRACE/list"; then
            one "$executable" "${manifest%/*}" "$test"
            found=1
        fi
    done
    [ -n "$found" ] || continue
    count=0
    while read -r test; do
        case " $CI_HEALER_TRACE_TESTS " in *" $test "*) continue ;; esac
        count=$((count + 1))
        # The answer has a limit.
        [ "$count" -le 30 ] && [ "$(du -sm "$out" | cut -f1)" -lt 8 ] || break
        one "$executable" "${manifest%/*}" "$test"
    done <"$CI_HEALER_TRACE/list"
done
