//! The JVM's `-Xlog:class+load`: the repository's classes in the order in which they were first used.

use super::{Collected, Places};

/// Whether it names any of the repository's.
pub(super) fn read(
    test: &str,
    failed: bool,
    bytes: &[u8],
    places: &Places<'_>,
    into: &mut Collected,
) -> bool {
    let text = String::from_utf8_lossy(bytes);
    let classes = text.lines().filter_map(loaded).map(|class| class.replace('.', "/"));
    into.classes(test, failed, classes, places)
}

/// `[0.123s][info][class,load] com.acme.Cart$Item source: file:/workspace/target/classes/`
fn loaded(line: &str) -> Option<&str> {
    let (class, source) = line.rsplit_once("] ")?.1.split_once(" source: ")?;
    let is_class = class.bytes().all(|b| b.is_ascii_alphanumeric() || b"._$".contains(&b));
    (is_class && source.contains("/workspace/")).then_some(class)
}
