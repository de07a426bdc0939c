//! Requests that nobody thought of: Schemathesis makes them from the description of the REST API, and holds the answers against it.

use std::io::{self, Write as _};
use std::process::Stdio;

use anyhow::{Context as _, Result, ensure};
use tests::{Chat, root};
use tokio::process::Command;

/// The same requests each time.
const SEED: &str = "1";
/// Requests of each kind to each route.
const EXAMPLES: &str = "15";
/// What is looked at in each answer. What it may take or refuse is the other tests' business: we take more than we describe.
const CHECKS: &str = "not_a_server_error,status_code_conformance,content_type_conformance,response_headers_conformance,response_schema_conformance";

#[tokio::test]
async fn every_answer_to_made_up_requests_is_described() -> Result<()> {
    let program = root().join(".senna/schemathesis/bin/schemathesis");
    if !program.is_file() {
        writeln!(
            io::stderr(),
            "SKIPPED: there is no Schemathesis; .ci/description-setup installs it"
        )?;
        return Ok(());
    }
    // Its own: it writes to all conversations that it can think of.
    let chat = Chat::own(&[]).await?;
    let [ann] = chat.users(["ann"]);
    let (address, base) = chat.rest_address()?;
    let stage = base.strip_suffix("/api").context("the routes begin with /api")?;
    let folder = tempfile::tempdir()?;
    let run = Command::new(program)
        .arg("run")
        .arg(root().join("docs/openapi.json"))
        .args(["--url", &format!("http://{address}{stage}")])
        .args(["--header", &format!("X-Auth-Token: {}", ann.token()?)])
        .args(["--checks", CHECKS, "--seed", SEED, "--max-examples", EXAMPLES])
        .args(["--generation-database", "none", "--warnings", "off", "--no-color"])
        // It would leave its notes where it runs.
        .current_dir(folder.path())
        .stdin(Stdio::null())
        .kill_on_drop(true)
        .output()
        .await?;
    let printed = String::from_utf8_lossy(&run.stdout);
    ensure!(
        run.status.success(),
        "{printed}{}",
        String::from_utf8_lossy(&run.stderr)
    );
    Ok(())
}
