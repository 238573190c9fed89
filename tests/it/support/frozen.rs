//! Servers that take a connection and then let their client wait: what every bound of ours is held against.

use std::io::{Read as _, Write as _};
use std::net::{TcpListener, TcpStream};
use std::time::Duration;

/// How a server lets its clients wait.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Manner {
    /// Takes the connection, reads nothing and answers nothing.
    Deaf,
    /// Reads what it is sent and answers nothing.
    Silent,
    /// Begins an answer's head, and goes on by a byte now and then.
    SlowHead,
    /// Answers with a head, and then with a byte of the body now and then.
    SlowBody,
    /// Sends whoever asks to the server at this port.
    RedirectsTo(u16),
    /// Wants to be asked again only after so many seconds.
    Limits(u32),
}

pub(crate) const FROZEN: [Manner; 4] = [Manner::Deaf, Manner::Silent, Manner::SlowHead, Manner::SlowBody];

/// Between two bytes of a slow answer: often enough for no idle timer to run out.
const DRIP: Duration = Duration::from_millis(200);

/// Starts such a server; it lives as long as the test process. Returns its port.
pub(crate) fn frozen(manner: Manner) -> u16 {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let port = listener.local_addr().unwrap().port();
    std::thread::spawn(move || {
        for stream in listener.incoming().flatten() {
            std::thread::spawn(move || serve(manner, stream));
        }
    });
    port
}

/// As [`frozen`]; the address.
pub(crate) fn frozen_url(manner: Manner) -> String {
    format!("http://127.0.0.1:{}", frozen(manner))
}

fn serve(manner: Manner, mut stream: TcpStream) {
    if manner == Manner::Deaf {
        loop {
            std::thread::park();
        }
    }
    let mut buffer = [0; 1 << 16];
    while stream.read(&mut buffer).is_ok_and(|read| read > 0) {
        let answer = match manner {
            Manner::Deaf | Manner::Silent => continue,
            Manner::SlowHead => "HTTP/1.1 200 OK\r\nx-slow: ".to_owned(),
            Manner::SlowBody => {
                "HTTP/1.1 200 OK\r\ncontent-type: application/json\r\ncontent-length: 100000\r\n\r\n{"
                    .to_owned()
            }
            Manner::RedirectsTo(port) => format!(
                "HTTP/1.1 302 Found\r\nlocation: http://127.0.0.1:{port}/store\r\ncontent-length: 0\r\n\r\n"
            ),
            Manner::Limits(seconds) => format!(
                "HTTP/1.1 429 Too Many Requests\r\nretry-after: {seconds}\r\ncontent-length: 2\r\n\r\n{{}}"
            ),
        };
        let mut alive = stream.write_all(answer.as_bytes()).is_ok();
        while alive && matches!(manner, Manner::SlowHead | Manner::SlowBody) {
            std::thread::sleep(DRIP);
            alive = stream.write_all(b" ").is_ok();
        }
    }
}
