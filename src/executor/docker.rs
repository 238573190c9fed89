//! `sandbox-docker: on`: a Docker engine for the steps alone, in a privileged container beside the sandbox.
//!
//! It has the sandbox's limits, labels and end, sees the workspace under the same names, and shares its network with it, so
//! that ports which steps publish are on their localhost, as on a hosted runner. It knows nothing of the machine's own
//! engine. Whoever is privileged in a container is root on the machine all the same: only an input switches it on.

use std::time::Duration;

use super::archive::{self, Entry, Kind};
use super::ca;
use super::cleanup;
use super::environment::HOME;
use super::error::ExecutorError;
use super::image;
use super::options::CreateOptions;
use super::run::{ExecutionContext, Executor};
use super::sandbox::{ContainerSpec, Exec, Privileges, Sandbox};
use super::workspace::{self, WorkspaceVolume};
use crate::contract::event::{Event, EventSink};

/// Docker's own image for this; its program is static, and so is what steps call.
pub const IMAGE: &str = "docker:28-dind";
/// Reached from the sandbox and the engine's own container alone.
pub(super) const ADDRESS: &str = "tcp://127.0.0.1:2375";
const READY_WITHIN: Duration = Duration::from_secs(60);
/// What a program or a folder of plug-ins may have in bytes.
const LARGEST: usize = 512 << 20;
const LOG: &str = "/ci-healer-dockerd.log";

/// Where images keep the command, and its plug-ins.
const PROGRAMS: [&str; 2] = ["/usr/local/bin/docker", "/usr/bin/docker"];
const PLUG_INS: [&str; 3] = [
    "/usr/local/libexec/docker/cli-plugins",
    "/usr/libexec/docker/cli-plugins",
    "/usr/lib/docker/cli-plugins",
];

/// Makes room for the engine's own control groups; an engine around it that gives fewer privileges leaves them read-only.
/// Kernels without `nf_tables` still have the older tables.
const START: &str = r#"
c=/sys/fs/cgroup
if [ -e $c/cgroup.controllers ]; then
  [ -w $c ] || mount -o remount,rw $c
  mkdir -p $c/init
  while read -r p; do echo "$p" >$c/init/cgroup.procs; done <$c/cgroup.procs 2>/dev/null
  sed 's/ / +/g; s/^/+/' $c/cgroup.controllers >$c/cgroup.subtree_control
else
  for at in $c/*/; do
    at=${at%/}
    if [ ! -w "$at" ]; then
      options=$(sed -n "s|^cgroup $at cgroup .*relatime,\([^ ]*\) .*|\1|p" /proc/self/mounts)
      umount "$at" && mount -t cgroup -o "$options" cgroup "$at"
    fi
  done
fi
if ! iptables -nL >/dev/null 2>&1; then
  if [ -d /usr/local/sbin/.iptables-legacy ]; then
    PATH=/usr/local/sbin/.iptables-legacy:$PATH
  elif command -v iptables-legacy >/dev/null; then
    mkdir -p /run/ci-healer-iptables
    ln -sf "$(command -v iptables-legacy)" /run/ci-healer-iptables/iptables
    ln -sf "$(command -v ip6tables-legacy)" /run/ci-healer-iptables/ip6tables
    PATH=/run/ci-healer-iptables:$PATH
  fi
fi
exec dockerd --host="$0" --tls=false
"#;

/// An engine that answers. It ends with its container, and that with us.
pub(super) struct StepsEngine {
    pub(super) sandbox: Sandbox,
    _daemon: Exec,
}

/// The volume of the engine that belongs to an execution's container.
pub(super) fn volume_of(name: &str) -> String {
    format!("{name}-docker")
}

impl Executor {
    /// Starts the steps' engine on `network`, and waits until it answers.
    pub(super) async fn start_docker(
        &mut self,
        reference: &str,
        context: &ExecutionContext<'_>,
        (workspace, at): (&WorkspaceVolume, &str),
        network: &str,
        sink: &dyn EventSink,
    ) -> Result<StepsEngine, ExecutorError> {
        let found = image::obtain(&self.engine, reference, sink).await?;
        sink.emit(Event::Progress { what: format!("starting a Docker engine for the steps ({reference})") });
        let volume = volume_of(context.name);
        self.make_volume(volume.clone(), "docker").await?;
        let mut sandbox = None;
        let mut why = None;
        for privileges in [Privileges::All, Privileges::AllThatMayBe] {
            let env = [("SSL_CERT_FILE".to_owned(), format!("{HOME}/ca/all.pem"))];
            let env = env.into_iter().filter(|_| self.options.ca_bundle.is_some()).collect();
            let spec = ContainerSpec {
                image: found.id.as_deref().unwrap_or(reference),
                name: volume.clone(),
                role: "docker",
                env: &env,
                mounts: vec![
                    (workspace.name.clone(), workspace::ROOT.to_owned()),
                    (workspace.name.clone(), at.to_owned()),
                    (volume.clone(), "/var/lib/docker".to_owned()),
                ],
                read_only: Vec::new(),
                network,
                create: &CreateOptions::default(),
                strict_user: None,
                privileges,
            };
            let mut made = Sandbox::create(&self.engine, &self.identity, &self.options, spec).await?;
            if let Some(bundle) = &self.options.ca_bundle {
                let mut entries = ca::entries(&made, bundle).await?;
                entries.extend_from_slice(&archive::END);
                made.put(entries).await?;
            }
            match made.start().await {
                Ok(()) => {
                    sandbox = Some(made);
                    break;
                }
                // The machine's engine has not got all privileges itself.
                Err(error) if error.to_string().contains("apply caps") => {
                    cleanup::remove_container(&self.engine, &volume).await?;
                    why = Some(error);
                }
                Err(error) => return Err(error),
            }
        }
        let Some(sandbox) = sandbox else { return Err(why.map_or_else(no_answer, failed)) };
        let argv = ["sh", "-c", &format!("sh -c '{}' {ADDRESS} >{LOG} 2>&1", START.replace('\'', r"'\''"))];
        let argv = argv.iter().map(|part| (*part).to_owned()).collect();
        let daemon = sandbox.exec("0:0", argv, &Default::default(), "/").await?;
        self.until_ready(&sandbox).await?;
        Ok(StepsEngine { sandbox, _daemon: daemon })
    }

    async fn until_ready(&self, sandbox: &Sandbox) -> Result<(), ExecutorError> {
        let deadline = tokio::time::Instant::now() + READY_WITHIN;
        let ask = ["docker", "--host", ADDRESS, "version"];
        loop {
            let asked = sandbox.run("0:0", &ask, Duration::from_secs(10)).await;
            match asked {
                Ok((0, _)) => return Ok(()),
                Err(error) if error.is_stopped() => return Err(error),
                _ if tokio::time::Instant::now() < deadline => {}
                _ => break,
            }
            self.engine.sleep("waiting for the steps' Docker engine", Duration::from_millis(300)).await?;
        }
        let log = sandbox.get_file(LOG, 16 << 20).await.ok().flatten().unwrap_or_default();
        let log = String::from_utf8_lossy(&log);
        let tail: Vec<&str> = log.lines().rev().take(5).collect();
        let tail: Vec<&str> = tail.into_iter().rev().collect();
        Err(ExecutorError::Service {
            service: "docker".to_owned(),
            cause: format!(
                "no answer within {} s; its last lines:\n{}",
                READY_WITHIN.as_secs(),
                tail.join("\n")
            ),
        })
    }
}

impl StepsEngine {
    /// The name by which another container shares its network.
    pub(super) fn network(&self) -> String {
        format!("container:{}", self.sandbox.id)
    }

    /// Puts the command and its plug-ins into a sandbox whose image has none; nothing runs there yet.
    pub(super) async fn give_command(&self, to: &Sandbox) -> Result<(), ExecutorError> {
        for path in PROGRAMS {
            if to.has(path).await {
                return Ok(());
            }
        }
        let folders = ["usr/local/bin/", "usr/local/lib/docker/"].map(|path| {
            let entry = Entry { path, kind: Kind::Directory, mode: 0o755, owner: (0, 0), mtime: 0 };
            let mut out = Vec::new();
            archive::push(&mut out, &entry, b"");
            out
        });
        to.put([folders.concat(), archive::END.to_vec()].concat()).await?;
        for (found, place) in [(&PROGRAMS[..], "/usr/local/bin"), (&PLUG_INS[..], "/usr/local/lib/docker")] {
            for path in found {
                if let Some(bytes) = self.sandbox.get(path, LARGEST).await? {
                    to.put_at(place, bytes).await?;
                    break;
                }
            }
        }
        Ok(())
    }

    /// Ends it, with all that steps had it run.
    pub(super) async fn remove(self) -> Result<(), ExecutorError> {
        self.sandbox.remove().await
    }
}

fn no_answer() -> ExecutorError {
    ExecutorError::unexpected("starting the steps' Docker engine", "it was not made")
}

fn failed(error: ExecutorError) -> ExecutorError {
    ExecutorError::Service { service: "docker".to_owned(), cause: format!("no privileges: {error}") }
}
