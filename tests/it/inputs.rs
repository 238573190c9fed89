//! action.yml's inputs and the README's table are made from the table of inputs: a test compares them, and with
//! `UPDATE_GENERATED=1` in the environment it writes them.

use std::path::PathBuf;

use ci_healer::config::{INPUTS, Input};

/// Columns of a line of action.yml.
const WIDTH: usize = 120;

fn path(name: &str) -> PathBuf {
    PathBuf::from(env!("CARGO_MANIFEST_DIR")).join(name)
}

fn read(name: &str) -> String {
    std::fs::read_to_string(path(name)).unwrap_or_else(|e| panic!("{name}: {e}"))
}

/// Compares what stands between the lines `before` and `after` with what is made from the table, or writes it.
#[track_caller]
fn generated(name: &str, before: &str, after: &str, made: &str) {
    let text = read(name);
    let start = text.find(before).unwrap_or_else(|| panic!("{name} lacks {before:?}")) + before.len();
    let end = start + text[start..].find(after).unwrap_or_else(|| panic!("{name} lacks {after:?}"));
    if std::env::var_os("UPDATE_GENERATED").is_some_and(|v| v == "1") {
        std::fs::write(path(name), format!("{}{made}{}", &text[..start], &text[end..])).unwrap();
        return;
    }
    let differs = text[start..end].lines().zip(made.lines()).find(|(found, made)| found != made);
    assert!(
        text[start..end] == *made,
        "{name} does not say what src/config/inputs.rs says; UPDATE_GENERATED=1 writes it. First difference: {differs:?}"
    );
}

/// A YAML scalar on one line, quoted where it would not be read as the same text.
fn scalar(text: &str) -> String {
    let reads_back = |yaml: &str| {
        serde_yaml::from_str::<serde_yaml::Value>(&format!("key: {yaml}\n"))
            .is_ok_and(|v| v["key"].as_str() == Some(text))
    };
    // Older readers of YAML take these for switches.
    let is_switch = ["on", "off", "yes", "no", "y", "n"].contains(&text);
    if reads_back(text) && !is_switch { text.to_owned() } else { format!("{text:?}") }
}

/// A description: on one line where it fits, else folded.
fn description(text: &str) -> String {
    let line = format!("    description: {}\n", scalar(text));
    if line.chars().count() <= WIDTH + 1 {
        return line;
    }
    let mut folded = "    description: >-".to_owned();
    let mut column = WIDTH;
    for word in text.split(' ') {
        let length = word.chars().count();
        if column + 1 + length > WIDTH {
            folded.push_str("\n      ");
            column = 6 + length;
        } else {
            folded.push(' ');
            column += 1 + length;
        }
        folded.push_str(word);
    }
    folded + "\n"
}

fn declaration(input: &Input) -> String {
    let default = scalar(input.default);
    format!("  {}:\n{}    required: false\n    default: {default}\n", input.name, description(input.doc))
}

fn row(input: &Input) -> String {
    let default = if input.default.is_empty() { String::new() } else { format!("`{}`", input.default) };
    format!("| `{}` | {default} | {} |\n", input.name, input.doc)
}

#[test]
fn action_yml_declares_what_the_table_says() {
    let made: String = INPUTS.iter().map(declaration).collect();
    generated("action.yml", "\ninputs:\n  # Made from src/config/inputs.rs.\n", "\noutputs:\n", &made);
    // And reads back as it was meant.
    let action: serde_yaml::Value = serde_yaml::from_str(&read("action.yml")).expect("action.yml is YAML");
    let declared = action["inputs"].as_mapping().expect("inputs is a mapping");
    assert_eq!(declared.len(), INPUTS.len());
    for input in INPUTS {
        let entry = &action["inputs"][input.name];
        assert_eq!(entry["description"].as_str(), Some(input.doc), "{}", input.name);
        assert_eq!(entry["default"].as_str(), Some(input.default), "{}", input.name);
    }
}

#[test]
fn the_readme_lists_what_the_table_says() {
    let made: String = INPUTS.iter().map(row).collect();
    generated("README.md", "\n| input | default | meaning |\n|---|---|---|\n", "\n## Outputs\n", &made);
}
