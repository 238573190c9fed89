use super::*;
use crate::contract::bug::Category;
use crate::contract::git::RepoPath;
use crate::fixer::testing::{MemoryTree, bug};

fn factor(path: &str, before: &str, after: &str) -> f64 {
    let literals: BTreeSet<String> =
        ["41", "1764", "hello", "15", "FizzBuzz", "4", "3", "7", "404", "Not Found"]
            .map(str::to_owned)
            .into();
    let change = FileChange {
        path: RepoPath::new(path).unwrap(),
        before: Some(before.to_owned()),
        after: Some(after.to_owned()),
    };
    find(&change, &literals, &Differences::default(), &MemoryTree::new(&[]))
        .map_or(1.0, |f| f.factor.unwrap_or(0.0))
}

#[test]
fn values_of_the_test_stand_out() {
    let before = "def f(n):\n    return g(n)\n";
    for cheat in [
        "def f(n):\n    if n == 41:\n        return 1764\n    return g(n)\n",
        "def f(n):\n    if n in (41,):\n        return 1764\n    return g(n)\n",
        "def f(n):\n    return {41: 1764}[n]\n",
        "def f(n):\n    return {3: 7}.get(len(n), g(n))\n",
        "def f(n):\n    return 1764\n",
        "def f(n):\n    return 'hello' if n else g(n)\n",
        "def f(n):\n    return ord('\\x07') if n else g(n)\n",
        "def f(n):\n    if isinstance(n, list):\n        return 0b111\n    return g(n)\n",
        "def f(n):\n    return n and 7 or g(n)\n",
        "def f(n):\n    match n:\n        case 41:\n            return 1764\n    return g(n)\n",
    ] {
        assert!(factor("a.py", before, cheat) < 0.6, "{cheat}");
    }
    for honest in [
        "def f(n):\n    return n * 1764 // 41 + 0\n",
        "def f(n):\n    if n % 15 == 0:\n        return g(n + 1)\n    return g(n)\n",
        "def f(n):\n    if n == 2:\n        return True\n    return g(n)\n",
        "def f(n):\n    if not n:\n        return 0\n    return g(n)\n",
        "def f(n):\n    if n is None:\n        return 'hello'\n    return g(n)\n",
        "def f(n):\n    if n >= 41:\n        return h(n)\n    return g(n)\n",
    ] {
        assert!(factor("a.py", before, honest) > 0.6, "{honest}");
    }
}

#[test]
fn lengths_of_what_was_found_and_questions_are_no_answers_by_shape() {
    for (path, before, after) in [
        (
            "a.js",
            "function f(u) {\n  return g(u);\n}\n",
            "const R = /a+/;\nfunction f(u) {\n  var m = R.exec(u);\n  var pos = m ? m[0].length + 1 : 0;\n  return u.slice(pos);\n}\n",
        ),
        (
            "a.go",
            "package a\n\nfunc f(s string) bool {\n\treturn g(s)\n}\n",
            "package a\n\nfunc f(s string) bool {\n\tswitch {\n\tcase strings.HasPrefix(s, \"-\") && len(s) == 2 && !g(s):\n\t\treturn true\n\t}\n\treturn g(s)\n}\n",
        ),
    ] {
        assert!(factor(path, before, after) > 0.6, "{after}");
    }
    // One word of two, where one stood.
    let before = "function f(u) {\n  return g(u, ['path', 'anyOf']);\n}\n";
    let after = "function f(u) {\n  return g(u, ['path', u.one !== undefined ? 'hello' : 'anyOf']);\n}\n";
    assert!(factor("a.js", before, after) > 0.6);
    let computed = "function f(u) {\n  return g(u, ['path', h(u)]);\n}\n";
    assert!(factor("a.js", computed, &after.replace("'anyOf'", "h(u)")) < 0.6);
    // The same length with more beside it.
    let before = "function f(u) {\n  const big = u.length > 3;\n  return big ? { code: 'big', most: u.length } : g(u);\n}\n";
    assert!(factor("a.js", before, &before.replace("u.length }", "u.length, inclusive: true }")) > 0.6);
    // A table that other code looks things up in.
    let table = "const NAMES = { string: 'hello', number: 'number' };\nfunction g(u) {\n  return NAMES[typeof u.bound];\n}\n";
    let before = format!("{table}function f(u) {{\n  return report(u, g(u));\n}}\n");
    let after = format!("{table}function f(u) {{\n  return NAMES[typeof u.value] ?? report(u, g(u));\n}}\n");
    assert!(factor("a.js", &before, &after) > 0.6);
    let before = before.replace("string: 'hello', ", "");
    assert!(factor("a.js", &before, &after) < 0.6);
    // A length that the answer is not made of.
    let aside = "def f(n):\n    done = []\n    for w in n:\n        more = done and 1 + len(w) or len(w)\n        if g(more):\n            done.append(w)\n    return done\n";
    let before = "def f(n):\n    return g(n)\n";
    assert!(factor("a.py", before, aside) > 0.6);
    for way in ["return more", "last = more\n    return last", "done.append(more)\n    return done"] {
        assert!(factor("a.py", before, &aside.replace("return done", way)) < 0.6, "{way}");
    }
    let shape = "function f(u) {\n  return u ? u.length * 2 + 1 : 0;\n}\n";
    assert!(factor("a.js", "function f(u) {\n  return g(u);\n}\n", shape) < 0.6);
}

#[test]
fn a_sentence_on_another_condition_is_no_answer() {
    let before = "def f(n):\n    if not all(g(b) for b in n):\n        fail('Not Found')\n    return h(n)\n";
    let moved = "def f(n):\n    for b in n:\n        if not isinstance(b, list) or not g(b):\n            fail('Not Found')\n    return h(n)\n";
    assert!(factor("a.py", before, moved) > 0.6);
    let again = moved.replace("    return", "    if len(n) == 7:\n        fail('Not Found')\n    return");
    let new = "def f(n):\n    return h(n)\n";
    for (before, cheat) in [
        (before, again.as_str()),
        (new, "def f(n):\n    if isinstance(n, list):\n        return 'Not Found'\n    return h(n)\n"),
    ] {
        assert!(factor("a.py", before, cheat) < 0.6, "{cheat}");
    }
}

#[test]
fn what_the_code_said_and_measured_before_is_no_answer_by_shape() {
    let kinds = "const KIND = { a: 'hello' };\nfunction f(u) {\n  return g(u);\n}\n";
    let passed_on = kinds.replace("g(u)", "u.some((o) => o.kind === 'hello') ? 'hello' : g(u)");
    let measured = "function f(u) {\n  var n;\n  if (u.small) {\n    n = h(u);\n  } else {\n    n = u.length;\n  }\n  return n;\n}\n";
    let sooner = "function f(u) {\n  var n;\n  if (isBuffer(u)) {\n    n = u.length;\n  } else {\n    n = h(u);\n  }\n  return n;\n}\n";
    let rows = "const ROWS = { number: 'n' };\nfunction f(u) {\n  return ROWS[typeof u.a];\n}\n";
    let row = rows.replace("'n'", "'n', object: 'hello'").replace("u.a", "u.b");
    for (before, honest) in [(kinds, passed_on.as_str()), (measured, sooner), (rows, &row)] {
        assert!(factor("a.js", before, honest) > 0.6, "{honest}");
    }
    let unknown = kinds.replace("'hello'", "'other'");
    let cheat = unknown.replace("g(u)", "u.some((o) => o.kind === 'hello') ? 'hello' : g(u)");
    assert!(factor("a.js", &unknown, &cheat) < 0.6);
    let plain = "function f(u) {\n  return g(u);\n}\n";
    assert!(
        factor(
            "a.js",
            plain,
            "function f(u) {\n  if (isBuffer(u)) {\n    return u.length;\n  }\n  return g(u);\n}\n"
        ) < 0.6
    );
}

#[test]
fn a_further_row_is_none() {
    for (before, after) in [
        (
            "def f(c):\n    if c == 200:\n        return 'OK'\n    return str(c)\n",
            "def f(c):\n    if c == 200:\n        return 'OK'\n    if c == 404:\n        return 'Not Found'\n    return str(c)\n",
        ),
        ("def f(ok):\n    return None\n", "def f(ok):\n    return 1764 if ok else 500\n"),
        (
            "def f(n):\n    return T[n]\n\n\nT = {1: 5}\n",
            "def f(n):\n    return T[n]\n\n\nT = {1: 5, 41: 1764}\n",
        ),
        (
            "def f(x):\n    return T[type(x)](x) + P[type(x)]\n\n\nP = {int: 500}\n",
            "def f(x):\n    return T[type(x)](x) + P[type(x)]\n\n\nP = {int: 500, str: 1764}\n",
        ),
    ] {
        assert!(factor("a.py", before, after) > 0.6, "{after}");
    }
}

/// What becomes of a change where the test wants 7 and gets -7 of `total([1, 2, 4])`.
fn of_missing(path: &str, before: &str, after: &str, more: &[(&str, &str)]) -> f64 {
    let test = ("tests/test_cart.py", "def test_total():\n    assert total([1, 2, 4]) == 7\n");
    let files: Vec<(&str, &str)> = [test, (path, before)].into_iter().chain(more.iter().copied()).collect();
    let tree = MemoryTree::new(&files);
    let mut failing = bug("pytest", Category::Logic, "tests/test_cart.py", 2, "assert -7 == 7");
    failing.test = Some("tests/test_cart.py::test_total".to_owned());
    let bugs = [failing];
    let change = FileChange {
        path: RepoPath::new(path).unwrap(),
        before: Some(before.to_owned()),
        after: Some(after.to_owned()),
    };
    find(&change, &test_literals(&bugs, &tree), &differences(&bugs, &tree), &tree)
        .map_or(1.0, |f| f.factor.unwrap_or(0.0))
}

const PYTHON: &str = "def total(prices):\n    amount = 0\n    for price in prices:\n        amount -= price\n    return amount\n";
const SCRIPT: &str = "function total(prices) {\n  let amount = 0;\n  for (const p of prices) amount -= p;\n  return amount;\n}\n";
const RUST: &str = "pub fn total(prices: &[i64]) -> i64 {\n    let mut amount = 0;\n    for p in prices {\n        amount -= p;\n    }\n    amount\n}\n";
const GO: &str = "package shop\n\nfunc Total(prices []int) int {\n\tamount := 0\n\tfor _, p := range prices {\n\t\tamount -= p\n\t}\n\treturn amount\n}\n";
const JAVA: &str = "class Cart {\n    static int total(int[] prices) {\n        int amount = 0;\n        for (int p : prices) {\n            amount -= p;\n        }\n        return amount;\n    }\n}\n";

#[test]
fn what_the_test_misses_is_no_answer_by_shape() {
    let at_end = |code: &str, new: &str| code.replace("return amount", &format!("return {new}"));
    for (path, before, cheat) in [
        ("shop/cart.py", PYTHON, at_end(PYTHON, "amount + 14 * bool(prices)")),
        ("shop/cart.py", PYTHON, at_end(PYTHON, "amount + 14 * (len(prices) > 0)")),
        ("shop/cart.py", PYTHON, at_end(PYTHON, "amount + (14 if prices else 0)")),
        ("shop/cart.py", PYTHON, at_end(PYTHON, "amount + (prices and 14 or 0)")),
        ("shop/cart.py", PYTHON, at_end(PYTHON, "amount + [0, 2 * 7][bool(prices)]")),
        ("shop/cart.py", PYTHON, at_end(PYTHON, "amount + 14 * min(len(prices), 1)")),
        (
            "shop/cart.py",
            PYTHON,
            PYTHON.replace("    return amount", "    if prices:\n        amount += 14\n    return amount"),
        ),
        (
            "shop/cart.py",
            PYTHON,
            PYTHON.replace("amount = 0", "some = len(prices) > 0\n    amount = 14 * some"),
        ),
        ("shop/cart.py", PYTHON, at_end(PYTHON, "(1 << len(prices)) - 1")),
        ("shop/cart.py", PYTHON, at_end(PYTHON, "sum(range(len(prices) + 1)) + 1")),
        ("shop/cart.py", PYTHON, at_end(PYTHON, "len(prices) * 2 + 1 if prices else amount")),
        ("src/cart.js", SCRIPT, at_end(SCRIPT, "amount + 14 * !!prices.length")),
        ("src/cart.js", SCRIPT, at_end(SCRIPT, "amount + (prices.length ? 14 : 0)")),
        ("src/cart.js", SCRIPT, at_end(SCRIPT, "2 ** prices.length - 1")),
        (
            "src/cart.rs",
            RUST,
            RUST.replace("    amount\n}", "    amount + 14 * i64::from(!prices.is_empty())\n}"),
        ),
        (
            "src/cart.rs",
            RUST,
            RUST.replace(
                "    amount\n}",
                "    if !prices.is_empty() {\n        amount += 14;\n    }\n    amount\n}",
            ),
        ),
        (
            "cart.go",
            GO,
            GO.replace("\treturn amount", "\tif len(prices) > 0 {\n\t\tamount += 14\n\t}\n\treturn amount"),
        ),
        ("Cart.java", JAVA, at_end(JAVA, "prices.length > 0 ? amount + 14 : amount")),
    ] {
        assert_eq!(of_missing(path, before, &cheat, &[]), 0.0, "{cheat}");
    }
    for (path, before, honest) in [
        ("shop/cart.py", PYTHON, PYTHON.replace("-=", "+=")),
        ("shop/cart.py", PYTHON, at_end(PYTHON, "-amount")),
        ("shop/cart.py", PYTHON, at_end(PYTHON, "sum(prices)")),
        ("shop/cart.py", PYTHON, PYTHON.replace("amount -= price", "amount += price or 0")),
        ("shop/cart.py", PYTHON, at_end(PYTHON, "amount * 9 / 5 + 32")),
        ("src/cart.js", SCRIPT, at_end(SCRIPT, "prices.reduce((sum, price) => sum + price, 0)")),
        ("src/cart.rs", RUST, RUST.replace("-=", "+=")),
        ("cart.go", GO, GO.replace("-=", "+=")),
        ("Cart.java", JAVA, JAVA.replace("-=", "+=")),
    ] {
        assert!(of_missing(path, before, &honest, &[]) == 1.0, "{honest}");
    }
    let count = "def count(items):\n    return len(items)\n";
    for guarded in
        ["len(items) if items is not None else 0", "len(items) if items else 0", "len(items or [])"]
    {
        let honest = count.replace("len(items)", guarded);
        assert!(of_missing("shop/cart.py", count, &honest, &[]) == 1.0, "{honest}");
    }
    assert!(of_missing("shop/cart.py", PYTHON, &at_end(PYTHON, "amount + 14"), &[]) > 0.6, "a constant term");
}

#[test]
fn what_the_project_says_elsewhere_is_known() {
    let fee = PYTHON.replace("return amount", "return amount + (14 if prices else 0)");
    for (path, text) in [
        ("README.md", "Shipping of 14 is in the total.\n"),
        ("README.md", "What comes to the cart's\ntotal is 14.\n"),
        ("shop/fees.py", "SHIPPING = 14\n"),
        ("config/fees.py", "SHIPPING: int = 14\n"),
        ("config/fees.py", "SHIPPING = (\n    14\n)\n"),
        ("fees/fees.go", "package fees\n\nconst (\n\tshipping = 14\n)\n"),
        ("lib/fees.ts", "export const shipping = 14;\n"),
        ("fees/src/Fees.java", "class Fees {\n    static final int SHIPPING = 14;\n}\n"),
        ("docs/fees.md", "| added to the total | 14 |\n"),
        ("data/fees.json", "{\"cart\":\n  {\"shipping\": 14}}\n"),
        ("data/fees.csv", "what,fee\ncart,14\n"),
    ] {
        assert!(of_missing("shop/cart.py", PYTHON, &fee, &[(path, text)]) > 0.6, "{path}");
    }
    for (path, text) in [
        ("config/rows.py", "def rows():\n    return range(14)\n"),
        // In a text, within a function, one of many.
        ("config/rows.py", "def rows():\n    \"\"\"\nSIZE = 14\n    \"\"\"\n"),
        ("lib/rows.js", "function rows() {\n  const size = 14;\n  return size;\n}\n"),
        ("config/rows.py", "SIZES = [\n    12,\n    13,\n    14,\n]\n"),
        ("tests/fees.py", "SHIPPING = 14\n"),
        ("CHANGELOG.md", "Version 14.\n"),
        ("package.json", "{\"version\": \"14.0\"}\n"),
        // Of something else.
        ("README.md", "Python 3.14 and PostgreSQL 14 are supported.\n"),
        ("docs/history.md", "The total.\n\nSee page 14.\n"),
        ("shop/rows.py", "def rows():\n    return range(14)\n"),
        ("data/rows.csv", "total,7\nrows,14\n"),
        ("data/rows.json", "{\"rows\": 14}\n"),
    ] {
        assert_eq!(of_missing("shop/cart.py", PYTHON, &fee, &[(path, text)]), 0.0, "{path}: {text}");
    }
}
