//! The JVM's `-Xlog:class+load`: the repository's classes in the order in which they were first used.

use super::{Collected, Places, paths, test_of};

pub(super) fn read(files: &[(String, Vec<u8>)], places: &Places<'_>, into: &mut Collected) {
    into.out.in_order = true;
    for (name, bytes) in files {
        let Some((test, failed)) = test_of(name) else { continue };
        let text = String::from_utf8_lossy(bytes);
        let mut ran = Vec::new();
        for class in text.lines().filter_map(loaded) {
            let path = class.replace('.', "/");
            let ends = ["java", "kt", "scala", "groovy"].map(|extension| format!("{path}.{extension}"));
            if let Some(file) = places.ending(&ends) {
                ran.extend(into.function(file, class.rsplit('.').next().unwrap_or(class), None));
            }
        }
        // One file is of a JVM, and one of them only may have run the tests.
        into.test(&format!("{test}.{}", if failed { "failed" } else { "passed" }), Some(failed), ran);
    }
}

/// `[0.123s][info][class,load] com.acme.Cart$Item source: file:/home/runner/work/shop/shop/target/classes/`
fn loaded(line: &str) -> Option<&str> {
    let (class, source) = line.rsplit_once("] ")?.1.split_once(" source: ")?;
    let is_class = class.bytes().all(|b| b.is_ascii_alphanumeric() || b"._$".contains(&b));
    let place = source.strip_prefix("file:").unwrap_or_default();
    (is_class && !place.is_empty() && !paths::is_absolute(&paths::relative(place, &[])))
        .then(|| class.split('$').next().unwrap_or(class))
}
