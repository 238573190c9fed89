# The failing tests of one package with a coverage profile each, then the others. Arguments: what to build.
# Profiles name files by import path; here those of the module become the repository's. `functions.txt` tells where
# functions begin.
cd "$CI_HEALER_TRACE_ROOT/$CI_HEALER_TRACE_MODULE" || exit
out=$CI_HEALER_TRACE/out
tests=$CI_HEALER_TRACE/tests
go test -c -cover -coverpkg=./... -o "$tests" "$@" || exit
module=$PWD
name=$(GOWORK=off go list -m 2>/dev/null)
places="s|^$name/|${CI_HEALER_TRACE_MODULE:+$CI_HEALER_TRACE_MODULE/}|"

one() {
    profile=$CI_HEALER_TRACE/profile
    rm -f "$profile"
    if "$tests" -test.run "^$1\$" -test.timeout 15s -test.coverprofile "$profile" >/dev/null 2>&1; then
        end=passed
    else
        end=failed
    fi
    [ -s "$profile" ] || return 0
    [ -s "$out/functions.txt" ] || (cd "$module" && go tool cover -func="$profile" | sed "$places" >"$out/functions.txt")
    sed "$places" "$profile" >"$out/$1.$end.out"
}

cd "$CI_HEALER_TRACE_PACKAGE" || exit
for test in $CI_HEALER_TRACE_TESTS; do
    one "$test"
done
"$tests" -test.list '^(Test|Example)' | grep -E '^[A-Za-z0-9_]+$' | head -n 40 | while read -r test; do
    case " $CI_HEALER_TRACE_TESTS " in
        *" $test "*) ;;
        *) one "$test" ;;
    esac
done
