//! Artifacts of the failed run, as GitHub packs them: zip archives, looked through before anything is made of them.

use std::collections::BTreeSet;
use std::io::Read;

use bytes::Bytes;

use super::actions::{MAX_BYTES, MAX_FILES};
use super::gunzip::Gunzip;
use crate::contract::artifact::FetchedArtifact;

const END: [u8; 4] = *b"PK\x05\x06";
/// Of archives with longer numbers: their own end, and what says where that is.
const END_64: [u8; 4] = *b"PK\x06\x06";
const LOCATOR_64: [u8; 4] = *b"PK\x06\x07";
const LOCATOR_LENGTH: usize = 20;
/// The part of an entry that has its longer numbers.
const EXTRA_64: usize = 1;
/// What stands where the longer number counts.
const LONGER: usize = 0xFFFF_FFFF;
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
    /// The server's own number.
    pub(super) id: u64,
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
    pub fn open(name: &str, id: u64, packed: Bytes) -> Result<(Self, FetchedArtifact), String> {
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
        let fetched = FetchedArtifact { name: name.to_owned(), id, files };
        Ok((Self { name: name.to_owned(), id, packed }, fetched))
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
    let (count, mut at) = list(packed, end)?;
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
            let numbers = Numbers::read(packed, at, at + 46 + name, extra)?;
            let size = numbers.size as u64;
            bytes = bytes.saturating_add(size);
            if bytes > MAX_BYTES {
                return Err(format!("it holds more than {} MB", MAX_BYTES / 1_000_000));
            }
            if path.is_empty() || folders.contains(&path) || !paths.insert(path.clone()) {
                return Err(format!("{whole:?} is there more than once"));
            }
            let local = numbers.local;
            if !packed.get(local..).is_some_and(|rest| rest.starts_with(&LOCAL)) {
                return Err(format!("{whole:?} is not where the list says"));
            }
            let from = local + 30 + number::<2>(packed, local + 26)? + number::<2>(packed, local + 28)?;
            let to = from.checked_add(numbers.packed).ok_or("the archive ends in the middle")?;
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

/// How many entries the list has, and where it begins.
fn list(packed: &[u8], end: usize) -> Result<(usize, usize), String> {
    let (count, at) = (number::<2>(packed, end + 10)?, number::<4>(packed, end + 16)?);
    let locator = end.checked_sub(LOCATOR_LENGTH).filter(|at| packed[*at..].starts_with(&LOCATOR_64));
    let Some(locator) = locator.filter(|_| count == 0xFFFF || at == LONGER) else { return Ok((count, at)) };
    let longer = number::<8>(packed, locator + 8)?;
    if !packed.get(longer..).is_some_and(|rest| rest.starts_with(&END_64)) {
        return Err("its longer end is not where it says".to_owned());
    }
    let count = if count == 0xFFFF { number::<8>(packed, longer.saturating_add(32))? } else { count };
    let at = if at == LONGER { number::<8>(packed, longer.saturating_add(48))? } else { at };
    Ok((count, at))
}

/// What an entry says in numbers that may be longer than its own fields.
struct Numbers {
    size: usize,
    packed: usize,
    local: usize,
}

impl Numbers {
    fn read(packed: &[u8], at: usize, extra: usize, length: usize) -> Result<Self, String> {
        let mut numbers =
            [number::<4>(packed, at + 24)?, number::<4>(packed, at + 20)?, number::<4>(packed, at + 42)?];
        let (mut from, end) = (extra, extra + length);
        while from + 4 <= end && numbers.contains(&LONGER) {
            let (kind, size) = (number::<2>(packed, from)?, number::<2>(packed, from + 2)?);
            let next = from + 4 + size;
            if kind == EXTRA_64 {
                // Only those that do not fit are there, in this order.
                let mut at = from + 4;
                for number_of in numbers.iter_mut().filter(|number| **number == LONGER) {
                    if at + 8 > next.min(end) {
                        return Err("an entry lacks its longer numbers".to_owned());
                    }
                    *number_of = number::<8>(packed, at)?;
                    at += 8;
                }
                break;
            }
            from = next;
        }
        let [size, packed, local] = numbers;
        Ok(Self { size, packed, local })
    }
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
        ArtifactArchive::open("dist", 1, zip(files)).unwrap_err()
    }

    /// The same archive as packers write it that always take the longer numbers (`zip -fz`).
    fn longer(short: &Bytes) -> Vec<u8> {
        let end = short.len() - END_LENGTH;
        let mut at = number::<4>(short, end + 16).unwrap();
        let start = at;
        let mut out = short[..at].to_vec();
        while short[at..].starts_with(&ENTRY) {
            let name = number::<2>(short, at + 28).unwrap();
            let field =
                |from: usize| u64::from(u32::from_le_bytes(short[from..from + 4].try_into().unwrap()));
            let mut entry = short[at..at + 46].to_vec();
            let longer = [field(at + 24), field(at + 20), field(at + 42)].map(u64::to_le_bytes).concat();
            for from in [20, 24, 42] {
                entry[from..from + 4].fill(0xFF);
            }
            // Another packer's part comes before it.
            let extra = [&[0x55, 0x54, 1, 0, 7, 1, 0, 24, 0][..], &longer].concat();
            entry[30..32].copy_from_slice(&(extra.len() as u16).to_le_bytes());
            out.extend([&entry, &short[at + 46..at + 46 + name], &extra].concat());
            at += 46 + name;
        }
        let (longer_end, count) = (out.len() as u64, u64::from(short[end + 10]));
        let counts = [count, count, longer_end - start as u64, start as u64].map(u64::to_le_bytes).concat();
        out.extend([&END_64[..], &44_u64.to_le_bytes(), &[45, 0, 45, 0], &[0; 8], &counts].concat());
        out.extend([&LOCATOR_64[..], &[0; 4], &longer_end.to_le_bytes(), &[1, 0, 0, 0]].concat());
        out.extend([&END[..], &[0; 4], &[0xFF; 12], &[0, 0]].concat());
        out
    }

    #[test]
    fn longer_numbers_are_read_where_the_short_ones_say_so() {
        let short = zip(&[("a/b.txt", 0o100_644, b"text"), ("c", 0, b"more")]);
        let whole = longer(&short);
        let (archive, fetched) = ArtifactArchive::open("dist", 7, whole.clone().into()).unwrap();
        assert_eq!((fetched.files, fetched.id), (vec!["a/b.txt".to_owned(), "c".to_owned()], 7));
        let mut texts = String::new();
        archive
            .each(|_, _, content| content.read_to_string(&mut texts).map(|_| ()).map_err(|e| e.to_string()))
            .unwrap();
        assert_eq!(texts, "textmore");
        let refused = |at: usize, with: &[u8]| {
            let mut lies = whole.clone();
            lies[at..at + with.len()].copy_from_slice(with);
            ArtifactArchive::open("dist", 7, lies.into()).unwrap_err()
        };
        let locator = whole.len() - END_LENGTH - LOCATOR_LENGTH;
        for far in [u64::MAX, u64::MAX - 40, whole.len() as u64] {
            let far = far.to_le_bytes();
            assert_eq!(refused(locator + 8, &far), "its longer end is not where it says");
            let entry = short.len() - END_LENGTH - 46 - 1 - 46 - 7;
            // Size, packed size and place of the first entry.
            for field in 0..3 {
                refused(entry + 46 + 7 + 9 + 8 * field, &far);
            }
            for field in [32, 48] {
                refused(locator - 56 + field, &far);
            }
        }
        let entry = short.len() - END_LENGTH - 46 - 1 - 46 - 7;
        assert_eq!(refused(entry + 46 + 7 + 7, &[8]), "an entry lacks its longer numbers");
    }

    #[test]
    fn files_are_read_by_the_archive_s_list() {
        let packed = zip(&[("a/", 0o040_755, b""), ("a/b.txt", 0o100_644, b"text"), ("c", 0, b"")]);
        let (archive, fetched) = ArtifactArchive::open("dist", 1, packed).unwrap();
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
                ArtifactArchive::open("dist", 1, Bytes::copy_from_slice(torn)).unwrap_err(),
                "it is no zip archive"
            );
        }
        let mut lies = zip(&[("a", 0, b"abc")]).to_vec();
        let cut = lies.len() - 40;
        lies.truncate(cut);
        assert!(ArtifactArchive::open("dist", 1, lies.into()).is_err());
        assert!(ArtifactArchive::open("../x", 1, zip(&[])).is_err());
    }
}
