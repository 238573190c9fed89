//! `download-artifact` and `upload-artifact`: what they take, and scripts that do the same in the sandbox.
//!
//! Facts: README and source of both actions, v3 to v8.

use globset::GlobBuilder;

use crate::contract::artifact::WantedArtifacts;
use crate::contract::git::RepoPath;

use super::actions::With;
use super::expr::Value;

/// Whether a step that wants these downloads the artifact of that name. By their numbers no names are known.
#[must_use]
pub fn takes(wanted: &WantedArtifacts, name: &str) -> bool {
    match (&wanted.name, &wanted.pattern) {
        (Some(wanted), _) => wanted == name,
        _ if !wanted.ids.is_empty() => false,
        (None, Some(pattern)) => GlobBuilder::new(pattern)
            .literal_separator(true)
            .build()
            .is_ok_and(|glob| glob.compile_matcher().is_match(name)),
        (None, None) => true,
    }
}

/// An artifact that an earlier step of the plan makes; `None`: only the run tells its name.
pub(super) type Made = Option<String>;

/// The inputs of both actions, and the variables by which the scripts have them.
pub(super) const DOWNLOAD_INPUTS: [(&str, &str); 5] = [
    ("name", "ARTIFACT_NAME"),
    ("artifact-ids", "ARTIFACT_IDS"),
    ("pattern", "ARTIFACT_PATTERN"),
    ("path", "ARTIFACT_PATH"),
    ("merge-multiple", "ARTIFACT_MERGE"),
];
pub(super) const UPLOAD_INPUTS: [(&str, &str); 4] = [
    ("name", "ARTIFACT_NAME"),
    ("path", "ARTIFACT_PATH"),
    ("if-no-files-found", "ARTIFACT_IF_NONE"),
    ("include-hidden-files", "ARTIFACT_HIDDEN"),
];

/// What a `download-artifact` step wants of its own run; `Err`: why that is not here.
pub(super) fn wanted(inputs: &With, github: &Value) -> Result<WantedArtifacts, String> {
    let own = |name: &str| match github {
        Value::Object(github) => github.get(name).text(),
        _ => None,
    };
    // Without a token the action takes what its own run made, whatever else it is given.
    let has_token = inputs.get("github-token").is_some() || inputs.unknown("github-token").is_some();
    let elsewhere = [("run-id", "run_id"), ("repository", "repository")];
    for (input, fact) in elsewhere.into_iter().filter(|_| has_token) {
        let is_own = inputs.get(input).is_none_or(|given| own(fact).as_deref() == Some(given));
        // `${{ github.run_id }}` outside of a run is still this one.
        let of_here = inputs.unknown(input).is_some_and(|what| what == format!("github.{fact}"));
        if !is_own || (inputs.unknown(input).is_some() && !of_here) {
            return Err("brings what another run made, which is not here".to_owned());
        }
    }
    let since = since(&inputs.reference);
    let knows = |input: &str| {
        since >= SINCE.iter().find(|(name, _)| *name == input).map_or((0, 0), |(_, since)| *since)
    };
    let text =
        |name: &str| inputs.get(name).filter(|text| knows(name) && !text.is_empty()).map(str::to_owned);
    let is_open = |name: &str| knows(name) && inputs.unknown(name).is_some();
    if is_open("name") || is_open("pattern") || is_open("artifact-ids") {
        return Ok(WantedArtifacts::default());
    }
    let ids = text("artifact-ids").unwrap_or_default();
    let ids = ids.split(',').map(str::trim).filter_map(|id| id.parse().ok()).collect();
    Ok(WantedArtifacts { name: text("name"), ids, pattern: text("pattern") })
}

/// What earlier versions do not know, and leave aside with a warning.
const SINCE: [(&str, (u32, u32)); 3] =
    [("pattern", (4, 1)), ("merge-multiple", (4, 1)), ("artifact-ids", (4, 3))];

/// The version that a ref stands for; a major one for its newest, a commit or a branch for a recent one.
fn since(reference: &str) -> (u32, u32) {
    let mut parts = reference.trim_start_matches('v').split(['.', '-']).map(str::parse::<u32>);
    match (parts.next(), parts.next()) {
        (Some(Ok(major)), minor) if major < 1000 => (major, minor.and_then(Result::ok).unwrap_or(u32::MAX)),
        _ => (u32::MAX, u32::MAX),
    }
}

/// The inputs that this version of the action does not know.
pub(super) fn unknown_inputs(reference: &str) -> impl Iterator<Item = &'static str> {
    let version = since(reference);
    SINCE.iter().filter(move |(_, since)| version < *since).map(|(name, _)| *name)
}

/// Whether a lone artifact that matches is put into the path itself; a commit is taken for a recent one's.
pub(super) fn lone_is_flat(reference: &str) -> bool {
    since(reference) >= (5, 0)
}

/// Where a file of an artifact lies in the repository once it is downloaded, as far as that is known.
pub(super) fn place(
    inputs: &With,
    workspace: &str,
    (artifact, file): (&str, &str),
    is_lone: bool,
) -> Option<RepoPath> {
    if inputs.unknown("path").is_some() {
        return None;
    }
    let folder = inputs.get("path").unwrap_or(".");
    let folder = folder.strip_prefix(workspace).unwrap_or(folder);
    let is_merged = inputs.get("merge-multiple").is_some_and(|merge| merge.eq_ignore_ascii_case("true"))
        && !unknown_inputs(&inputs.reference).any(|input| input == "merge-multiple");
    let lone = is_lone && lone_is_flat(&inputs.reference);
    let own = if inputs.get("name").is_some() || is_merged || lone { "" } else { artifact };
    let whole = format!("{folder}/{own}/{file}");
    let parts: Vec<&str> = whole.split('/').filter(|part| !part.is_empty() && *part != ".").collect();
    RepoPath::new(&parts.join("/")).ok()
}

/// Puts artifacts where the action would. What an earlier step made comes before what the failed run has.
pub(super) const DOWNLOAD: &str = r#"shopt -s extglob nullglob dotglob
to=${ARTIFACT_PATH:-.}
case $to in '~'*) to=$HOME${to#'~'} ;; esac
pattern=$(printf %s "$ARTIFACT_PATTERN" | sed 's/{/@(/g; s/}/)/g; s/,/|/g')
fail() { echo "Error: Unable to download artifact(s): $1"; exit 1; }
declare -A numbers wanted
if [ -n "$ARTIFACT_IDS" ]; then
  [ -z "$ARTIFACT_NAME" ] || fail "Inputs 'name' and 'artifact-ids' cannot be used together. Please specify only one."
  # Numbers of the sandbox's own count before the server's.
  while read -r number name; do numbers[$name]=$number; done \
    < <(cat /ci-healer/brought/artifacts/.numbers /ci-healer/artifacts/.numbers 2>/dev/null)
  while read -r number; do
    [ -n "$number" ] || continue
    [[ $number == [0-9]* ]] || fail "Invalid artifact ID: '$number'. Must be a number."
    wanted[${number%%[!0-9]*}]=1
  done < <(printf '%s\n' "$ARTIFACT_IDS" | tr , '\n')
  [ ${#wanted[@]} != 0 ] || fail "No valid artifact IDs provided in 'artifact-ids' input"
fi
found=()
for folder in /ci-healer/artifacts/*/ /ci-healer/brought/artifacts/*/; do
  name=$(basename "$folder")
  if [ -n "$ARTIFACT_NAME" ]; then [ "$name" = "$ARTIFACT_NAME" ] || continue
  elif [ ${#wanted[@]} != 0 ]; then
    number=${numbers[$name]:-none}
    [ -n "${wanted[$number]:-}" ] || continue
    wanted[$number]=found
  elif [ -n "$pattern" ]; then [[ $name == $pattern ]] || continue; fi
  for known in "${found[@]}"; do [ "$(basename "$known")" = "$name" ] && continue 2; done
  found+=("$folder")
done
[ ${#found[@]} != 0 ] || [ -z "$ARTIFACT_NAME" ] || fail "Artifact not found for name: $ARTIFACT_NAME"
[ ${#found[@]} != 0 ] || [ ${#wanted[@]} = 0 ] || fail "None of the provided artifact IDs were found"
for number in "${!wanted[@]}"; do
  [ "${wanted[$number]}" = found ] || echo "::warning::Could not find the following artifact IDs: $number"
done
for folder in "${found[@]}"; do
  into=$to/$(basename "$folder")
  if [ -n "$ARTIFACT_NAME" ] || [ "$ARTIFACT_MERGE" = true ]; then into=$to
  elif [ ${#found[@]} = 1 ] && [ "$ARTIFACT_LONE" = flat ]; then into=$to; fi
  mkdir -p "$into"
  cp -R "$folder". "$into/"
  echo "Artifact $(basename "$folder") is in $into"
done
mkdir -p "$to"
echo "download-path=$(cd "$to" && pwd)" >>"$GITHUB_OUTPUT""#;

/// Keeps what the action would upload. Of several paths the folder that they have in common is the artifact's root.
pub(super) const UPLOAD: &str = r#"shopt -s extglob nullglob globstar
[ "$ARTIFACT_HIDDEN" = true ] && shopt -s dotglob
name=${ARTIFACT_NAME:-artifact}
absolute() { case $1 in /*) printf %s "$1" ;; '~'*) printf %s "$HOME${1#'~'}" ;; *) printf %s "$PWD/${1#./}" ;; esac; }
declare -A files
roots=()
while IFS= read -r line; do
  line="${line#"${line%%[![:space:]]*}"}"; line="${line%"${line##*[![:space:]]}"}"
  [ -n "$line" ] || continue
  out=; case $line in '!'*) out=1; line=${line#'!'} ;; esac
  line=$(absolute "$line"); line=${line%/}; [ "${line%/.}" = "$line" ] || line=${line%/.}
  if [ -z "$out" ]; then fixed=${line%%[*?[]*}; [ "$fixed" = "$line" ] || fixed=${fixed%/*}; roots+=("$fixed"); fi
  IFS=; for hit in $line; do
    if [ -d "$hit" ]; then
      hidden=(); [ "$ARTIFACT_HIDDEN" = true ] || hidden=(-name '.*' -prune -o)
      while IFS= read -r -d '' file; do
        if [ -n "$out" ]; then unset "files[$file]"; else files[$file]=1; fi
      done < <(find "$hit" -mindepth 1 "${hidden[@]}" -type f -print0)
    elif [ -f "$hit" ]; then
      if [ -n "$out" ]; then unset "files[$hit]"; else files[$hit]=1; fi
    fi
  done; unset IFS
done <<<"$ARTIFACT_PATH"
if [ ${#files[@]} = 0 ]; then
  echo "No files were found with the provided path: $ARTIFACT_PATH"
  [ "$ARTIFACT_IF_NONE" = error ] && exit 1
  exit 0
fi
root=${roots[0]}
for other in "${roots[@]:1}"; do
  while [ -n "$root" ]; do case $other/ in "$root"/*) break ;; esac; root=${root%/*}; done
done
[ -f "$root" ] && root=$(dirname "$root")
for file in "${!files[@]}"; do
  to=/ci-healer/artifacts/$name/${file#"$root"/}
  mkdir -p "$(dirname "$to")" && cp "$file" "$to" || exit 1
done
number=$(($({ wc -l </ci-healer/artifacts/.numbers; } 2>/dev/null || echo 0) + 1))
echo "$number $name" >>/ci-healer/artifacts/.numbers
echo "artifact-id=$number" >>"$GITHUB_OUTPUT"
echo "Artifact $name holds ${#files[@]} files""#;

/// Between jobs that share a sandbox: each begins with what its checkout leaves.
pub(super) const END_OF_JOB: &str =
    "if command -v git >/dev/null && git rev-parse -q --verify HEAD >/dev/null; then
  git clean -ffdxq && git checkout -qf HEAD -- .
fi";

#[cfg(test)]
mod tests {
    use super::*;

    fn with(values: &[(&str, &str)], reference: &str) -> With {
        let values = values.iter().map(|(k, v)| ((*k).to_owned(), Ok((*v).to_owned()))).collect();
        With { values, reference: reference.to_owned() }
    }

    #[test]
    fn names_come_before_patterns_and_without_either_all_are_wanted() {
        let github = Value::object([("run_id".to_owned(), Value::string("7"))]);
        let names = |values: &[(&str, &str)]| {
            let wanted = wanted(&with(values, "v4"), &github).unwrap();
            ["dist", "wheels-a", "wheels-b"]
                .into_iter()
                .filter(|name| takes(&wanted, name))
                .collect::<Vec<_>>()
        };
        assert_eq!(names(&[("name", "dist"), ("pattern", "wheels-*")]), ["dist"]);
        assert_eq!(names(&[("pattern", "wheels-{b,c}")]), ["wheels-b"]);
        assert_eq!(names(&[("run-id", "7")]).len(), 3);
        for other in [("run-id", "8"), ("repository", "o/r")] {
            assert_eq!(names(&[other]).len(), 3, "{other:?} counts beside a token alone");
            assert!(wanted(&with(&[other, ("github-token", "t")], "v4"), &github).is_err(), "{other:?}");
        }
        assert!(names(&[("artifact-ids", "1,2")]).is_empty());
    }

    #[test]
    fn each_version_knows_its_own_inputs() {
        let of = |values: &[(&str, &str)], reference: &str| {
            wanted(&with(values, reference), &Value::object([("run_id", Value::string("7"))])).unwrap()
        };
        let ids = [("artifact-ids", " 12, 7,x,")];
        for (reference, is) in [
            ("v8", vec![12, 7]),
            ("v4", vec![12, 7]),
            ("v4.3.0", vec![12, 7]),
            ("v4.2.1", vec![]),
            ("v3", vec![]),
        ] {
            assert_eq!(of(&ids, reference).ids, is, "{reference}");
        }
        let pattern = [("pattern", "a*"), ("merge-multiple", "true")];
        for (reference, is) in [("v3", None), ("v4.0.0", None), ("v4.1.0", Some("a*")), ("main", Some("a*"))]
        {
            assert_eq!(of(&pattern, reference).pattern.as_deref(), is, "{reference}");
        }
        assert_eq!(unknown_inputs("v3").collect::<Vec<_>>(), ["pattern", "merge-multiple", "artifact-ids"]);
        assert_eq!(unknown_inputs("3f4b2c1d").count(), 0);
        let open = With {
            values: vec![("artifact-ids".to_owned(), Err("needs.a.outputs.id".to_owned()))],
            reference: "v5".to_owned(),
        };
        assert_eq!(
            wanted(&open, &Value::object([("run_id", Value::string("7"))])).unwrap(),
            WantedArtifacts::default()
        );
    }

    #[test]
    fn files_lie_where_each_version_puts_them() {
        let at = |values: &[(&str, &str)], reference: &str| {
            let workspace = "/home/runner/work/shop/shop";
            place(&with(values, reference), workspace, ("dist", "a/b.txt"), true).unwrap().to_string()
        };
        assert_eq!(at(&[("name", "dist")], "v3"), "a/b.txt");
        assert_eq!(at(&[("path", "/home/runner/work/shop/shop/x/")], "v4"), "x/dist/a/b.txt");
        assert_eq!(at(&[("path", "x")], "v4.3.0"), "x/dist/a/b.txt");
        assert_eq!(at(&[("path", "x"), ("merge-multiple", "true")], "v4"), "x/a/b.txt");
        assert_eq!(at(&[("path", "./x")], "v5"), "x/a/b.txt");
        assert_eq!(at(&[("path", "x")], "0123456789012345678901234567890123456789"), "x/a/b.txt");
    }
}
