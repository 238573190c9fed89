//! What no environment can hold is held in the manifests of the sandbox's copy, for one world.

use std::collections::BTreeMap;

use super::worlds::Look;
use super::{Case, Hunt};
use crate::contract::fix::FileChange;
use crate::contract::git::{RepoPath, SourceTree as _};
use crate::drift::{self, Pin, World};
use crate::plan::Planned;

/// Changes to the workspace, and lines of scripts that are run in another way.
type Written = (Vec<FileChange>, Vec<(String, String)>);

impl Hunt<'_, '_> {
    /// Runs the job in a world, up to the step in question.
    pub(super) async fn look(&mut self, case: Case<'_>, world: &World) -> Look {
        let Some((changes, lines)) = self.written(world, case) else { return Look::unclear() };
        if self.worlds.workspace.apply(&changes).is_err() {
            return Look::unclear();
        }
        self.worlds.scripts.extend(lines);
        let look = self.worlds.look(case.planned, case.leg, world, Some(case.target)).await;
        self.worlds.scripts.clear();
        if self.worlds.workspace.revert(&changes).is_err() { Look::unclear() } else { look }
    }

    /// What a world holds and its installers take from manifests only; `None`: it cannot be written there.
    fn written(&self, world: &World, case: Case<'_>) -> Option<Written> {
        let before = self.texts();
        let mut files: BTreeMap<String, String> = before.iter().cloned().collect();
        let mut lines = Vec::new();
        let scripts = scripts(case.planned);
        let now = |files: &BTreeMap<String, String>| -> Vec<(String, String)> {
            files.iter().map(|(path, text)| (path.clone(), text.clone())).collect()
        };
        let of = |ecosystem: &'static str| world.held.iter().filter(move |(p, _)| p.ecosystem == ecosystem);
        for (package, version) in of("npm") {
            let version = version.trim_start_matches("<=");
            let pin = drift::exactly(&now(&files), &scripts, package, version)?;
            lines.extend(pin.scripts);
            files.insert(pin.path, pin.after);
        }
        let bounds: Vec<String> = of("python")
            .map(|(package, version)| {
                let exact = if version.starts_with(['<', '>', '=']) { "" } else { "==" };
                format!("{package}{exact}{version}")
            })
            .collect();
        if !bounds.is_empty()
            && let Some(pin) = drift::constrained_project(&now(&files), &scripts, &bounds)
        {
            files.insert(pin.path, pin.after);
        }
        let old =
            |path: &String| before.iter().find(|(known, _)| known == path).map(|(_, text)| text.clone());
        // Of a workflow its lines are run in another way; the file stays.
        let changes = files
            .into_iter()
            .filter(|(path, text)| !path.starts_with(".github/") && old(path).as_ref() != Some(text))
            .map(|(path, text)| {
                Some(FileChange { before: old(&path), path: RepoPath::new(&path).ok()?, after: Some(text) })
            });
        Some((changes.collect::<Option<_>>()?, lines))
    }

    /// The manifests and workflows, as they are now.
    pub(super) fn texts(&self) -> Vec<(String, String)> {
        let workspace = &*self.worlds.workspace;
        let is_manifest = |path: &str| {
            let name = path.rsplit('/').next().unwrap_or(path);
            matches!(
                name,
                "package.json"
                    | "Cargo.toml"
                    | "pnpm-workspace.yaml"
                    | "pyproject.toml"
                    | "setup.py"
                    | "setup.cfg"
                    | "tox.ini"
                    | "noxfile.py"
            ) || name.ends_with(".txt")
                || name.ends_with(".in")
                || path.starts_with(".github/workflows/")
        };
        let files = workspace.files().iter().filter(|f| is_manifest(f.path.as_str()));
        let text = |path: &RepoPath| String::from_utf8(workspace.read(path)?).ok();
        files.filter_map(|f| Some((f.path.as_str().to_owned(), text(&f.path)?))).collect()
    }

    /// What a pin changes, in files that are known or not.
    pub(super) fn changes(&self, files: &[(String, String)], pin: &Pin) -> Option<Vec<FileChange>> {
        let change = |(path, after): (&String, &String)| {
            let before = files.iter().find(|(known, _)| known == path).map(|(_, text)| text.clone());
            Some(FileChange { path: RepoPath::new(path).ok()?, before, after: Some(after.clone()) })
        };
        let beside = pin.beside.iter().map(|(path, after)| (path, after));
        std::iter::once((&pin.path, &pin.after)).chain(beside).map(change).collect()
    }
}

/// All that the steps run.
pub(super) fn scripts(planned: &Planned) -> String {
    planned.plan.steps.iter().map(|s| s.run.as_str()).collect::<Vec<_>>().join("\n")
}
