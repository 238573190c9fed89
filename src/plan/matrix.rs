//! `strategy.matrix` → the combinations GitHub makes of it, in its order.
//!
//! GitHub's rules: the cartesian product, first key outermost; `exclude` takes out what matches all its keys (inside
//! mappings, only the keys it names); each `include` entry is added to every original combination whose own values it
//! does not change, and becomes a combination of its own where there is none.

use super::expr::Value;
use super::yaml::{Kind, Node};

/// GitHub's own limit on the jobs one matrix makes.
pub(super) const MAX_MATRIX_JOBS: usize = 256;
/// What is still multiplied out, so that `exclude` can bring it under the limit.
const MAX_PRODUCT: usize = 50_000;

/// Keys in order.
pub(super) type MatrixJob = Vec<(String, Value)>;

/// The combinations of a matrix.
#[derive(Debug, Clone, Default)]
pub(super) struct Matrix {
    pub(super) matrix_jobs: Vec<MatrixJob>,
    /// Dimensions whose values cannot be known here.
    pub(super) unknown: Vec<(String, String)>,
    pub(super) notes: Vec<String>,
}

/// Evaluates a node to a value: expressions alone in a string keep their type.
pub(super) type Evaluate<'e> = &'e dyn Fn(&Node) -> Result<Value, (u32, String)>;

/// The cartesian product, first key outermost.
fn combinations(dimensions: &[(String, Vec<Value>)]) -> Vec<MatrixJob> {
    let mut originals: Vec<MatrixJob> = Vec::new();
    if !dimensions.is_empty() {
        originals.push(MatrixJob::new());
        for (key, items) in dimensions {
            let longer = |matrix_job: &MatrixJob, item: &Value| {
                let mut matrix_job = matrix_job.clone();
                matrix_job.push((key.clone(), item.clone()));
                matrix_job
            };
            originals = originals
                .iter()
                .flat_map(|matrix_job| items.iter().map(move |item| longer(matrix_job, item)))
                .collect();
        }
    }
    originals
}

/// Adds each entry to the original combinations that it does not change, or as one of its own.
fn included(originals: &[MatrixJob], include: Vec<MatrixJob>) -> Vec<MatrixJob> {
    let mut extended = originals.to_vec();
    let mut own = Vec::new();
    for entry in include {
        let mut found = false;
        for (original, matrix_job) in originals.iter().zip(&mut extended) {
            let changes = entry.iter().any(|(key, value)| {
                original.iter().any(|(k, v)| k.eq_ignore_ascii_case(key) && !same(v, value))
            });
            if changes {
                continue;
            }
            found = true;
            for (key, value) in &entry {
                match matrix_job.iter_mut().find(|(k, _)| k.eq_ignore_ascii_case(key)) {
                    Some((_, old)) => *old = value.clone(),
                    None => matrix_job.push((key.clone(), value.clone())),
                }
            }
        }
        if !found {
            own.push(entry);
        }
    }
    extended.append(&mut own);
    extended
}

/// Expands a matrix. Errors carry the line.
pub(super) fn expand(node: &Node, evaluate: Evaluate<'_>) -> Result<Matrix, (u32, String)> {
    let mut out = Matrix::default();
    let value = if let Kind::Map(entries) = &node.kind {
        entries
            .iter()
            .map(|(key, node)| Ok((key.text.clone(), evaluate(node)?)))
            .collect::<Result<Vec<_>, (u32, String)>>()?
    } else {
        match evaluate(node)? {
            Value::Object(object) => object.entries.clone(),
            Value::Unknown(unknown) => {
                out.unknown.push(("matrix".to_owned(), unknown.what.to_string()));
                out.matrix_jobs.push(MatrixJob::new());
                return Ok(out);
            }
            _ => return Err((node.line, "`matrix` must be a mapping".to_owned())),
        }
    };
    let mut dimensions: Vec<(String, Vec<Value>)> = Vec::new();
    let (mut include, mut exclude) = (Vec::new(), Vec::new());
    for (key, value) in value {
        let items = match value {
            Value::Array(items) => items.as_ref().clone(),
            Value::Unknown(unknown) => {
                if key != "exclude" {
                    out.unknown.push((key.clone(), unknown.what.to_string()));
                }
                if key != "include" && key != "exclude" {
                    dimensions.push((key, vec![Value::Unknown(unknown)]));
                }
                continue;
            }
            Value::Null if key == "include" || key == "exclude" => continue,
            _ => return Err((node.line, format!("the matrix key `{key}` must be a list"))),
        };
        match key.as_str() {
            "include" => include = matrix_jobs(&items, node, "include")?,
            "exclude" => exclude = matrix_jobs(&items, node, "exclude")?,
            _ if items.is_empty() => {
                return Err((node.line, format!("the matrix key `{key}` has no values")));
            }
            _ => dimensions.push((key, items)),
        }
    }
    let product = dimensions.iter().try_fold(1_usize, |n, (_, items)| n.checked_mul(items.len()));
    if product.is_none_or(|n| n > MAX_PRODUCT) || include.len() > MAX_PRODUCT || exclude.len() > MAX_PRODUCT {
        return Err((node.line, too_many(product)));
    }
    for entry in &exclude {
        if let Some((key, _)) =
            entry.iter().find(|(k, _)| !dimensions.iter().any(|(d, _)| d.eq_ignore_ascii_case(k)))
        {
            out.notes.push(format!("`exclude` names `{key}`, which is no key of the matrix"));
        }
    }
    let mut originals = combinations(&dimensions);
    if !exclude.is_empty() {
        // The work is bounded: what is excluded is compared once per combination.
        if originals.len().saturating_mul(exclude.len()) > 20_000_000 {
            return Err((node.line, too_many(Some(originals.len()))));
        }
        originals.retain(|matrix_job| !exclude.iter().any(|entry| matches_all(matrix_job, entry)));
    }
    if originals.len() > MAX_MATRIX_JOBS {
        return Err((node.line, too_many(Some(originals.len()))));
    }
    out.matrix_jobs = included(&originals, include);
    if out.matrix_jobs.len() > MAX_MATRIX_JOBS {
        return Err((node.line, too_many(Some(out.matrix_jobs.len()))));
    }
    if out.matrix_jobs.is_empty() {
        if out.unknown.is_empty() {
            return Err((node.line, "the matrix has no combination".to_owned()));
        }
        out.matrix_jobs.push(MatrixJob::new());
    }
    Ok(out)
}

fn too_many(product: Option<usize>) -> String {
    let count = product.map_or_else(|| "too many".to_owned(), |n| n.to_string());
    format!("the matrix makes {count} combinations; GitHub allows {MAX_MATRIX_JOBS}")
}

fn matrix_jobs(items: &[Value], node: &Node, what: &str) -> Result<Vec<MatrixJob>, (u32, String)> {
    items
        .iter()
        .filter(|item| !matches!(item, Value::Unknown(_)))
        .map(|item| match item {
            Value::Object(object) => Ok(object.entries.clone()),
            _ => Err((node.line, format!("each entry of the matrix's `{what}` must be a mapping"))),
        })
        .collect()
}

fn matches_all(matrix_job: &MatrixJob, entry: &MatrixJob) -> bool {
    entry
        .iter()
        .all(|(key, value)| matrix_job.iter().any(|(k, v)| k.eq_ignore_ascii_case(key) && same(v, value)))
}

/// `have` is what `want` says; of a mapping, only the keys that `want` names count.
fn same(have: &Value, want: &Value) -> bool {
    match (have, want) {
        (Value::Object(have), Value::Object(want)) => {
            want.entries.iter().all(|(key, value)| same(&have.get(key), value))
        }
        (Value::Array(have), Value::Array(want)) => {
            have.len() == want.len() && have.iter().zip(want.iter()).all(|(a, b)| same(a, b))
        }
        _ => have.loosely_equals(want).unwrap_or(false),
    }
}

/// The values of a matrix job as GitHub lists them in a job's name.
pub(super) fn label(matrix_job: &MatrixJob) -> String {
    fn leaves(value: &Value, out: &mut Vec<String>) {
        match value {
            Value::Array(items) => items.iter().for_each(|item| leaves(item, out)),
            Value::Object(object) => object.entries.iter().for_each(|(_, item)| leaves(item, out)),
            Value::Null | Value::Unknown(_) => {}
            primitive => out.extend(primitive.text().filter(|text| !text.is_empty())),
        }
    }
    let mut out = Vec::new();
    matrix_job.iter().for_each(|(_, value)| leaves(value, &mut out));
    out.join(", ")
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::plan::yaml;

    fn value(node: &Node) -> Value {
        match &node.kind {
            Kind::Null => Value::Null,
            Kind::Bool(b) => Value::Bool(*b),
            Kind::Number { value, .. } => Value::Number(*value),
            Kind::String { text, .. } if text == "?" => Value::unknown("needs.x"),
            Kind::String { text, .. } => Value::string(text.as_str()),
            Kind::List(items) => Value::array(items.iter().map(value).collect()),
            Kind::Map(entries) => Value::object(entries.iter().map(|(k, v)| (k.text.clone(), value(v)))),
        }
    }

    fn expand_text(text: &str) -> Result<Vec<String>, String> {
        let node = yaml::parse("m.yml", text.as_bytes()).map_err(|e| e.to_string())?;
        let matrix = expand(&node, &|n| Ok(value(n))).map_err(|(_, e)| e)?;
        let show = |matrix_job: &MatrixJob| {
            let part = |(k, v): &(String, Value)| {
                format!("{k}={}", v.to_json().map_or("?".into(), |j| j.to_string()))
            };
            matrix_job.iter().map(part).collect::<Vec<_>>().join(" ").replace('"', "")
        };
        Ok(matrix.matrix_jobs.iter().map(show).collect())
    }

    #[test]
    fn the_first_key_is_outermost() {
        let matrix_jobs = expand_text("os: [a, b]\nv: [1, 2]").unwrap();
        assert_eq!(matrix_jobs, ["os=a v=1", "os=a v=2", "os=b v=1", "os=b v=2"]);
    }

    #[test]
    fn the_documented_include_example() {
        let matrix_jobs = expand_text(
            "fruit: [apple, pear]\nanimal: [cat, dog]\ninclude:\n  - color: green\n  - color: pink\n    animal: cat\n\
             \n  - fruit: apple\n    shape: circle\n  - fruit: banana\n  - fruit: banana\n    animal: cat\n",
        )
        .unwrap();
        assert_eq!(
            matrix_jobs,
            [
                "fruit=apple animal=cat color=pink shape=circle",
                "fruit=apple animal=dog color=green shape=circle",
                "fruit=pear animal=cat color=pink",
                "fruit=pear animal=dog color=green",
                "fruit=banana",
                "fruit=banana animal=cat",
            ]
        );
    }

    #[test]
    fn exclude_matches_partly_and_inside_mappings() {
        assert_eq!(
            expand_text("os: [a, b]\nv: [1, 2]\nexclude:\n  - os: a\n  - {os: b, v: 2}").unwrap(),
            ["os=b v=1"]
        );
        assert_eq!(
            expand_text("os: [{id: a, name: A}, {id: b, name: B}]\nexclude: [{os: {name: A}}]").unwrap(),
            ["os={id:b,name:B}"]
        );
    }

    #[test]
    fn keys_are_the_same_in_any_case() {
        assert_eq!(
            expand_text(
                "python-version: [1, 2]\nos: [a]\nexclude: [{Python-Version: 1}]\ninclude: [{OS: a, x: 3}]"
            )
            .unwrap(),
            ["python-version=2 os=a x=3"]
        );
    }

    #[test]
    fn include_alone_makes_its_own_jobs() {
        assert_eq!(expand_text("include:\n  - {a: 1}\n  - {a: 1, b: 2}").unwrap(), ["a=1", "a=1 b=2"]);
    }

    #[test]
    fn unknown_dimensions_stay() {
        assert_eq!(expand_text("a: '?'\nb: [1, 2]").unwrap(), ["a=? b=1", "a=? b=2"]);
        assert_eq!(expand_text("include: '?'").unwrap(), [""]);
    }

    #[test]
    fn too_many_or_none_are_refused() {
        let list = format!("[{}]", (0..100).map(|n| n.to_string()).collect::<Vec<_>>().join(","));
        let million = expand_text(&format!("a: {list}\nb: {list}\nc: {list}")).unwrap_err();
        assert!(million.contains("1000000 combinations"), "{million}");
        assert!(expand_text(&format!("a: {list}\nb: [1, 2, 3]")).unwrap_err().contains("300"));
        assert!(expand_text("a: []").is_err());
        assert!(expand_text("a: x").is_err());
        assert!(expand_text("a: [1]\nexclude: [{a: 1}]").unwrap_err().contains("no combination"));
    }
}
