//! `services:` of a job: containers beside the sandbox, reachable by name, and on localhost where CI would have them.
//!
//! On a hosted runner the steps reach a service at `localhost:<mapped port>`; in a job with its own `container:`, at
//! `<name>:<port>`. The sandbox offers the names always (one private network), and the mapped ports of localhost by a
//! small forwarder inside it, wherever the image has perl, as everything made from Debian or Ubuntu does.

use std::collections::HashMap;
use std::time::{Duration, Instant};

use bollard::container::LogOutput;
use bollard::models::{
    ContainerCreateBody, EndpointSettings, HealthConfig, HealthStatusEnum, HostConfig, Mount, MountType,
    NetworkingConfig,
};
use bollard::query_parameters::{CreateContainerOptionsBuilder, LogsOptionsBuilder};
use futures_util::StreamExt;

use super::cleanup;
use super::engine::{Engine, Object, QUICK, SLOW};
use super::error::ExecutorError;
use super::identity::Identity;
use super::image;
use super::options::{self, Health};
use super::sandbox::{self, Exec, Sandbox};
use crate::contract::build::Service;
use crate::contract::event::{Event, EventSink};

/// A service that has not become healthy by then is not going to.
const HEALTHY_WITHIN: Duration = Duration::from_secs(5 * 60);

/// Listens on localhost and passes each connection on to a service. Needs perl's core only.
const FORWARDER: &str = r#"
use strict; use IO::Socket::INET; use IO::Select;
$SIG{CHLD} = "IGNORE"; $SIG{PIPE} = "IGNORE"; $| = 1;
my (%to, $all); $all = IO::Select->new;
for (@ARGV) {
  my ($port, $host, $inner) = split /,/;
  my $listener = IO::Socket::INET->new(LocalAddr => "127.0.0.1", LocalPort => $port, Listen => 64, ReuseAddr => 1);
  if ($listener) { $to{$listener} = [$host, $inner]; $all->add($listener) } else { print "busy $port\n" }
}
print "ready\n"; close STDOUT; close STDERR;
while (my @ready = $all->can_read) {
  for my $listener (@ready) {
    my $client = $listener->accept or next;
    my $pid = fork;
    if (!defined $pid || $pid) { close $client; next }
    my $server = IO::Socket::INET->new(PeerAddr => $to{$listener}[0], PeerPort => $to{$listener}[1]) or exit 1;
    my $both = IO::Select->new($client, $server);
    while ($both->count) {
      for my $from ($both->can_read) {
        my $other = $from == $client ? $server : $client;
        my $read = sysread $from, my $data, 65536;
        if (!$read) { $both->remove($from); shutdown $other, 1; next }
        for (my $at = 0; $at < $read;) { my $sent = syswrite $other, $data, $read - $at, $at; exit 1 unless $sent; $at += $sent }
      }
    }
    exit 0;
  }
}
"#;

/// The services of one execution.
#[derive(Debug, Default)]
pub(super) struct Services {
    /// Names of the services, and their containers.
    started: Vec<(String, String)>,
    pub(super) notes: Vec<String>,
}

/// `8080:80/tcp`: what localhost offers and what the service listens on. A port without a mapping keeps its number.
fn port(text: &str) -> Result<(u16, u16), String> {
    let (ports, protocol) = text.split_once('/').unwrap_or((text, "tcp"));
    if protocol != "tcp" {
        return Err(format!("port {text}: only TCP is offered on localhost"));
    }
    let number = |s: &str| s.trim().parse::<u16>().map_err(|_| format!("port {text} is not understood"));
    match ports.rsplit_once(':') {
        // An address to bind to may stand before the outer port.
        Some((outer, inner)) => Ok((number(outer.rsplit(':').next().unwrap_or(outer))?, number(inner)?)),
        None => Ok((number(ports)?, number(ports)?)),
    }
}

impl Services {
    /// Starts all of them, then waits until each is healthy, or runs where it has no health check.
    pub(super) async fn start(
        &mut self,
        engine: &Engine,
        identity: &Identity,
        services: &[Service],
        network: &str,
        prefix: &str,
        sink: &dyn EventSink,
    ) -> Result<(), ExecutorError> {
        for service in services {
            let started = self.start_one(engine, identity, service, network, prefix, sink).await;
            started.map_err(|error| match error {
                ExecutorError::Stopped(_) => error,
                error => ExecutorError::Service { service: service.name.clone(), cause: error.to_string() },
            })?;
        }
        for (service, container) in &self.started {
            healthy(engine, service, container, sink).await?;
        }
        Ok(())
    }

    async fn start_one(
        &mut self,
        engine: &Engine,
        identity: &Identity,
        service: &Service,
        network: &str,
        prefix: &str,
        sink: &dyn EventSink,
    ) -> Result<(), ExecutorError> {
        let image = image::obtain(engine, &service.image, sink).await?;
        sink.emit(Event::Progress { what: format!("starting service {} ({})", service.name, service.image) });
        let options = service.options.as_deref().map(options::parse).unwrap_or_default();
        self.notes.extend(options.notes.iter().map(|n| format!("service {}: {n}", service.name)));
        let name = format!("{prefix}-{}", service.name);
        let endpoint = EndpointSettings { aliases: Some(vec![service.name.clone()]), ..sandbox::endpoint() };
        let host = HostConfig {
            network_mode: Some(network.to_owned()),
            cap_drop: Some(vec!["NET_RAW".to_owned(), "MKNOD".to_owned()]),
            shm_size: options.shm_bytes,
            tmpfs: Some(options.tmpfs.iter().cloned().collect()),
            mounts: Some(self.mounts(service)),
            pids_limit: Some(4096),
            ..HostConfig::default()
        };
        let mut env: Vec<String> = service.env.iter().map(|(k, v)| format!("{k}={v}")).collect();
        env.extend(options.env.iter().cloned());
        let body = ContainerCreateBody {
            image: image.id,
            env: Some(env),
            user: options.user.clone(),
            hostname: options.hostname.clone(),
            entrypoint: options.entrypoint.clone().map(|e| vec![e]),
            labels: Some(identity.labels("service")),
            healthcheck: health_config(&options.health),
            host_config: Some(host),
            networking_config: Some(NetworkingConfig {
                endpoints_config: Some(HashMap::from([(network.to_owned(), endpoint)])),
            }),
            ..ContainerCreateBody::default()
        };
        let query = CreateContainerOptionsBuilder::new().name(&name).build();
        self.started.push((service.name.clone(), name.clone()));
        let made = Object::Container(name.clone());
        engine.make(made, "creating a service", |d| d.create_container(Some(query), body)).await?;
        engine.ask("starting a service", SLOW, |d| d.start_container(&name, None)).await
    }

    /// Named volumes live as long as the container; host paths do not exist in CI's sense here.
    fn mounts(&mut self, service: &Service) -> Vec<Mount> {
        let mut mounts = Vec::new();
        for volume in &service.volumes {
            let target = volume.split(':').find(|p| p.starts_with('/'));
            match target {
                Some(target) if !volume.starts_with('/') || !volume.contains(':') => mounts.push(Mount {
                    typ: Some(MountType::VOLUME),
                    target: Some(target.to_owned()),
                    ..Mount::default()
                }),
                _ => self.notes.push(format!("service {}: volume {volume} was left out", service.name)),
            }
        }
        mounts
    }

    /// Offers the mapped ports on the sandbox's localhost. The returned exec must be kept while they are needed.
    pub(super) async fn forward(
        &mut self,
        sandbox: &Sandbox,
        services: &[Service],
        user: &str,
    ) -> Result<Option<Exec>, ExecutorError> {
        let mut forwards = Vec::new();
        for service in services {
            for text in &service.ports {
                match port(text) {
                    Ok((outer, inner)) => forwards.push(format!("{outer},{},{inner}", service.name)),
                    Err(problem) => self.notes.push(format!("service {}: {problem}", service.name)),
                }
            }
        }
        if forwards.is_empty() {
            return Ok(None);
        }
        let mut argv = vec!["perl".to_owned(), "-e".to_owned(), FORWARDER.to_owned()];
        argv.extend(forwards);
        let mut exec = sandbox.exec(user, argv, &std::collections::BTreeMap::new(), "/").await?;
        let mut said = String::new();
        let ready = tokio::time::timeout(Duration::from_secs(10), async {
            while let Some(Ok(output)) = exec.output.next().await {
                if let LogOutput::StdOut { message } = output {
                    said.push_str(&String::from_utf8_lossy(&message));
                }
                if said.ends_with("ready\n") {
                    return true;
                }
            }
            false
        })
        .await
        .unwrap_or(false);
        if !ready {
            self.notes.push(
                "services are reachable by name only: the image has no perl to forward ports with".to_owned(),
            );
        }
        for busy in said.lines().filter_map(|l| l.strip_prefix("busy ")) {
            self.notes.push(format!("port {busy} of localhost is taken and leads to no service"));
        }
        Ok(Some(exec))
    }

    /// Tells of those that run no more: perhaps that is why the job failed.
    pub(super) async fn ended(&self, engine: &Engine) -> Vec<String> {
        let mut notes = Vec::new();
        for (name, container) in &self.started {
            let asked =
                engine.ask("asking whether a service runs", QUICK, |d| d.inspect_container(container, None));
            let Ok(found) = asked.await else { continue };
            let state = found.state.unwrap_or_default();
            if state.running == Some(false) {
                let code = state.exit_code.unwrap_or_default();
                let last = last_lines(engine, container).await;
                let last = if last.is_empty() { String::new() } else { format!("; its last lines:\n{last}") };
                notes.push(format!("service {name} ended with exit code {code} before the job did{last}"));
            }
        }
        notes
    }

    /// Ends their processes; what is left of them is for the end of the run.
    pub(super) async fn kill(&self, engine: &Engine) {
        let kills = self.started.iter().map(|(_, container)| cleanup::kill_container(engine, container));
        futures_util::future::join_all(kills).await;
    }

    /// Side by side; trouble is for the log, and for the end of the run.
    pub(super) async fn remove(self, engine: &Engine) {
        let removals = self.started.into_iter().map(|(_, container)| async move {
            match cleanup::remove_container(engine, &container).await {
                Ok(()) => engine.record_gone(&Object::Container(container)),
                Err(error) => ::log::warn!("{error}"),
            }
        });
        futures_util::future::join_all(removals).await;
    }
}

fn health_config(health: &Health) -> Option<HealthConfig> {
    let nanos = |d: Option<Duration>| d.and_then(|d| i64::try_from(d.as_nanos()).ok());
    let test = match (&health.command, health.disabled) {
        (_, true) => Some(vec!["NONE".to_owned()]),
        (Some(command), false) => Some(vec!["CMD-SHELL".to_owned(), command.clone()]),
        (None, false) => None,
    };
    if *health == Health::default() {
        return None;
    }
    Some(HealthConfig {
        test,
        interval: nanos(health.interval),
        timeout: nanos(health.timeout),
        start_period: nanos(health.start_period),
        retries: health.retries,
        ..HealthConfig::default()
    })
}

async fn healthy(
    engine: &Engine,
    service: &str,
    container: &str,
    sink: &dyn EventSink,
) -> Result<(), ExecutorError> {
    let started = Instant::now();
    let mut told = Instant::now();
    loop {
        let asked =
            engine.ask("asking for a service's health", QUICK, |d| d.inspect_container(container, None));
        let state = asked.await?.state.unwrap_or_default();
        let health = state.health.and_then(|h| h.status);
        let problem = if state.running.unwrap_or(false) {
            match health {
                None | Some(HealthStatusEnum::HEALTHY | HealthStatusEnum::NONE | HealthStatusEnum::EMPTY) => {
                    return Ok(());
                }
                Some(HealthStatusEnum::UNHEALTHY) => "its health check fails".to_owned(),
                Some(HealthStatusEnum::STARTING) if started.elapsed() > HEALTHY_WITHIN => {
                    format!("it is not healthy after {} s", HEALTHY_WITHIN.as_secs())
                }
                Some(HealthStatusEnum::STARTING) => {
                    if told.elapsed() > Duration::from_secs(5) {
                        told = Instant::now();
                        sink.emit(Event::Progress {
                            what: format!("waiting for service {service} to be healthy"),
                        });
                    }
                    engine.sleep("waiting for a service", Duration::from_millis(250)).await?;
                    continue;
                }
            }
        } else {
            format!("it ended with exit code {}", state.exit_code.unwrap_or_default())
        };
        let last = last_lines(engine, container).await;
        let last = if last.is_empty() { String::new() } else { format!("; its last lines:\n{last}") };
        return Err(ExecutorError::Service {
            service: service.to_owned(),
            cause: format!("{problem}{last}"),
        });
    }
}

async fn last_lines(engine: &Engine, container: &str) -> String {
    let options = LogsOptionsBuilder::new().stdout(true).stderr(true).tail("20").build();
    let mut stream = engine.stream("reading a service's log", |d| d.logs(container, Some(options)));
    let mut text = Vec::new();
    let _ = tokio::time::timeout(QUICK, async {
        while let Some(Ok(line)) = stream.next().await {
            text.extend_from_slice(&line.into_bytes());
            if text.len() > 8192 {
                break;
            }
        }
    })
    .await;
    String::from_utf8_lossy(&text).trim_end().to_owned()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ports_as_workflows_write_them() {
        assert_eq!(port("5432:5432"), Ok((5432, 5432)));
        assert_eq!(port("6380:6379/tcp"), Ok((6380, 6379)));
        assert_eq!(port("127.0.0.1:8080:80"), Ok((8080, 80)));
        assert_eq!(port("6379"), Ok((6379, 6379)));
        assert!(port("53:53/udp").is_err() && port("x").is_err() && port("99999").is_err());
    }
}
