//! action.yml, the README's tables and the configuration name the same inputs and outputs with the same defaults.

use std::collections::BTreeMap;
use std::path::PathBuf;

use ci_healer::config::INPUTS;

fn read(name: &str) -> String {
    let path = PathBuf::from(env!("CARGO_MANIFEST_DIR")).join(name);
    std::fs::read_to_string(path).unwrap_or_else(|e| panic!("{name}: {e}"))
}

fn action() -> serde_yaml::Value {
    serde_yaml::from_str(&read("action.yml")).expect("action.yml is YAML")
}

/// Defaults that only a workflow expression can give.
fn is_expression(default: &str) -> bool {
    default.starts_with("${{")
}

#[test]
fn action_yml_declares_every_input_with_its_default() {
    let action = action();
    let declared: BTreeMap<String, String> = action["inputs"]
        .as_mapping()
        .expect("inputs is a mapping")
        .iter()
        .map(|(name, input)| {
            let name = name.as_str().expect("names are strings").to_owned();
            let default = match input.get("default") {
                None => String::new(),
                Some(value) => {
                    value.as_str().unwrap_or_else(|| panic!("{name}: quote the default")).to_owned()
                }
            };
            assert!(input.get("description").is_some_and(|d| d.is_string()), "{name} has no description");
            (name, default)
        })
        .collect();
    let known: BTreeMap<String, String> =
        INPUTS.iter().map(|i| (i.name.to_owned(), i.default.to_owned())).collect();
    assert_eq!(declared.keys().collect::<Vec<_>>(), known.keys().collect::<Vec<_>>());
    for (name, default) in &declared {
        if !is_expression(default) {
            assert_eq!(default, &known[name], "default of {name}");
        }
    }
}

/// Rows of the README whose first cell names one or more inputs in backticks.
fn readme_names(heading: &str) -> Vec<String> {
    let text = read("README.md");
    let section = text.split_once(heading).unwrap_or_else(|| panic!("README.md has no {heading:?}")).1;
    section
        .lines()
        .skip_while(|l| !l.starts_with('|'))
        .take_while(|l| l.starts_with('|'))
        .skip(2)
        .flat_map(|row| {
            let cell = row.trim_matches('|').split('|').next().unwrap_or_default();
            cell.split('`').skip(1).step_by(2).map(str::to_owned).collect::<Vec<_>>()
        })
        .collect()
}

#[test]
fn the_readme_lists_every_input() {
    let mut listed = readme_names("## Inputs");
    let mut known: Vec<String> = INPUTS.iter().map(|i| i.name.to_owned()).collect();
    listed.sort();
    known.sort();
    assert_eq!(listed, known);
}

#[test]
fn the_readme_lists_every_output() {
    let action = action();
    let mut declared: Vec<String> = action["outputs"]
        .as_mapping()
        .expect("outputs is a mapping")
        .keys()
        .map(|k| k.as_str().expect("names are strings").to_owned())
        .collect();
    let mut listed = readme_names("## Outputs");
    declared.sort();
    listed.sort();
    assert_eq!(listed, declared);
}
