//! Known answers, after GitHub's documentation of expressions.

use proptest::prelude::*;

use super::*;

struct Fixed;

impl Contexts for Fixed {
    fn context(&self, name: &str) -> Value {
        let text = Value::string;
        match name {
            "github" => Value::partial(
                "github",
                [
                    ("ref", text("refs/heads/main")),
                    ("event_name", text("push")),
                    (
                        "event",
                        Value::from_json(&serde_json::json!({
                            "issue": {"labels": [{"name": "Bug"}, {"name": "help wanted"}, {"colour": "red"}]},
                            "deep": [[1, 2], [3]],
                        })),
                    ),
                ],
            ),
            "matrix" => Value::object([
                ("node", Value::Number(20.0)),
                ("os", text("ubuntu-latest")),
                ("experimental", Value::Bool(true)),
            ]),
            "env" => case_sensitive(vec![("A".into(), text("1")), ("EMPTY".into(), text(""))], None),
            "steps" => Value::partial("steps", Vec::<(String, Value)>::new()),
            _ => Value::Null,
        }
    }

    fn status(&self, which: Status) -> Option<bool> {
        (which == Status::Cancelled).then_some(false)
    }

    fn hash_files(&self, patterns: &[String]) -> Option<String> {
        Some(format!("hash of {}", patterns.join("+")))
    }
}

fn text(expression: &str) -> String {
    match evaluate(expression, &Fixed) {
        Ok(Value::Unknown(u)) => format!("unknown {} {:?}", u.what, u.truth),
        Ok(value) => value.text().unwrap_or_default(),
        Err(e) => format!("error {e}"),
    }
}

#[test]
fn known_answers() {
    for (expression, want) in KNOWN_ANSWERS {
        assert_eq!(text(expression), *want, "{expression}");
    }
}

const KNOWN_ANSWERS: &[(&str, &str)] = &[
    // literals and their text
    ("null", ""),
    ("true", "true"),
    ("-9.2", "-9.2"),
    ("0xff", "255"),
    ("-2.99e-2", "-0.0299"),
    ("'It''s open source!'", "It's open source!"),
    // precedence: ! over comparison over equality over && over ||
    ("1 < 2 == true", "true"),
    ("true || false && false", "true"),
    ("!true || true", "true"),
    ("!(true || true)", "false"),
    // operands, not booleans, come out of && and ||
    ("'a' && 'b'", "b"),
    ("'' || 'default'", "default"),
    ("github.ref == 'refs/heads/main' && 'prod' || 'dev'", "prod"),
    ("false && 'x' || 'y'", "y"),
    ("0 || null || ''", ""),
    // comparison
    ("'10' == 10", "true"),
    ("'A' == 'a'", "true"),
    ("null == ''", "true"),
    ("true == 'true'", "false"),
    ("'b' > 'A'", "true"),
    ("'10' > 9", "true"),
    ("'x' > 1", "false"),
    ("'x' <= 1", "false"),
    ("NaN == NaN", "false"),
    // access
    ("matrix.node", "20"),
    ("MATRIX.Node", "20"),
    ("matrix['os']", "ubuntu-latest"),
    ("matrix.missing", ""),
    ("env.A", "1"),
    ("env.a", ""),
    ("github.event.deep[0][1]", "2"),
    ("github.event.deep[5]", ""),
    ("github.event.deep['1'][0]", "3"),
    ("join(github.event.issue.labels.*.name, ', ')", "Bug, help wanted"),
    ("contains(github.event.issue.labels.*.name, 'bug')", "true"),
    ("join(github.event.deep.*.*, '-')", "1-2-3"),
    ("fromJSON('{\"a\":{\"b\":[1,2]}}').a.b[1]", "2"),
    ("(fromJSON('[1,2]'))[0]", "1"),
    // functions
    ("contains('Hello world', 'WORLD')", "true"),
    ("contains('abc', '')", "true"),
    ("contains(fromJSON('[\"push\",\"pull_request\"]'), github.event_name)", "true"),
    ("contains(fromJSON('[1,2]'), '2')", "true"),
    ("startsWith('Hello world', 'hello')", "true"),
    ("endsWith('Hello world', 'LD')", "true"),
    ("startsWith(20, '2')", "true"),
    ("format('Hello {0} {1} {0}', 'Mona', 'the')", "Hello Mona the Mona"),
    ("format('{{Hello {0}}}', 'Mona')", "{Hello Mona}"),
    ("join(fromJSON('[\"a\",\"b\",1]'))", "a,b,1"),
    ("join('only')", "only"),
    (
        "toJSON(fromJSON('{\"a\":[1,\"x\"],\"b\":{}}'))",
        "{\n  \"a\": [\n    1,\n    \"x\"\n  ],\n  \"b\": {}\n}",
    ),
    ("toJSON('x\"y')", "\"x\\\"y\""),
    ("fromJSON('1e2')", "100"),
    ("fromJSON('[1, 2, ]')[1]", "2"),
    ("fromJSON('{\"a\": \"x,]\", }').a", "x,]"),
    ("hashFiles('a', 'b/*')", "hash of a+b/*"),
    ("case(false, 'a', 1 == 1, 'b', 'c')", "b"),
    ("case(false, 'a', 'c')", "c"),
    // status
    ("always()", "true"),
    ("!cancelled()", "true"),
    ("success()", "unknown success() None"),
    // what is unknown stays so, unless the rest decides
    ("steps.x.outputs.y", "unknown steps.x.outputs.y None"),
    ("steps.x.outputs.y == 'a'", "unknown steps.x.outputs.y None"),
    ("steps.x.outputs.y && false", "unknown steps.x.outputs.y Some(false)"),
    ("!(steps.x.outputs.y && false)", "true"),
    ("false && steps.x.outputs.y", "false"),
    ("true || steps.x.outputs.y", "true"),
    ("steps.x.outputs.y || true", "unknown steps.x.outputs.y Some(true)"),
    ("format('{0}', steps.x.outputs.y)", "unknown steps.x.outputs.y None"),
    ("github.head_ref || github.ref", "unknown github.head_ref Some(true)"),
];

#[test]
fn what_github_refuses_is_refused() {
    for expression in [
        "",
        "1 +",
        "foo.bar",
        "nope()",
        "contains('a')",
        "'open",
        "matrix.",
        "a = b",
        "(1",
        "fromJSON('{')",
        "fromJSON('')",
        "fromJSON('[1,,]')",
        "format('{1}', 'a')",
        "format('{', 'a')",
        "github..ref",
        "`x`",
        "\"double\"",
    ] {
        assert!(evaluate(expression, &Fixed).is_err(), "{expression:?} was accepted");
    }
    assert!(evaluate(&"(".repeat(100_000), &Fixed).is_err());
    assert!(evaluate(&format!("1{}", "||1".repeat(6_000)), &Fixed).is_err());
    assert!(evaluate(&"!".repeat(20_000), &Fixed).is_err());
    assert_eq!(text(&format!("0{}", "||1".repeat(400))), "1");
}

#[test]
fn text_keeps_what_it_cannot_know() {
    let r = render("a ${{ matrix.node }} b ${{ steps.x.outputs.y }} c ${{ '}}' }}", &Fixed).unwrap();
    assert_eq!(r.text, "a 20 b ${{ steps.x.outputs.y }} c }}");
    assert_eq!(r.unknown.len(), 1);
    assert!(render("a ${{ open", &Fixed).is_err());
    assert_eq!(check("x ${{ 1 }} ${{ 1 + }}", None).unwrap_err().0, 11);
    assert_eq!(whole_expression(" ${{ a }} "), Some(" a "));
    assert_eq!(whole_expression("${{ a }}-${{ b }}"), None);
}

#[test]
fn conditions() {
    let of = |text: &str| {
        let c = condition_kind(text, &Fixed).unwrap();
        (c.value.truth(), c.asks_status)
    };
    assert_eq!(of("matrix.experimental"), (Some(true), false));
    assert_eq!(of("${{ !matrix.experimental }}"), (Some(false), false));
    assert_eq!(of("failure() && matrix.node == 20"), (None, true));
    assert_eq!(of("failure() && matrix.node == 18"), (Some(false), true));
    assert_eq!(of("always()"), (Some(true), true));
    // a string with an expression in it is not empty, so it is true
    assert_eq!(of("${{ matrix.node }} == 18"), (Some(true), false));
    assert_eq!(of(""), (Some(true), false));
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 400, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn never_panics_on_any_text(text in ".{0,200}") {
        let _ = evaluate(&text, &Fixed);
        let _ = render(&text, &Fixed);
        let _ = condition_kind(&text, &Fixed);
    }

    #[test]
    fn never_panics_on_likely_text(parts in prop::collection::vec(prop::sample::select(vec![
        "github", ".event", ".*", "['a']", "[0]", "(", ")", "!", "&&", "||", "==", "<", "'x'", "''", "1", "0x", "-", "NaN",
        "fromJSON(", "toJSON(", "format(", "'{0}'", "'{'", ",", "contains(", "join(", "matrix.node", "steps.a", "${{", "}}",
        "null", "true", "always()", "case(", "hashFiles(", "é", " ",
    ]), 0..24)) {
        let text = parts.concat();
        let _ = evaluate(&text, &Fixed);
        let _ = render(&text, &Fixed);
        let _ = condition_kind(&text, &Fixed);
    }
}
