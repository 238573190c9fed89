//! Other people's repositories: public ones that hold actions, read as everybody may. The API description at hand leaves
//! both calls out.

use std::io::Write as _;
use std::process::{Command, Stdio};

use axum::body::Body;
use axum::http::Response;
use serde_json::json;

use super::Shared;
use super::answer::Answer;

/// A repository at one ref.
#[derive(Debug, Clone)]
pub(crate) struct FakeAction {
    pub(crate) slug: String,
    pub(crate) reference: String,
    /// As `GET …/tarball/{commit}` leads to it: everything lies in one folder.
    pub(crate) archive: Vec<u8>,
}

impl FakeAction {
    /// A made-up name, the same for the same repository and ref.
    fn commit(&self) -> String {
        let mut sum: u64 = 0xcbf2_9ce4_8422_2325;
        for byte in format!("{}@{}", self.slug, self.reference).bytes() {
            sum = (sum ^ u64::from(byte)).wrapping_mul(0x0100_0000_01b3);
        }
        format!("{sum:016x}").repeat(3)[..40].to_owned()
    }

    pub(crate) fn of(slug: &str, reference: &str, files: &[(&str, &str)]) -> Self {
        let mut tar = tar::Builder::new(Vec::new());
        for (path, text) in files {
            let mut header = tar::Header::new_gnu();
            header.set_size(text.len() as u64);
            header.set_mode(0o644);
            header.set_cksum();
            let path = format!("{}-abc/{path}", slug.replace('/', "-"));
            tar.append_data(&mut header, path, text.as_bytes()).unwrap();
        }
        Self::packed(slug, reference, &tar.into_inner().unwrap())
    }

    pub(crate) fn packed(slug: &str, reference: &str, tar: &[u8]) -> Self {
        let mut gzip = Command::new("gzip").stdin(Stdio::piped()).stdout(Stdio::piped()).spawn().unwrap();
        let mut stdin = gzip.stdin.take().unwrap();
        let archive = std::thread::scope(|scope| {
            scope.spawn(move || stdin.write_all(tar).unwrap());
            gzip.wait_with_output().unwrap().stdout
        });
        Self { slug: slug.to_owned(), reference: reference.to_owned(), archive }
    }
}

/// `None`: it is of no such repository.
pub(super) fn route(shared: &Shared, method: &str, path: &str) -> Option<Answer> {
    let state = shared.state();
    let rest = path.strip_prefix("/repos/").filter(|_| method == "GET")?;
    let of = |action: &&FakeAction| {
        rest.strip_prefix(&action.slug)
            .is_some_and(|rest| rest.starts_with("/commits/") || rest.starts_with("/tarball/"))
    };
    let actions: Vec<&FakeAction> = state.actions.iter().filter(of).collect();
    let slug = &actions.first()?.slug;
    let asked = &rest[slug.len()..];
    if let Some(reference) = asked.strip_prefix("/commits/") {
        let found =
            actions.iter().find(|action| action.reference == reference || action.commit() == reference);
        return Some(match found {
            Some(action) => {
                Answer::new(200, json!({"sha": action.commit(), "commit": {"message": "an action"}}))
            }
            None => Answer::error(422, &format!("No commit found for SHA: {reference}")),
        });
    }
    let commit = asked.strip_prefix("/tarball/")?;
    let found = actions.iter().find(|action| action.commit() == commit);
    Some(match found {
        Some(_) => {
            let url = format!("{}/archive/{slug}/{commit}?sig=secret", shared.blob_url);
            Answer::new(302, serde_json::Value::Null).header("location", url)
        }
        None => Answer::not_found(),
    })
}

/// From the store, where the address is the permission.
pub(super) fn serve(shared: &Shared, path: &str) -> Option<Response<Body>> {
    let state = shared.state();
    let action = state.actions.iter().find(|a| path == format!("/archive/{}/{}", a.slug, a.commit()))?;
    Some(
        Response::builder()
            .header("content-type", "application/x-gzip")
            .body(Body::from(action.archive.clone()))
            .unwrap(),
    )
}
