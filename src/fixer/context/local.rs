//! What is shown of a compiler's, linter's or formatter's complaint: where it points, then more around it.

use super::dependencies::is_unresolved;
use super::quoted::quoted_names;
use super::{Builder, CodeLocation, NEAR, SHORT_BLOCK};
use crate::contract::bug::BugReport;
use crate::fixer::language::{Language, enclosing_block};
use crate::fixer::symbols;

impl Builder<'_> {
    pub(super) fn local(&mut self, bug: &BugReport, level: u8) {
        let places = self.places(bug);
        let unresolved = is_unresolved(bug);
        for (index, place) in places.iter().enumerate().take(if level == 1 { 3 } else { 6 }) {
            let why = if index == 0 { "reported here" } else { "related place" };
            match place.line {
                Some(line) => {
                    // All that the tool points at, to its end.
                    let last = bug.end_line.filter(|_| index == 0).unwrap_or(line).max(line);
                    self.add(&place.path, line.saturating_sub(NEAR), last.saturating_add(NEAR), why);
                    if level >= 2 {
                        self.block(place, line, why, 200);
                    } else {
                        self.short_block(place, line);
                    }
                }
                None => self.add(&place.path, 1, 20, why),
            }
        }
        let of_dependency = self.is_about_dependencies(bug, places.first().map(|p| &p.path));
        if of_dependency {
            self.named_files(bug);
        }
        let Some(main) = places.first() else {
            self.manifests("", "the report names no file of the repository");
            return;
        };
        if unresolved || level >= 2 {
            self.imports(&main.path);
        }
        let folder = main.path.parent().to_owned();
        if of_dependency {
            self.manifests(&folder, "what the project depends on");
        }
        let in_test = self.is_test_file(main.path.as_str());
        if unresolved || level >= 2 {
            self.folders_of(std::iter::once(&main.path));
        }
        if in_test || unresolved || level >= 3 {
            // A test that uses what is not there yet points to where it belongs.
            let mut names = quoted_names(&bug.message);
            if (in_test || level >= 3)
                && let (Some(line), Some(text)) = (main.line, self.tree.read_text(&main.path))
            {
                let code = text.lines().nth(line.saturating_sub(1) as usize).unwrap_or_default();
                names.extend(symbols::used_names(Language::of(main.path.as_str()), code));
            }
            let most = if level == 1 { 2 } else { 6 };
            self.definitions(&names, &main.path, most, 40 * u32::from(level));
            if in_test {
                self.twins(&main.path, level);
            }
        }
        if level >= 3 {
            for place in &places {
                self.whole(&place.path, place.line, "the whole file");
            }
        }
        if level >= 4 {
            self.imported_files(&main.path);
            self.manifests(&folder, "what the project depends on");
            self.siblings(&main.path);
        }
    }

    /// The function around the place, where it is short.
    fn short_block(&mut self, place: &CodeLocation, line: u32) {
        let text = self.tree.read_text(&place.path);
        let language = Language::of(place.path.as_str());
        let block = text.and_then(|text| enclosing_block(language, &text, line));
        if let Some((first, last)) = block.filter(|(first, last)| last - first < SHORT_BLOCK) {
            self.add(&place.path, first, last, "the code around it");
        }
    }
}
