//! How fast source is read: its tree alone, and the outline that everything else asks.

use std::path::Path;
use std::time::{Duration, Instant};

use ci_healer::syntax::{Grammar, outline, parse};

use crate::table::{Table, median};

/// So much of each language is read at most.
const MOST_BYTES: usize = 2 << 20;
/// What the outline is to reach, in megabytes per second.
const AIM: f64 = 5.0;

pub(crate) fn measure(table: &mut Table) -> anyhow::Result<()> {
    let root = Path::new(env!("CARGO_MANIFEST_DIR"));
    let mut files = Vec::new();
    for folder in ["src", "tests"] {
        collect(&root.join(folder), &mut files);
    }
    files.sort();
    let grammars = [
        Grammar::Python,
        Grammar::JavaScript,
        Grammar::TypeScript,
        Grammar::Go,
        Grammar::Rust,
        Grammar::Java,
    ];
    let (mut all, mut took) = (0, Duration::ZERO);
    for grammar in grammars {
        let mut bytes = 0;
        let mut texts = Vec::new();
        for file in files.iter().filter(|f| Grammar::of(f) == Some(grammar)) {
            let Ok(text) = std::fs::read_to_string(file) else { continue };
            bytes += text.len();
            texts.push(text);
            if bytes > MOST_BYTES {
                break;
            }
        }
        // The queries are compiled once for the whole run.
        outline(grammar, "").map_err(|error| anyhow::anyhow!("{grammar:?}: {error:?}"))?;
        let timed = |read: &dyn Fn(&str)| {
            let times = (0..3).map(|_| {
                let started = Instant::now();
                texts.iter().for_each(|text| read(text));
                started.elapsed()
            });
            median(times.collect())
        };
        let whole = timed(&|text| drop(outline(grammar, text)));
        let tree = timed(&|text| drop(parse(grammar, text)));
        let rate = |took: Duration| per_second(bytes, took);
        let what = format!("syntax of {grammar:?}, {} files", texts.len());
        table.say(what, format!("{:.1} MB/s, its tree {:.1} MB/s", rate(whole), rate(tree)));
        all += bytes;
        took += whole;
    }
    table.rate("syntax, all languages", per_second(all, took), AIM);
    Ok(())
}

#[expect(clippy::cast_precision_loss, reason = "a figure of two digits")]
fn per_second(bytes: usize, took: Duration) -> f64 {
    bytes as f64 / 1e6 / took.as_secs_f64().max(1e-9)
}

fn collect(folder: &Path, files: &mut Vec<String>) {
    for entry in std::fs::read_dir(folder).into_iter().flatten().flatten() {
        let path = entry.path();
        match entry.file_type() {
            Ok(kind) if kind.is_dir() => collect(&path, files),
            Ok(kind) if kind.is_file() => files.push(path.to_string_lossy().into_owned()),
            _ => {}
        }
    }
}
