# What JaCoCo writes where the build has it: put aside before the trace, so that each run's files are of that run alone;
# taken after each run; and as it was at the end.
cd "$CI_HEALER_TRACE_ROOT" || exit 0
aside="$CI_HEALER_TRACE/aside"
products() {
    find . \( -name .git -o -name src -o -name node_modules \) -prune -o \( -path '*/target/*' -o -path '*/build/*' \) \
        \( -type d -name jacoco -prune -print -o -type f -name '*.exec' -print \)
}
case "$1" in
begin)
    mkdir -p "$aside"
    products | while IFS= read -r path; do
        count=$((${count:-0} + 1))
        mkdir "$aside/$count" && mv "$path" "$aside/$count/product" && printf '%s\n' "$path" >"$aside/$count/path"
    done
    ;;
failed | passed)
    products | while IFS= read -r path; do find "$path" -type f \( -name '*.exec' -o -name '*.xml' \); done |
        while IFS= read -r path; do
            count=$((${count:-0} + 1))
            mv "$path" "$CI_HEALER_TRACE/out/tests.$1.$count.${path##*.}"
        done
    ;;
end)
    products | while IFS= read -r path; do rm -rf "$path"; done
    for kept in "$aside"/*/path; do
        [ -f "$kept" ] && mv "${kept%/path}/product" "$(cat "$kept")"
    done
    ;;
esac
