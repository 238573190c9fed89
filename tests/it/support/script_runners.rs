//! The sandbox's image with test runners for JavaScript in it, as a job's own `container:` would have them. Made once.

use sha2::{Digest, Sha256};

use crate::executor::{Run, docker, plan, step};

const RUNNERS: &str = "jest@29.7.0 vitest@3.2.4 mocha@11.7.4";
const INSTALL: &str = "set -e\nmkdir /runners\ncd /runners\nif [ -s /ca.pem ]; then export NODE_EXTRA_CA_CERTS=/ca.pem; fi\n\
     npm install --no-audit --no-fund --loglevel=error RUNNERS\n\
     ln -s /runners/node_modules /node_modules\nln -s /runners/node_modules/.bin/jest /runners/node_modules/.bin/vitest \
     /runners/node_modules/.bin/mocha /usr/local/bin/";

/// Its tag.
pub(crate) async fn image() -> String {
    static TAG: tokio::sync::OnceCell<String> = tokio::sync::OnceCell::const_new();
    TAG.get_or_init(make).await.clone()
}

async fn make() -> String {
    let mut run = Run::new("script-runners", |o| o.timeout = std::time::Duration::from_secs(240)).await;
    let mut plan = plan(vec![step("true")]);
    plan.image.reference = ci_healer::contract::build::MULTI_RUNTIME_IMAGE.to_owned();
    let base = run.execute(&plan, true).await.image_id;
    run.close().await;
    let digest = Sha256::digest(format!("{base} {INSTALL} {RUNNERS}"));
    let short: String = digest.iter().take(6).map(|byte| format!("{byte:02x}")).collect();
    let tag = format!("ci-healer-test/script-runners:{short}");
    if !docker(&["image", "ls", "-q", &tag]).is_empty() {
        return tag;
    }
    let made = docker(&["run", "-d", "--user=0", "--entrypoint=sleep", &base, "600"]);
    if let Ok(bundle) = std::env::var("SSL_CERT_FILE") {
        docker(&["cp", &bundle, &format!("{made}:/ca.pem")]);
    }
    docker(&["exec", &made, "bash", "-c", &INSTALL.replace("RUNNERS", RUNNERS)]);
    docker(&["commit", "--change=LABEL ci-healer-test.image=script-runners", &made, &tag]);
    docker(&["rm", "-f", &made]);
    tag
}
