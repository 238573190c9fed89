//! Reads back which tracked files the steps changed, and to what.

use std::collections::BTreeMap;

use futures_util::{StreamExt as _, TryStreamExt as _};

use super::archive::{self, Found};
use super::engine::SLOW;
use super::error::ExecutorError;
use super::options::CreateOptions;
use super::run::Executor;
use super::sandbox::{ContainerSpec, Privileges, Sandbox};
use super::workspace::{self, Delta, WorkspaceVolume};
use crate::contract::git::{FileMode, RepoPath, SourceTree};
use crate::scope::Scope;

impl Executor {
    /// Every tracked file that the last execution's watched step changed, with its new content; `None` where it is gone
    /// or no longer a regular file. A file that steps before it had changed already is left out: what that step itself
    /// made of it is not to be told from what they did.
    pub async fn changed_files(
        &mut self,
        tree: &dyn SourceTree,
        scope: &Scope,
    ) -> Result<Vec<(RepoPath, Option<Vec<u8>>)>, ExecutorError> {
        self.engine = self.engine.within(scope);
        let Some(volume) = self.workspace.take() else { return Ok(Vec::new()) };
        let read = scope.run("reading back what steps changed", self.read_changes(&volume, tree)).await;
        self.workspace = Some(volume);
        let mut files = read??;
        files.retain(|(path, _)| !self.changed_before.contains(path));
        Ok(files)
    }

    /// What differs from the tree now. A container of its own looks, in which no step has run.
    pub(super) async fn read_changes(
        &mut self,
        volume: &WorkspaceVolume,
        tree: &dyn SourceTree,
    ) -> Result<Vec<(RepoPath, Option<Vec<u8>>)>, ExecutorError> {
        self.readers += 1;
        let Some(mut reader) = self.reader(volume).await? else { return Ok(Vec::new()) };
        let files = Self::look_for_changes(&mut reader, volume, tree).await;
        reader.remove().await?;
        let mut files = files?;
        files.retain(|(path, content)| *content != tree.read(path));
        Ok(files)
    }

    /// Asks the volume which files may have changed, and reads only those. The answer is a hint: what is not tracked is
    /// left out, and contents are compared on this side.
    async fn look_for_changes(
        reader: &mut Sandbox,
        volume: &WorkspaceVolume,
        tree: &dyn SourceTree,
    ) -> Result<Vec<(RepoPath, Option<Vec<u8>>)>, ExecutorError> {
        let tracked =
            tree.files().iter().filter(|f| matches!(f.mode, FileMode::Regular | FileMode::Executable));
        let mut paths: Vec<RepoPath> = tracked.map(|f| f.path.clone()).collect();
        let Some(synced_at) = volume.synced_at else { return Ok(Vec::new()) };
        let mut files = workspace::sync_files(volume, &Delta::default(), synced_at);
        files.extend_from_slice(&archive::END);
        reader.put(files).await?;
        reader.start().await?;
        let (code, output) = reader.run("0:0", &["sh", "-c", workspace::FIND_CHANGED], SLOW).await?;
        if code != 0 {
            // Reading every file instead would follow folders that have become links.
            return Err(ExecutorError::Workspace {
                what: "looking for what was changed".to_owned(),
                cause: format!("exit code {code}; the image needs `find` and `xargs`"),
            });
        }
        let changed = workspace::changed_paths(&output);
        paths.retain(|path| workspace::covers(&changed, path.as_str()));
        // A folder that is listed is none any more: nothing may be read through what took its place.
        let (own, below): (Vec<_>, Vec<_>) =
            paths.into_iter().partition(|path| changed.contains(path.as_str()));
        let mut files = read_files(reader, &own).await?;
        files.extend(below.into_iter().map(|path| (path, None)));
        Ok(files)
    }

    /// A container that only has the workspace; `None` where nothing has run yet.
    async fn reader(&self, volume: &WorkspaceVolume) -> Result<Option<Sandbox>, ExecutorError> {
        let Some(image) = &self.image_id else { return Ok(None) };
        let spec = ContainerSpec {
            image,
            name: format!("ci-healer-{}-reader-{}", self.options.run_id, self.readers),
            role: "reader",
            env: &BTreeMap::new(),
            mounts: vec![(volume.name.clone(), workspace::ROOT.to_owned())],
            read_only: Vec::new(),
            network: "none",
            create: &CreateOptions::default(),
            strict_user: None,
            privileges: Privileges::Usual,
        };
        Sandbox::create(&self.engine, &self.identity, &self.options, spec).await.map(Some)
    }
}

/// Regular files out of the workspace.
async fn read_files(
    reader: &Sandbox,
    paths: &[RepoPath],
) -> Result<Vec<(RepoPath, Option<Vec<u8>>)>, ExecutorError> {
    const MOST: usize = 64 << 20;
    let reads = futures_util::stream::iter(paths.to_vec()).map(|path| async move {
        let bytes = reader.get(&format!("{}/{path}", workspace::ROOT), MOST).await?;
        let found = bytes.map(|bytes| {
            archive::read(&bytes, MOST, |name| (name == path.file_name()).then(String::new))
                .unwrap_or_default()
        });
        let content = match found.unwrap_or_default().into_iter().next() {
            Some((_, Found::File(content))) => Some(content),
            _ => None,
        };
        Ok((path, content))
    });
    reads.buffered(4).try_collect().await
}
