//! JavaScript stack frames and the places they name.
//!
//! Facts from the engines and runners themselves: V8 prints `at f (path:line:column)`, vitest `❯ f path:line:column`,
//! the YAML of `node --test` the frame without `at`. Frames of the engine and of node's own modules are no places
//! anyone can fix, so they are told apart here; what is a dependency the findings decide.

use crate::contract::bug::Location;

/// What a line of a stack trace is.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Frame {
    /// A frame in a file, a dependency's perhaps.
    At(Location),
    /// A frame of the engine, of node's own modules, or one without a place.
    Internal,
}

/// A stack line with its mark: `at f (path:1:2)`, `❯ f path:1:2`.
pub(super) fn frame(text: &str) -> Option<Frame> {
    let text = text.trim();
    if let Some(rest) = text.strip_prefix("at ") {
        let rest = rest.strip_prefix("async ").unwrap_or(rest);
        return unmarked(rest).or_else(|| rest.starts_with('<').then_some(Frame::Internal));
    }
    let rest = text.strip_prefix('❯')?.trim_start();
    let last = rest.rsplit(' ').next().unwrap_or(rest);
    location(last).map(classify)
}

/// A frame without its mark: `f (path:1:2)` or `path:1:2`.
pub(super) fn unmarked(text: &str) -> Option<Frame> {
    let text = text.trim().trim_end_matches('{').trim_end();
    if let Some(inside) = text.strip_suffix(')') {
        let open = inside.rfind(" (").map(|i| i + 2).or_else(|| inside.strip_prefix('(').map(|_| 1))?;
        let inside = &inside[open..];
        if let Some(found) = location(inside) {
            return Some(classify(found));
        }
        // `(<anonymous>)`, `(native)`, `(index 0)`, `(eval at f (path:1:2), <anonymous>:1:1)`
        let engine = inside.starts_with('<') || inside == "native" || inside.starts_with("index ");
        return engine.then_some(Frame::Internal);
    }
    // A bare place has no blanks but those of its path; `new Promise` and prose have no numbers at the end.
    location(text).map(classify)
}

fn classify(location: Location) -> Frame {
    if is_internal(&location.file) { Frame::Internal } else { Frame::At(location) }
}

/// `path:line:column` or `path:line`, cut from the right so that drive letters and URLs keep their colons.
pub(super) fn location(text: &str) -> Option<Location> {
    let text = text.trim();
    let (rest, last) = text.rsplit_once(':')?;
    let last: u32 = number(last)?;
    let (path, line, column) =
        match rest.rsplit_once(':').and_then(|(path, line)| Some((path, number(line)?))) {
            Some((path, line)) => (path, line, Some(last)),
            None => (rest, last, None),
        };
    let path = clean(path);
    // `12:30:45` and `http://localhost:3000:80` are no files.
    let plausible = line > 0
        && !path.is_empty()
        && !is_host(path)
        && !path.bytes().all(|b| b.is_ascii_digit() || b == b':');
    plausible.then(|| Location { file: path.to_owned(), line: Some(line), column: column.filter(|c| *c > 0) })
}

fn number(text: &str) -> Option<u32> {
    if text.is_empty() || !text.bytes().all(|b| b.is_ascii_digit()) {
        return None;
    }
    text.parse().ok()
}

/// Paths as tools wrap them: `file:///a/b.js`, `webpack:///./src/a.js`, `src/a.js?t=123`.
pub(super) fn clean(path: &str) -> &str {
    let mut path = path.trim().trim_matches(['"', '\'', '`']);
    for prefix in
        ["async ", "file://", "webpack-internal:///", "webpack:///", "webpack://", "rollup://", "vite-node:"]
    {
        if let Some(rest) = path.strip_prefix(prefix) {
            path = rest;
            if prefix == "webpack://" {
                // `webpack://name/./src/a.js`: the first component is the bundle's name.
                path = path.split_once("/./").map_or(path, |(_, rest)| rest);
            }
        }
    }
    for test_server in ["/base/", "/@fs/"] {
        if let Some((host, rest)) = path.split_once(test_server)
            && host.starts_with("http")
        {
            path = rest;
        }
    }
    let path = path.split_once('?').map_or(path, |(path, _)| path);
    let path = path.strip_prefix("./").unwrap_or(path);
    if path.starts_with('/') && path[1..].contains(":\\") { &path[1..] } else { path }
}

fn is_host(path: &str) -> bool {
    path.contains("://")
        || path == "localhost"
        || (path.contains('.') && path.bytes().all(|b| b.is_ascii_digit() || b == b'.'))
}

/// Node's own modules: `node:fs`, `internal/timers.js`, and the bare names that node printed before version 16.
pub(super) fn is_internal(path: &str) -> bool {
    const BARE: &[&str] = &[
        "_http_agent.js",
        "_http_client.js",
        "_http_common.js",
        "_http_incoming.js",
        "_http_outgoing.js",
        "_http_server.js",
        "_stream_duplex.js",
        "_stream_passthrough.js",
        "_stream_readable.js",
        "_stream_transform.js",
        "_stream_writable.js",
        "_tls_wrap.js",
        "assert.js",
        "async_hooks.js",
        "bootstrap_node.js",
        "buffer.js",
        "child_process.js",
        "cluster.js",
        "dgram.js",
        "dns.js",
        "domain.js",
        "events.js",
        "fs.js",
        "http.js",
        "https.js",
        "module.js",
        "net.js",
        "node.js",
        "path.js",
        "process.js",
        "querystring.js",
        "readline.js",
        "repl.js",
        "stream.js",
        "timers.js",
        "tls.js",
        "tty.js",
        "url.js",
        "util.js",
        "vm.js",
        "worker_threads.js",
        "zlib.js",
    ];
    path.starts_with("node:")
        || path.starts_with("internal/")
        || path.starts_with('<')
        || path.starts_with("ext:")
        || path.starts_with("evalmachine.")
        || path.starts_with('[')
        || BARE.contains(&path)
}

/// The marked line of a code frame (`> 22 | code`): its number.
pub(super) fn marked_line(text: &str) -> Option<u32> {
    let rest = text.trim_start().strip_prefix('>')?.trim_start();
    let (line, _) = rest.split_once('|').or_else(|| rest.split_once('│'))?;
    number(line.trim_end()).filter(|n| *n > 0)
}

/// Another line of a code frame (`  23 | code`, `   24| code`).
pub(super) fn is_source_line(text: &str) -> bool {
    let text = text.trim_start();
    let digits = text.bytes().take_while(u8::is_ascii_digit).count();
    digits > 0 && text[digits..].trim_start_matches(' ').starts_with(['|', '│']) && text.len() - digits > 0
}

/// The line of marks under it (`| ^^`): the column, from 1.
pub(super) fn marked_column(text: &str) -> Option<u32> {
    let (before, after) = text.split_once('|').or_else(|| text.split_once('│'))?;
    let marks = after.trim();
    let only_marks =
        before.trim().is_empty() && !marks.is_empty() && marks.bytes().all(|b| matches!(b, b'^' | b'~'));
    // One blank stands between the bar and the code.
    only_marks
        .then(|| after.chars().take_while(|c| *c == ' ').count())
        .and_then(|n| u32::try_from(n).ok())
        .filter(|n| *n > 0)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(text: &str) -> Option<(String, u32, Option<u32>)> {
        match frame(text)? {
            Frame::At(p) => Some((p.file, p.line?, p.column)),
            Frame::Internal => None,
        }
    }

    #[test]
    fn reads_every_shape_of_frame() {
        let here = |path: &str, line, column| Some((path.to_owned(), line, Some(column)));
        assert_eq!(at("    at total (/app/src/cart.js:4:21)"), here("/app/src/cart.js", 4, 21));
        assert_eq!(at("    at /app/index.js:4:13"), here("/app/index.js", 4, 13));
        assert_eq!(at("at async Runner.run (file:///app/a b.mjs:1:2)"), here("/app/a b.mjs", 1, 2));
        assert_eq!(at("at async file:///app/a.mjs:1:2"), here("/app/a.mjs", 1, 2));
        assert_eq!(at("at Foo.bar [as baz] (lib/a.js:7:1) {"), here("lib/a.js", 7, 1));
        assert_eq!(
            at("at Context.eval (webpack://shop/./cypress/e2e/a.cy.js:5:8)"),
            here("cypress/e2e/a.cy.js", 5, 8)
        );
        assert_eq!(at(" ❯ price src/price.ts:7:11"), here("src/price.ts", 7, 11));
        assert_eq!(at(" ❯ src/price.ts:7:11"), here("src/price.ts", 7, 11));
        assert_eq!(at("at fn (C:\\app\\a.js:3:4)"), here("C:\\app\\a.js", 3, 4));
    }

    #[test]
    fn tells_the_engine_apart() {
        for text in [
            "at node:internal/main/run_main_module:28:49",
            "at Module._load (node:internal/modules/cjs/loader:1091:12)",
            "at emitCloseNT (net.js:1664:8)",
            "at process._tickCallback (internal/process/next_tick.js:181:9)",
            "at JSON.parse (<anonymous>)",
            "at async Promise.all (index 0)",
            "at <Jasmine>",
        ] {
            assert_eq!(frame(text), Some(Frame::Internal), "{text}");
        }
    }

    #[test]
    fn takes_no_clock_or_address_for_a_file() {
        for text in [
            "12:30:45",
            "http://localhost:3000:80",
            "localhost:3000",
            "127.0.0.1:9229:1",
            "at 12:30:45",
            "a:b",
            "a:0:1",
        ] {
            assert_eq!(location(text.trim_start_matches("at ")), None, "{text}");
        }
    }
}
