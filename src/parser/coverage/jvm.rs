//! Of the JVM, whatever tells most of the run in which the failing test was: JaCoCo's report tells methods and lines, what
//! its agent writes the classes that ran, and the JVM itself those that were loaded.

use super::{Collected, Places, class_loading, jacoco, test_of};

type Reader = fn(&str, bool, &[u8], &Places<'_>, &mut Collected) -> bool;

const READERS: [(&str, Reader); 3] =
    [(".xml", jacoco::report), (".exec", jacoco::execution), (".log", class_loading::read)];

pub(super) fn read(files: &[(String, Vec<u8>)], places: &Places<'_>, into: &mut Collected) {
    for (ending, reader) in READERS {
        // What is of several kinds cannot be compared.
        let mut found = false;
        for (name, bytes) in files.iter().filter(|(name, _)| name.ends_with(ending)) {
            let Some((test, failed)) = test_of(name) else { continue };
            // A JVM's file, and of several one only may have run the tests.
            let test = format!("{test}.{}", if failed { "failed" } else { "passed" });
            found |= reader(&test, failed, bytes, places, into) && failed;
        }
        if found {
            into.out.in_order = ending == ".log";
            return;
        }
        into.clear();
    }
}
