//! GitHub and the model servers behind broken networks: TLS that is not to be trusted, proxies, IPv6 alone,
//! answers that stop halfway. Certificates are made by `tests/fixtures/tls/make.sh`.

use std::io::{Read, Write};
use std::net::{Shutdown, TcpListener, TcpStream};
use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

use ci_healer::contract::model::{FailureKind, Limits, NoReplyReason};
use ci_healer::github::{ApiError, Client, ClientOptions, RetryPolicy, TokenFacts, examine_token};
use ci_healer::http::{self, Redirects};
use ci_healer::scope::Scope;
use rustls_pki_types::pem::PemObject as _;
use rustls_pki_types::{CertificateDer, PrivateKeyDer};
use secrecy::SecretString;

use crate::models::{Asker, groq_at, limits};
use crate::support::git::{Sandbox, git};
use crate::support::github::{FakeGitHub, JOB_TOKEN, SLUG};
use crate::support::llm::{Answer, ScriptedLlm, Speaks};

fn certificates() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/fixtures/tls")
}

fn authority() -> Vec<u8> {
    std::fs::read(certificates().join("authority.pem")).unwrap()
}

/// Takes connections for ever, each on a thread of its own; the port.
fn serve(serve: impl Fn(TcpStream) + Send + Sync + 'static) -> u16 {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let port = listener.local_addr().unwrap().port();
    let serve = Arc::new(serve);
    std::thread::spawn(move || {
        for stream in listener.incoming() {
            let (Ok(stream), serve) = (stream, Arc::clone(&serve)) else { return };
            std::thread::spawn(move || serve(stream));
        }
    });
    port
}

/// Serves with the certificate `name`, and hands on to `port` what it is sent, one request a connection.
fn tls_before(port: u16, name: &str) -> u16 {
    let provider = Arc::new(rustls::crypto::ring::default_provider());
    let chain = CertificateDer::pem_file_iter(certificates().join(format!("{name}.pem"))).unwrap();
    let key = PrivateKeyDer::from_pem_file(certificates().join("server.key")).unwrap();
    let config = rustls::ServerConfig::builder_with_provider(provider)
        .with_safe_default_protocol_versions()
        .unwrap()
        .with_no_client_auth()
        .with_single_cert(chain.map(Result::unwrap).collect(), key)
        .unwrap();
    let config = Arc::new(config);
    serve(move |client| {
        let connection = rustls::ServerConnection::new(Arc::clone(&config)).unwrap();
        let mut client = rustls::StreamOwned::new(connection, client);
        let Some((head, body)) = read_request(&mut client) else { return };
        let mut server = TcpStream::connect(("127.0.0.1", port)).unwrap();
        let (line, rest) = head.split_once("\r\n").unwrap();
        server.write_all(format!("{line}\r\nconnection: close\r\n{rest}").as_bytes()).unwrap();
        server.write_all(&body).unwrap();
        let mut answer = Vec::new();
        server.read_to_end(&mut answer).unwrap();
        let _ = client.write_all(&answer);
        client.conn.send_close_notify();
        let _ = client.flush();
        let _ = client.sock.shutdown(Shutdown::Write);
    })
}

/// A request's head and body; `None` where the other side has given up before, as it does over a bad certificate.
fn read_request(stream: &mut impl Read) -> Option<(String, Vec<u8>)> {
    let mut bytes = Vec::new();
    let mut buffer = [0; 4096];
    loop {
        let read = stream.read(&mut buffer).ok().filter(|r| *r > 0)?;
        bytes.extend_from_slice(&buffer[..read]);
        let Some(end) = bytes.windows(4).position(|w| w == b"\r\n\r\n") else { continue };
        let mut body = bytes.split_off(end + 4);
        let head = String::from_utf8(bytes).ok()?;
        let length = head
            .to_ascii_lowercase()
            .lines()
            .find_map(|l| l.strip_prefix("content-length:").and_then(|n| n.trim().parse::<usize>().ok()));
        let missing = length.unwrap_or(0).saturating_sub(body.len());
        let start = body.len();
        body.resize(start + missing, 0);
        stream.read_exact(&mut body[start..]).ok()?;
        return Some((head, body));
    }
}

/// The token's facts as GitHub at `api_url` tells them.
async fn examine(api_url: &str, ca: Option<&[u8]>) -> Result<TokenFacts, ApiError> {
    let policy = RetryPolicy { tries: 2, first_delay: Duration::from_millis(5), ..RetryPolicy::default() };
    let token = SecretString::from(JOB_TOKEN);
    let options = ClientOptions { api_url: api_url.to_owned(), token: Some(token.clone()), policy };
    let client =
        Client::new(http::Client::new(&Scope::unbounded(), ca, Redirects::Refuse).unwrap(), options).unwrap();
    examine_token(&client, &FakeGitHub::slug(), &token, None, false).await
}

fn hub() -> (Sandbox, FakeGitHub, u16) {
    let sandbox = Sandbox::new();
    let seed = sandbox.repository("seed", &[]);
    let bare = sandbox.join("widget.git");
    git(&seed, &["clone", "-q", "--bare", ".", bare.to_str().unwrap()]);
    let hub = FakeGitHub::start(&bare);
    let port = hub.api_url().rsplit_once(':').unwrap().1.trim_end_matches('/').parse().unwrap();
    (sandbox, hub, port)
}

/// Serves `CONNECT`, every name leading to `port`; the names asked for.
fn proxy_to(port: u16) -> (u16, Arc<Mutex<Vec<String>>>) {
    let asked = Arc::new(Mutex::new(Vec::new()));
    let names = Arc::clone(&asked);
    let proxy = serve(move |mut client| {
        let Some((head, _)) = read_request(&mut client) else { return };
        names.lock().unwrap().push(head.lines().next().unwrap_or_default().to_owned());
        let mut server = TcpStream::connect(("127.0.0.1", port)).unwrap();
        client.write_all(b"HTTP/1.1 200 Connection established\r\n\r\n").unwrap();
        let (mut up_from, mut up_to) = (client.try_clone().unwrap(), server.try_clone().unwrap());
        std::thread::spawn(move || {
            let _ = std::io::copy(&mut up_from, &mut up_to);
            let _ = up_to.shutdown(Shutdown::Write);
        });
        let _ = std::io::copy(&mut server, &mut client);
        let _ = client.shutdown(Shutdown::Both);
    });
    (proxy, asked)
}

/// What `doctor` says about GitHub at `api_url`, in a workflow with these variables.
fn doctor(api_url: &str, variables: &[(&str, String)]) -> String {
    let mut command = Command::new(env!("CARGO_BIN_EXE_ci-healer"));
    command.env_clear().env("PATH", std::env::var_os("PATH").unwrap());
    command.envs(variables.iter().map(|(k, v)| (k, v)));
    command
        .env("GITHUB_ACTIONS", "true")
        .env("GITHUB_REPOSITORY", SLUG)
        .env("GITHUB_API_URL", api_url)
        .args(["doctor", "--github-token", JOB_TOKEN])
        .arg(format!("--ca-bundle={}", certificates().join("authority.pem").display()));
    let output = command.output().unwrap();
    let text =
        format!("{}{}", String::from_utf8_lossy(&output.stdout), String::from_utf8_lossy(&output.stderr));
    assert!(!text.contains(JOB_TOKEN), "{text}");
    text
}

#[tokio::test(flavor = "multi_thread")]
async fn proxies_are_used_and_spared_as_the_variables_say() {
    let (_sandbox, hub, port) = hub();
    let front = tls_before(port, "server");
    let (proxy, asked) = proxy_to(front);
    let through = ("HTTPS_PROXY", format!("http://127.0.0.1:{proxy}"));
    let doctor = |url: String, variables: Vec<(&'static str, String)>| {
        tokio::task::block_in_place(move || doctor(&url, &variables))
    };
    // A name that only the proxy can lead anywhere.
    let text = doctor("https://api.widget.test".to_owned(), vec![through.clone()]);
    assert!(!text.contains("cannot be reached"), "{text}");
    assert!(asked.lock().unwrap().iter().all(|l| l.starts_with("CONNECT api.widget.test:443 ")), "{asked:?}");
    assert!(!hub.requests().is_empty(), "{text}");
    let before = asked.lock().unwrap().len();
    assert!(before > 0);

    let spared = vec![through.clone(), ("NO_PROXY", "localhost,.corp.test".to_owned())];
    let text = doctor(format!("https://localhost:{front}"), spared);
    assert!(!text.contains("cannot be reached"), "{text}");
    assert_eq!(asked.lock().unwrap().len(), before, "the proxy was asked for what it is not for");

    let gone = vec![("HTTPS_PROXY", "http://127.0.0.1:9".to_owned())];
    let text = doctor("https://api.widget.test".to_owned(), gone);
    assert!(text.contains("cannot be reached"), "{text}");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_certificate_must_be_known_in_date_and_of_this_host() {
    let (_sandbox, hub, port) = hub();
    let ca = authority();
    for (name, trusted) in [("server", None), ("other-name", Some(&*ca)), ("expired", Some(&*ca))] {
        let address = format!("https://localhost:{}", tls_before(port, name));
        let refused = examine(&address, trusted).await.unwrap_err();
        let ApiError::Transport { why, .. } = &refused else { panic!("{name}: {refused:?}") };
        assert!(why.to_lowercase().contains("certificate"), "{name}: {why}");
        assert!(!format!("{refused}").contains(JOB_TOKEN));
    }
    assert!(hub.requests().is_empty(), "a token went to a server that nobody vouches for");
    let address = format!("https://localhost:{}", tls_before(port, "server"));
    examine(&address, Some(&ca)).await.unwrap();
    assert!(!hub.requests().is_empty());

    // The same for a model server.
    let server = ScriptedLlm::new(Speaks::Chat, vec![Answer::fix(0.9, &[("a", "b", "c")])]).await;
    let port = server.base_url().split(':').nth(2).unwrap().split('/').next().unwrap().parse().unwrap();
    let base = format!("https://localhost:{}/openai/v1", tls_before(port, "server"));
    let mut asker = Asker::with(
        http::Client::new(&Scope::unbounded(), None, Redirects::Refuse).unwrap(),
        vec![groq_at(&base)],
    );
    let refused = asker.ask_within(limits()).await.unwrap_err();
    let NoReplyReason::Exhausted(causes) = &refused.reason else { panic!("{refused:?}") };
    assert_eq!(causes[0].kind, FailureKind::Network);
    assert!(causes[0].message.to_lowercase().contains("certificate"), "{causes:?}");
    assert!(server.asked().is_empty());
    let mut asker = Asker::with(
        http::Client::new(&Scope::unbounded(), Some(&ca), Redirects::Refuse).unwrap(),
        vec![groq_at(&base)],
    );
    assert!(asker.ask_within(limits()).await.is_ok());
}

#[tokio::test(flavor = "multi_thread")]
async fn a_server_with_an_ipv6_address_alone() {
    let sandbox = Sandbox::new();
    let repo = sandbox.repository("widget.git", &[]);
    let hub = FakeGitHub::start_on(&repo, "::1".parse().unwrap(), "[::1]");
    examine(hub.api_url(), None).await.unwrap();
    assert!(!hub.requests().is_empty());
}

/// Answers every request with these bytes, then closes, or goes on and on.
fn answering(bytes: &'static [u8], then: Then) -> u16 {
    serve(move |mut client| {
        if read_request(&mut client).is_none() || client.write_all(bytes).is_err() {
            return;
        }
        match then {
            Then::Close => {}
            Then::Drip => {
                while client.write_all(b" ").is_ok() {
                    std::thread::sleep(Duration::from_millis(100));
                }
            }
            Then::Flood => while client.write_all(&[b' '; 1 << 16]).is_ok() {},
        }
    })
}

#[derive(Clone, Copy)]
enum Then {
    Close,
    /// A byte now and then, for ever.
    Drip,
    Flood,
}

#[tokio::test(flavor = "multi_thread")]
async fn answers_that_are_none_end_typed_and_in_time() {
    const HEAD: &[u8] = b"HTTP/1.1 200 OK\r\ncontent-type: application/json\r\n\r\n";
    const SHORT: &[u8] = b"HTTP/1.1 200 OK\r\ncontent-type: application/json\r\ncontent-length: 500\r\n\r\n{\"choices\":[{\"mess";
    const PAGE: &[u8] =
        b"HTTP/1.1 200 OK\r\ncontent-type: text/html\r\ncontent-length: 22\r\n\r\n<html>log in</html>\n\n\n";
    const NONSENSE: &[u8] = b"SSH-2.0-OpenSSH_9.9\r\n";
    use FailureKind::{Malformed, Network, Timeout};
    let cases: [(&str, &'static [u8], Then, &[FailureKind]); 6] = [
        ("cut in mid-body", SHORT, Then::Close, &[Network]),
        ("a page", PAGE, Then::Close, &[Malformed]),
        ("no HTTP", NONSENSE, Then::Close, &[Network]),
        ("closed at once", b"", Then::Close, &[Network]),
        ("a drip", HEAD, Then::Drip, &[Timeout]),
        ("a flood", HEAD, Then::Flood, &[Malformed, Network]),
    ];
    for (what, bytes, then, kinds) in cases {
        let base = format!("http://127.0.0.1:{}/openai/v1", answering(bytes, then));
        let mut asker = Asker::with(
            http::Client::new(&Scope::unbounded(), None, Redirects::Refuse).unwrap(),
            vec![groq_at(&base)],
        );
        let limits = Limits { deadline: Instant::now() + Duration::from_secs(3), ..limits() };
        let no_reply = asker.ask_within(limits).await.unwrap_err();
        let NoReplyReason::Exhausted(causes) = &no_reply.reason else { panic!("{what}: {no_reply:?}") };
        assert!(kinds.contains(&causes[0].kind), "{what}: {causes:?}");
    }
}
