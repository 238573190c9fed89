//! A door to the real Docker engine that can be told to fail: to answer something else, say nothing, break off, freeze,
//! or be gone and come back.

use std::io::{Read, Write};
use std::net::Shutdown;
use std::os::unix::net::{UnixListener, UnixStream};
use std::sync::{Arc, Condvar, Mutex};
use std::time::Duration;

use tempfile::TempDir;

/// What happens to a call instead of the engine's answer.
#[derive(Debug, Clone)]
pub(crate) enum Trouble {
    /// An error of the engine's with this message.
    Error(u16, &'static str),
    /// A whole answer of this content type.
    Answer(&'static str, Vec<u8>),
    /// Nothing, for ever.
    Hang,
    /// The engine gets the call so much later.
    Late(Duration),
    /// The connection closes without a word.
    Close,
    /// So many bytes of the engine's answer, then the connection closes.
    Cut(usize),
}

#[derive(Debug)]
struct Rule {
    call: String,
    trouble: Trouble,
}

#[derive(Default)]
struct State {
    rules: Vec<Rule>,
    /// Every call as `POST /containers/create`, without the API's version.
    calls: Vec<String>,
    /// Both ends of what is open.
    open: Vec<UnixStream>,
    is_down: bool,
    is_frozen: bool,
    /// The call that is never answered, nor any after it.
    freezes_at: Option<String>,
}

#[derive(Default)]
struct Shared {
    state: Mutex<State>,
    changed: Condvar,
}

pub(crate) struct EngineProxy {
    dir: TempDir,
    shared: Arc<Shared>,
}

impl EngineProxy {
    pub(crate) fn start() -> Self {
        let dir = tempfile::tempdir().unwrap();
        let listener = UnixListener::bind(dir.path().join("docker.sock")).unwrap();
        let shared = Arc::new(Shared::default());
        let served = Arc::clone(&shared);
        std::thread::spawn(move || {
            for client in listener.incoming() {
                let (Ok(client), shared) = (client, Arc::clone(&served)) else { return };
                std::thread::spawn(move || serve(&shared, client));
            }
        });
        Self { dir, shared }
    }

    /// As `DOCKER_HOST` takes it.
    pub(crate) fn address(&self) -> String {
        format!("unix://{}", self.dir.path().join("docker.sock").display())
    }

    /// Calls with this method and this part of a path get into trouble until [`Self::fix`].
    pub(crate) fn trouble(&self, call: &str, trouble: Trouble) {
        self.state(|s| s.rules.push(Rule { call: call.to_owned(), trouble }));
    }

    pub(crate) fn fix(&self) {
        self.state(|s| s.rules.clear());
    }

    /// The engine is gone, with everything that was connected to it.
    pub(crate) fn die(&self) {
        self.state(|s| {
            s.is_down = true;
            for stream in s.open.drain(..) {
                let _ = stream.shutdown(Shutdown::Both);
            }
        });
    }

    pub(crate) fn come_back(&self) {
        self.state(|s| s.is_down = false);
    }

    /// Nothing is answered any more, and what was open stays open and silent.
    pub(crate) fn freeze(&self) {
        self.state(|s| s.is_frozen = true);
    }

    /// The same from the first such call on.
    pub(crate) fn freeze_at(&self, call: &str) {
        self.state(|s| s.freezes_at = Some(call.to_owned()));
    }

    pub(crate) fn is_frozen(&self) -> bool {
        self.shared.state.lock().unwrap().is_frozen
    }

    /// Waits until such a call was made.
    pub(crate) fn wait_for(&self, call: &str) {
        let mut state = self.shared.state.lock().unwrap();
        while !state.calls.iter().any(|c| fits(call, c)) {
            let (next, wait) = self.shared.changed.wait_timeout(state, Duration::from_secs(120)).unwrap();
            assert!(!wait.timed_out(), "nobody called {call}: {:?}", next.calls);
            state = next;
        }
    }

    fn state(&self, change: impl FnOnce(&mut State)) {
        change(&mut self.shared.state.lock().unwrap());
        self.shared.changed.notify_all();
    }
}

/// `POST /exec/` fits `POST /exec/abc/start`, and so does `POST /exec/ /start`.
fn fits(wanted: &str, call: &str) -> bool {
    let mut rest = call;
    wanted.split(' ').all(|part| match rest.find(part) {
        Some(at) => {
            rest = &rest[at + part.len()..];
            true
        }
        None => false,
    })
}

/// One request per connection, so that each can be judged by its head.
fn serve(shared: &Arc<Shared>, mut client: UnixStream) {
    let Some((head, body)) = read_head(&mut client) else { return };
    let line = head.lines().next().unwrap_or_default();
    let (method, target) = line.split_once(' ').unwrap_or_default();
    let path = target.split([' ', '?']).next().unwrap_or_default();
    let unversioned = path.strip_prefix("/v1.").and_then(|p| p.find('/').map(|at| &p[at..])).unwrap_or(path);
    let call = format!("{method} {unversioned}");
    let trouble = {
        let mut state = shared.state.lock().unwrap();
        state.calls.push(call.clone());
        state.is_frozen |= state.freezes_at.as_ref().is_some_and(|at| fits(at, &call));
        shared.changed.notify_all();
        if state.is_down {
            Some(Trouble::Close)
        } else if state.is_frozen {
            Some(Trouble::Hang)
        } else {
            state.rules.iter().find(|r| fits(&r.call, &call)).map(|r| r.trouble.clone())
        }
    };
    let mut limit = usize::MAX;
    match trouble {
        None => {}
        Some(Trouble::Cut(bytes)) => limit = bytes,
        Some(Trouble::Late(time)) => std::thread::sleep(time),
        Some(Trouble::Close) => return,
        Some(Trouble::Hang) => {
            keep_open(shared, &client);
            // Until whoever asked has enough of it.
            let _ = std::io::copy(&mut client, &mut std::io::sink());
            return;
        }
        Some(Trouble::Error(status, message)) => {
            let body = serde_json::json!({ "message": message }).to_string();
            answer(&mut client, &format!("{status} Trouble"), "application/json", body.as_bytes());
            return;
        }
        Some(Trouble::Answer(kind, body)) => {
            answer(&mut client, "200 OK", kind, &body);
            return;
        }
    }
    let host = std::env::var("DOCKER_HOST").unwrap_or_default();
    let socket = host.strip_prefix("unix://").unwrap_or("/var/run/docker.sock").to_owned();
    let mut engine = UnixStream::connect(socket).unwrap();
    keep_open(shared, &client);
    keep_open(shared, &engine);
    let (mut from, mut to) = (client.try_clone().unwrap(), engine.try_clone().unwrap());
    let sent = to.write_all(one_request(&head).as_bytes()).and_then(|()| to.write_all(&body));
    if sent.is_err() {
        return;
    }
    let up = Arc::clone(shared);
    std::thread::spawn(move || {
        pass_on(&up, &mut from, &mut to, usize::MAX);
        let _ = to.shutdown(Shutdown::Write);
    });
    pass_on(shared, &mut engine, &mut client, limit);
    let _ = client.shutdown(Shutdown::Both);
    let _ = engine.shutdown(Shutdown::Both);
}

fn keep_open(shared: &Shared, stream: &UnixStream) {
    shared.state.lock().unwrap().open.push(stream.try_clone().unwrap());
}

/// Copies until the end, the limit, or the frost.
fn pass_on(shared: &Shared, from: &mut UnixStream, to: &mut UnixStream, limit: usize) {
    let mut buffer = vec![0; 1 << 16];
    let mut left = limit;
    while let Ok(read) = from.read(&mut buffer) {
        let mut state = shared.state.lock().unwrap();
        while state.is_frozen {
            state = shared.changed.wait(state).unwrap();
        }
        drop(state);
        let part = read.min(left);
        if part == 0 || to.write_all(&buffer[..part]).is_err() {
            return;
        }
        left -= part;
    }
}

fn answer(client: &mut UnixStream, status: &str, kind: &str, body: &[u8]) {
    let head = format!(
        "HTTP/1.1 {status}\r\nContent-Type: {kind}\r\nContent-Length: {}\r\nConnection: close\r\n\r\n",
        body.len()
    );
    let _ = client.write_all(head.as_bytes()).and_then(|()| client.write_all(body));
    let _ = client.shutdown(Shutdown::Write);
    // What is still being sent must not turn the answer into a broken pipe.
    let _ = std::io::copy(client, &mut std::io::sink());
}

/// The head of a request, and what was read beyond it.
fn read_head(client: &mut UnixStream) -> Option<(String, Vec<u8>)> {
    let mut bytes = Vec::new();
    let mut buffer = [0; 4096];
    loop {
        if let Some(end) = bytes.windows(4).position(|w| w == b"\r\n\r\n") {
            let body = bytes.split_off(end + 4);
            return Some((String::from_utf8(bytes).ok()?, body));
        }
        match client.read(&mut buffer) {
            Ok(0) | Err(_) => return None,
            Ok(read) => bytes.extend_from_slice(&buffer[..read]),
        }
    }
}

/// Asks the engine to close the connection after its answer, unless the connection becomes something else.
fn one_request(head: &str) -> String {
    if head.to_ascii_lowercase().contains("\r\nupgrade:") {
        return head.to_owned();
    }
    let mut lines = head.trim_end().lines();
    let mut out = format!("{}\r\nConnection: close\r\n", lines.next().unwrap_or_default());
    for line in lines.filter(|l| !l.to_ascii_lowercase().starts_with("connection:")) {
        out.push_str(line);
        out.push_str("\r\n");
    }
    out + "\r\n"
}
