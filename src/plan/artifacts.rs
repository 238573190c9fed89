//! `download-artifact` and `upload-artifact`: what they take, and scripts that do the same in the sandbox.
//!
//! Facts: README and source of both actions, v3 to v8.

use globset::GlobBuilder;

use crate::contract::artifact::WantedArtifacts;
use crate::contract::git::RepoPath;

use super::actions::With;
use super::contexts;
use super::expr::Value;

/// Whether a step that wants these downloads the artifact of that name.
#[must_use]
pub fn takes(wanted: &WantedArtifacts, name: &str) -> bool {
    match (&wanted.name, &wanted.pattern) {
        (Some(wanted), _) => wanted == name,
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
pub(super) const DOWNLOAD_INPUTS: [(&str, &str); 4] = [
    ("name", "ARTIFACT_NAME"),
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
    for (input, fact) in [("run-id", "run_id"), ("repository", "repository")] {
        let is_own = inputs.get(input).is_none_or(|given| own(fact).as_deref() == Some(given));
        // `${{ github.run_id }}` outside of a run is still this one.
        let of_here = inputs.unknown(input).is_some_and(|what| what == format!("github.{fact}"));
        if !is_own || (inputs.unknown(input).is_some() && !of_here) {
            return Err("brings what another run made, which is not here".to_owned());
        }
    }
    if inputs.get("artifact-ids").is_some() || inputs.unknown("artifact-ids").is_some() {
        return Err("brings artifacts by their numbers, which are not known here".to_owned());
    }
    let text = |name: &str| inputs.get(name).map(str::to_owned);
    let is_open = inputs.unknown("name").is_some() || inputs.unknown("pattern").is_some();
    if is_open {
        return Ok(WantedArtifacts::default());
    }
    Ok(WantedArtifacts { name: text("name"), pattern: text("pattern") })
}

/// Whether a lone artifact that matches is put into the path itself; a commit is taken for a recent one's.
pub(super) fn lone_is_flat(reference: &str) -> bool {
    let major = reference.trim_start_matches('v').split('.').next().and_then(|n| n.parse::<u32>().ok());
    major.is_none_or(|major| major >= 5)
}

/// Where a file of an artifact lies in the repository once it is downloaded, as far as that is known.
pub(super) fn place(inputs: &With, artifact: &str, file: &str, is_lone: bool) -> Option<RepoPath> {
    if inputs.unknown("path").is_some() {
        return None;
    }
    let folder = inputs.get("path").unwrap_or(".");
    let folder = folder.strip_prefix(contexts::WORKSPACE).unwrap_or(folder);
    let is_merged = inputs.get("merge-multiple").is_some_and(|merge| merge.eq_ignore_ascii_case("true"));
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
found=()
for folder in /ci-healer/artifacts/*/ /ci-healer/brought/artifacts/*/; do
  name=$(basename "$folder")
  if [ -n "$ARTIFACT_NAME" ]; then [ "$name" = "$ARTIFACT_NAME" ] || continue
  elif [ -n "$pattern" ]; then [[ $name == $pattern ]] || continue; fi
  for known in "${found[@]}"; do [ "$(basename "$known")" = "$name" ] && continue 2; done
  found+=("$folder")
done
if [ ${#found[@]} = 0 ] && [ -n "$ARTIFACT_NAME" ]; then
  echo "Error: Unable to download artifact(s): Artifact not found for name: $ARTIFACT_NAME"
  exit 1
fi
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
        for other in [("run-id", "8"), ("repository", "o/r"), ("artifact-ids", "1,2")] {
            assert!(wanted(&with(&[other], "v4"), &github).is_err(), "{other:?}");
        }
    }

    #[test]
    fn files_lie_where_each_version_puts_them() {
        let at = |values: &[(&str, &str)], reference: &str| {
            place(&with(values, reference), "dist", "a/b.txt", true).unwrap().to_string()
        };
        assert_eq!(at(&[("name", "dist")], "v3"), "a/b.txt");
        assert_eq!(at(&[("path", "/workspace/x/")], "v4"), "x/dist/a/b.txt");
        assert_eq!(at(&[("path", "x")], "v4.3.0"), "x/dist/a/b.txt");
        assert_eq!(at(&[("path", "x"), ("merge-multiple", "true")], "v4"), "x/a/b.txt");
        assert_eq!(at(&[("path", "./x")], "v5"), "x/a/b.txt");
        assert_eq!(at(&[("path", "x")], "0123456789012345678901234567890123456789"), "x/a/b.txt");
    }
}
