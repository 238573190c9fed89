//! Tar archives as the engine takes and gives them: written in pieces, read with suspicion.

use std::io::Read;

/// One entry to write.
#[derive(Debug, Clone)]
pub(super) struct Entry<'a> {
    /// Relative, `/`-separated.
    pub(super) path: &'a str,
    pub(super) kind: Kind<'a>,
    pub(super) mode: u32,
    /// uid and gid
    pub(super) owner: (u32, u32),
    /// Nanoseconds since 1970.
    pub(super) mtime: i128,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Kind<'a> {
    /// So many bytes follow.
    File(u64),
    Directory,
    Symlink(&'a str),
}

/// The header blocks of one entry. What an old header cannot hold (long names, parts of seconds) goes into PAX records.
pub(super) fn header(entry: &Entry<'_>) -> Vec<u8> {
    const NANOS: i128 = 1_000_000_000;
    let mut records = Vec::new();
    let mut header = tar::Header::new_gnu();
    let (size, kind) = match entry.kind {
        Kind::File(size) => (size, tar::EntryType::Regular),
        Kind::Directory => (0, tar::EntryType::Directory),
        Kind::Symlink(target) => {
            // The header's own field takes 100 bytes; setting a longer one would fail and the record replaces it anyway.
            if target.len() > 100 || header.set_link_name_literal(target).is_err() {
                record(&mut records, "linkpath", target);
            }
            (0, tar::EntryType::Symlink)
        }
    };
    if entry.path.len() <= 100 {
        header.as_old_mut().name[..entry.path.len()].copy_from_slice(entry.path.as_bytes());
    } else {
        record(&mut records, "path", entry.path);
    }
    let nanos = entry.mtime.rem_euclid(NANOS);
    let seconds = entry.mtime.div_euclid(NANOS);
    if nanos != 0 && matches!(entry.kind, Kind::File(_)) {
        record(&mut records, "mtime", &format!("{seconds}.{nanos:09}"));
    }
    header.set_entry_type(kind);
    header.set_size(size);
    header.set_mode(entry.mode);
    header.set_uid(u64::from(entry.owner.0));
    header.set_gid(u64::from(entry.owner.1));
    header.set_mtime(u64::try_from(seconds).unwrap_or(0));
    header.set_cksum();

    let mut out = Vec::with_capacity(1536);
    if !records.is_empty() {
        let mut pax = tar::Header::new_ustar();
        pax.set_entry_type(tar::EntryType::XHeader);
        pax.as_old_mut().name[..7].copy_from_slice(b"records");
        pax.set_size(records.len() as u64);
        pax.set_mode(0o644);
        pax.set_cksum();
        out.extend_from_slice(pax.as_bytes());
        out.extend_from_slice(&records);
        out.resize(out.len() + padding(records.len() as u64), 0);
    }
    out.extend_from_slice(header.as_bytes());
    out
}

/// Zero bytes that follow so many bytes of content.
pub(super) fn padding(size: u64) -> usize {
    ((512 - size % 512) % 512) as usize
}

/// What ends an archive.
pub(super) const END: [u8; 1024] = [0; 1024];

/// `LENGTH KEY=VALUE\n`, where the length counts itself.
fn record(out: &mut Vec<u8>, key: &str, value: &str) {
    let rest = key.len() + value.len() + 3;
    let mut length = rest + 1;
    while length != rest + length.to_string().len() {
        length = rest + length.to_string().len();
    }
    out.extend_from_slice(format!("{length} {key}={value}\n").as_bytes());
}

/// A whole small archive of root's files.
pub(super) fn of_files(files: &[(&str, &[u8])]) -> Vec<u8> {
    let mut out = Vec::new();
    for (path, bytes) in files {
        push(
            &mut out,
            &Entry { path, kind: Kind::File(bytes.len() as u64), mode: 0o644, owner: (0, 0), mtime: 0 },
            bytes,
        );
    }
    out.extend_from_slice(&END);
    out
}

/// Appends an entry with its content.
pub(super) fn push(out: &mut Vec<u8>, entry: &Entry<'_>, content: &[u8]) {
    out.extend_from_slice(&header(entry));
    out.extend_from_slice(content);
    out.resize(out.len() + padding(content.len() as u64), 0);
}

/// What was found at a path, in an archive that the sandbox may have shaped.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Found {
    File(Vec<u8>),
    Symlink(Vec<u8>),
    /// A folder, a device, a pipe, a hard link.
    Other,
}

/// Reads the entries of an archive; `wanted` maps a name to a key, or to `None` for what to pass over. Nothing is
/// written anywhere, so names cannot lead anywhere; content beyond `limit` bytes in all is an error.
pub(super) fn read(
    bytes: &[u8],
    limit: usize,
    mut wanted: impl FnMut(&str) -> Option<String>,
) -> Result<Vec<(String, Found)>, String> {
    let mut found = Vec::new();
    let mut left = limit;
    let mut archive = tar::Archive::new(bytes);
    let entries = archive.entries().map_err(|e| e.to_string())?;
    for entry in entries {
        let mut entry = entry.map_err(|e| e.to_string())?;
        let name = String::from_utf8_lossy(&entry.path_bytes()).into_owned();
        let Some(key) = wanted(&name) else { continue };
        let item = match entry.header().entry_type() {
            tar::EntryType::Regular | tar::EntryType::Continuous => {
                let size = usize::try_from(entry.size()).unwrap_or(usize::MAX);
                if size > left {
                    return Err(format!("{name} is larger than what may be read ({limit} bytes in all)"));
                }
                left -= size;
                let mut content = Vec::with_capacity(size);
                entry.read_to_end(&mut content).map_err(|e| e.to_string())?;
                Found::File(content)
            }
            tar::EntryType::Symlink => {
                Found::Symlink(entry.link_name_bytes().unwrap_or_default().into_owned())
            }
            _ => Found::Other,
        };
        found.push((key, item));
    }
    Ok(found)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_written_is_read_back() {
        let long = format!("{}/{}", "d".repeat(90), "ü".repeat(60));
        let target = "t".repeat(150);
        let mut bytes = Vec::new();
        let file = Entry {
            path: &long,
            kind: Kind::File(3),
            mode: 0o755,
            owner: (1001, 1002),
            mtime: 1_500_000_000,
        };
        push(&mut bytes, &file, b"abc");
        push(&mut bytes, &Entry { path: "l", kind: Kind::Symlink(&target), ..file.clone() }, b"");
        push(&mut bytes, &Entry { path: "s", kind: Kind::Symlink("a b"), ..file.clone() }, b"");
        push(&mut bytes, &Entry { path: "d/", kind: Kind::Directory, ..file }, b"");
        bytes.extend_from_slice(&END);

        let mut archive = tar::Archive::new(&bytes[..]);
        let first = archive.entries().unwrap().next().unwrap().unwrap();
        assert_eq!(first.header().mode().unwrap(), 0o755);
        assert_eq!((first.header().uid().unwrap(), first.header().gid().unwrap()), (1001, 1002));

        let found = read(&bytes, 100, |name| Some(name.to_owned())).unwrap();
        assert_eq!(found[0], (long, Found::File(b"abc".to_vec())));
        assert_eq!(found[1].1, Found::Symlink(target.into_bytes()));
        assert_eq!(found[2].1, Found::Symlink(b"a b".to_vec()));
        assert_eq!(found[3].1, Found::Other);
    }

    #[test]
    fn records_count_their_own_length() {
        for length in 1..1200 {
            let mut out = Vec::new();
            record(&mut out, "path", &"x".repeat(length));
            let text = String::from_utf8(out).unwrap();
            assert_eq!(text.split(' ').next().unwrap().parse::<usize>().unwrap(), text.len());
        }
    }

    #[test]
    fn too_much_content_is_refused() {
        let bytes = of_files(&[("a", &[0; 60]), ("b", &[0; 60])]);
        assert!(read(&bytes, 100, |name| Some(name.to_owned())).is_err());
        assert_eq!(read(&bytes, 100, |name| (name == "b").then(|| "b".to_owned())).unwrap().len(), 1);
    }

    #[test]
    fn a_broken_archive_is_an_error() {
        assert!(read(&[7; 700], 100, |name| Some(name.to_owned())).is_err());
    }
}
