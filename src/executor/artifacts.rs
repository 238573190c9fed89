//! Artifacts of the failed run, as GitHub packs them: zip archives, looked through before anything is made of them.

use std::collections::BTreeSet;
use std::io::Read;

use bytes::Bytes;

use super::actions::{MAX_BYTES, MAX_FILES};
use super::gunzip::Gunzip;
use crate::contract::artifact::FetchedArtifact;

const END: [u8; 4] = *b"PK\x05\x06";
const ENTRY: [u8; 4] = *b"PK\x01\x02";
const LOCAL: [u8; 4] = *b"PK\x03\x04";
/// Of what ends an archive; a comment may follow.
const END_LENGTH: usize = 22;
/// Made on Unix: the upper half of an entry's attributes is its mode.
const UNIX: u8 = 3;

/// An artifact that has been looked through.
#[derive(Debug, Clone)]
pub struct ArtifactArchive {
    pub(super) name: String,
    packed: Bytes,
}

/// A file in it.
struct Entry {
    path: String,
    size: u64,
    method: u16,
    /// Where its packed bytes lie.
    from: usize,
    to: usize,
}

impl ArtifactArchive {
    /// Looks through a zip as GitHub gives it; the error says what it is refused for.
    pub fn open(name: &str, packed: Bytes) -> Result<(Self, FetchedArtifact), String> {
        let is_name = !name.is_empty() && !name.starts_with('.') && !name.contains(['/', '\\', '\0']);
        if !is_name {
            return Err(format!("{name:?} is no name of an artifact"));
        }
        let entries = entries(&packed)?;
        for entry in &entries {
            let read = std::io::copy(&mut content(&packed, entry)?, &mut std::io::sink());
            let read = read.map_err(|error| format!("{:?} cannot be read: {error}", entry.path))?;
            if read != entry.size {
                return Err(format!("{:?} is not as long as it says", entry.path));
            }
        }
        let files = entries.into_iter().map(|entry| entry.path).collect();
        Ok((Self { name: name.to_owned(), packed }, FetchedArtifact { name: name.to_owned(), files }))
    }

    /// Hands on each file: its path, its length and its content.
    pub(super) fn each(
        &self,
        mut take: impl FnMut(&str, u64, &mut dyn Read) -> Result<(), String>,
    ) -> Result<(), String> {
        for entry in entries(&self.packed)? {
            take(&entry.path, entry.size, &mut *content(&self.packed, &entry)?)?;
        }
        Ok(())
    }
}

fn content<'a>(packed: &'a [u8], entry: &Entry) -> Result<Box<dyn Read + 'a>, String> {
    let bytes = packed.get(entry.from..entry.to).ok_or("the archive ends in the middle")?;
    match entry.method {
        0 => Ok(Box::new(bytes)),
        8 => Ok(Box::new(Gunzip::deflated(bytes, entry.size))),
        other => Err(format!("{:?} is packed by method {other}; 0 and 8 are read", entry.path)),
    }
}

fn number<const N: usize>(bytes: &[u8], at: usize) -> Result<usize, String> {
    let found = bytes.get(at..at + N).ok_or("the archive ends in the middle")?;
    let number = found.iter().rev().fold(0_u64, |sum, byte| sum << 8 | u64::from(*byte));
    usize::try_from(number).map_err(|error| error.to_string())
}

/// The files by the archive's own list; the first thing that has no business there ends it.
fn entries(packed: &[u8]) -> Result<Vec<Entry>, String> {
    let last = packed.len().checked_sub(END_LENGTH).ok_or("it is no zip archive")?;
    let end = (last.saturating_sub(usize::from(u16::MAX))..=last)
        .rev()
        .find(|at| packed[*at..].starts_with(&END))
        .ok_or("it is no zip archive")?;
    let count = number::<2>(packed, end + 10)?;
    let mut at = number::<4>(packed, end + 16)?;
    if count > MAX_FILES {
        return Err(format!("it holds more than {MAX_FILES} files"));
    }
    let (mut files, mut bytes) = (Vec::new(), 0_u64);
    let (mut paths, mut folders) = (BTreeSet::new(), BTreeSet::new());
    for _ in 0..count {
        if !packed.get(at..).is_some_and(|rest| rest.starts_with(&ENTRY)) {
            return Err("its list of files is broken".to_owned());
        }
        let (name, extra, comment) =
            (number::<2>(packed, at + 28)?, number::<2>(packed, at + 30)?, number::<2>(packed, at + 32)?);
        let raw = packed.get(at + 46..at + 46 + name).ok_or("the archive ends in the middle")?;
        let whole = std::str::from_utf8(raw)
            .map_err(|_| format!("{:?} is no name in UTF-8", String::from_utf8_lossy(raw)))?;
        let path = inside(whole)?;
        if number::<2>(packed, at + 8)? & 1 == 1 {
            return Err(format!("{whole:?} is encrypted"));
        }
        let mode = if packed[at + 5] == UNIX { number::<2>(packed, at + 40)? & 0o170_000 } else { 0 };
        let is_folder = whole.ends_with('/');
        match mode {
            0o120_000 => return Err(format!("{whole:?} is a link")),
            0 | 0o100_000 | 0o040_000 => {}
            _ => return Err(format!("{whole:?} is no file or folder")),
        }
        if path.match_indices('/').any(|(end, _)| paths.contains(&path[..end])) {
            return Err(format!("{whole:?} lies behind a file"));
        }
        folders.extend(path.match_indices('/').map(|(end, _)| path[..end].to_owned()));
        if !is_folder {
            let size = number::<4>(packed, at + 24)? as u64;
            bytes = bytes.saturating_add(size);
            if bytes > MAX_BYTES {
                return Err(format!("it holds more than {} MB", MAX_BYTES / 1_000_000));
            }
            if path.is_empty() || folders.contains(&path) || !paths.insert(path.clone()) {
                return Err(format!("{whole:?} is there more than once"));
            }
            let local = number::<4>(packed, at + 42)?;
            if !packed.get(local..).is_some_and(|rest| rest.starts_with(&LOCAL)) {
                return Err(format!("{whole:?} is not where the list says"));
            }
            let from = local + 30 + number::<2>(packed, local + 26)? + number::<2>(packed, local + 28)?;
            let to = from + number::<4>(packed, at + 20)?;
            files.push(Entry { path, size, method: number::<2>(packed, at + 10)? as u16, from, to });
        } else if paths.contains(&path) {
            return Err(format!("{whole:?} is there more than once"));
        } else {
            folders.insert(path);
        }
        at += 46 + name + extra + comment;
    }
    Ok(files)
}

fn inside(path: &str) -> Result<String, String> {
    let leaves = path.starts_with('/') || path.split('/').any(|part| part == "..");
    if leaves || path.contains(['\0', '\\']) {
        return Err(format!("{path:?} leads out of the artifact's folder"));
    }
    let parts: Vec<&str> = path.split('/').filter(|part| !part.is_empty() && *part != ".").collect();
    Ok(parts.join("/"))
}

#[cfg(test)]
mod tests {
    use super::*;

    /// A zip of stored files: name, mode, content.
    fn zip(files: &[(&str, u32, &[u8])]) -> Bytes {
        let (mut out, mut list) = (Vec::new(), Vec::new());
        for (name, mode, bytes) in files {
            let (at, length) = (out.len() as u32, bytes.len() as u32);
            let lengths = [length.to_le_bytes(), length.to_le_bytes()].concat();
            let names = [(name.len() as u16).to_le_bytes(), [0, 0]].concat();
            out.extend([&LOCAL[..], &[20, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0], &lengths, &names].concat());
            out.extend_from_slice(name.as_bytes());
            out.extend_from_slice(bytes);
            list.extend([&ENTRY[..], &[20, UNIX, 20, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0]].concat());
            list.extend(
                [&lengths[..], &names, &[0; 6], &(mode << 16).to_le_bytes(), &at.to_le_bytes()].concat(),
            );
            list.extend_from_slice(name.as_bytes());
        }
        let (at, count) = (out.len() as u32, files.len() as u16);
        let counts = [count.to_le_bytes(), count.to_le_bytes()].concat();
        out.extend_from_slice(&list);
        out.extend(
            [&END[..], &[0; 4], &counts, &(list.len() as u32).to_le_bytes(), &at.to_le_bytes(), &[0; 2]]
                .concat(),
        );
        out.into()
    }

    fn refused(files: &[(&str, u32, &[u8])]) -> String {
        ArtifactArchive::open("dist", zip(files)).unwrap_err()
    }

    #[test]
    fn files_are_read_by_the_archive_s_list() {
        let packed = zip(&[("a/", 0o040_755, b""), ("a/b.txt", 0o100_644, b"text"), ("c", 0, b"")]);
        let (archive, fetched) = ArtifactArchive::open("dist", packed).unwrap();
        assert_eq!(fetched.files, ["a/b.txt", "c"]);
        let mut texts = Vec::new();
        let read = archive.each(|path, size, content| {
            let mut text = String::new();
            content.read_to_string(&mut text).map_err(|error| error.to_string())?;
            texts.push(format!("{path} {size} {text}"));
            Ok(())
        });
        read.unwrap();
        assert_eq!(texts, ["a/b.txt 4 text", "c 0 "]);
    }

    #[test]
    fn what_has_no_business_in_an_artifact_is_refused_by_name() {
        for path in ["../x", "a/../../x", "/etc/passwd", "a\\..\\x"] {
            let problem = refused(&[(path, 0, b"x")]);
            assert!(problem.ends_with("leads out of the artifact's folder"), "{problem}");
        }
        assert_eq!(refused(&[("root", 0o120_777, b"/")]), "\"root\" is a link");
        assert_eq!(refused(&[("null", 0o020_666, b"")]), "\"null\" is no file or folder");
        assert_eq!(refused(&[("a", 0, b""), ("a/b", 0, b"")]), "\"a/b\" lies behind a file");
        assert_eq!(refused(&[("a/b", 0, b""), ("a", 0, b"")]), "\"a\" is there more than once");
        let many: Vec<String> = (0..10_001).map(|n| n.to_string()).collect();
        let many: Vec<(&str, u32, &[u8])> = many.iter().map(|name| (name.as_str(), 0, &b""[..])).collect();
        assert_eq!(refused(&many), "it holds more than 10000 files");
        for torn in [&b"PK"[..], &[0; 100]] {
            assert_eq!(
                ArtifactArchive::open("dist", Bytes::copy_from_slice(torn)).unwrap_err(),
                "it is no zip archive"
            );
        }
        let mut lies = zip(&[("a", 0, b"abc")]).to_vec();
        let cut = lies.len() - 40;
        lies.truncate(cut);
        assert!(ArtifactArchive::open("dist", lies.into()).is_err());
        assert!(ArtifactArchive::open("../x", zip(&[])).is_err());
    }
}
