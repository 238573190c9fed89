//! What jobs have uploaded. The API description at hand leaves these calls out.

use axum::body::Body;
use axum::http::Response;
use serde_json::json;

use super::answer::{Answer, TIME};
use super::{SLUG, Shared};

/// An artifact of a run.
#[derive(Debug, Clone)]
pub(crate) struct FakeArtifact {
    pub(crate) run: u64,
    pub(crate) name: &'static str,
    pub(crate) zip: Vec<u8>,
    pub(crate) expired: bool,
}

impl FakeArtifact {
    /// Each file with its mode, which GitHub's own archives leave at 0.
    pub(crate) fn of(run: u64, name: &'static str, files: &[(&str, u32, &str)]) -> Self {
        let (mut zip, mut list) = (Vec::new(), Vec::new());
        for (path, mode, text) in files {
            let (at, length) = (zip.len() as u32, text.len() as u32);
            let lengths = [length.to_le_bytes(), length.to_le_bytes()].concat();
            let names = [(path.len() as u16).to_le_bytes(), [0, 0]].concat();
            zip.extend([&b"PK\x03\x04\x14\0"[..], &[0; 12], &lengths, &names, path.as_bytes()].concat());
            zip.extend_from_slice(text.as_bytes());
            list.extend([&b"PK\x01\x02\x14\x03\x14\0"[..], &[0; 12], &lengths, &names, &[0; 6]].concat());
            list.extend([&(mode << 16).to_le_bytes()[..], &at.to_le_bytes(), path.as_bytes()].concat());
        }
        let (at, length) = ((zip.len() as u32).to_le_bytes(), (list.len() as u32).to_le_bytes());
        let count = (files.len() as u16).to_le_bytes();
        zip.extend_from_slice(&list);
        zip.extend([&b"PK\x05\x06\0\0\0\0"[..], &count, &count, &length, &at, &[0, 0]].concat());
        Self { run, name, zip, expired: false }
    }
}

/// `None`: nobody asks for artifacts, or nobody that may.
pub(super) fn route(shared: &Shared, method: &str, path: &str) -> Option<Answer> {
    let rest = path.strip_prefix(&format!("/repos/{SLUG}/actions/")).filter(|_| method == "GET")?;
    let state = shared.state();
    if let Some(run) = rest.strip_prefix("runs/").and_then(|rest| rest.strip_suffix("/artifacts")) {
        let of_run = state.artifacts.iter().enumerate().filter(|(_, a)| a.run.to_string() == run);
        let listed: Vec<_> = of_run
            .map(|(id, a)| {
                json!({"id": id, "name": a.name, "size_in_bytes": a.zip.len(), "expired": a.expired, "created_at": TIME,
                    "workflow_run": {"id": a.run}})
            })
            .collect();
        return Some(Answer::new(200, json!({"total_count": listed.len(), "artifacts": listed})));
    }
    let id = rest.strip_prefix("artifacts/")?.strip_suffix("/zip")?;
    Some(match state.artifacts.get(id.parse::<usize>().ok()?) {
        Some(artifact) if artifact.expired => Answer::error(410, "Artifact has expired"),
        Some(_) => {
            let url = format!("{}/artifact/{id}?sig=secret", shared.blob_url);
            Answer::new(302, serde_json::Value::Null).header("location", url)
        }
        None => Answer::not_found(),
    })
}

/// From the store, where the address is the permission.
pub(super) fn serve(shared: &Shared, path: &str) -> Option<Response<Body>> {
    let id: usize = path.strip_prefix("/artifact/")?.parse().ok()?;
    let zip = shared.state().artifacts.get(id)?.zip.clone();
    Some(Response::builder().header("content-type", "application/zip").body(Body::from(zip)).unwrap())
}
