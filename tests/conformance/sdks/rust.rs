//! The calls of a conformance test with the AWS SDK for Rust.

use aws_credential_types::Credentials;
use aws_sdk_apigatewaymanagement::{
    Client,
    config::{BehaviorVersion, Config, Region, retry::RetryConfig},
    error::{ProvideErrorMetadata, SdkError},
    primitives::Blob,
};
use aws_smithy_http_client::Builder;
use aws_smithy_runtime_api::http::Response;
use serde_json::{Value, json};

use super::{Call, Order};

/// Makes the calls, and returns what came of each, as the scripts do.
pub(super) async fn make(order: &Order<'_>) -> Vec<Value> {
    let token = Some(order.token.to_owned());
    let config = Config::builder()
        .behavior_version(BehaviorVersion::latest())
        .endpoint_url(order.endpoint)
        .region(Region::new(order.region.to_owned()))
        .credentials_provider(Credentials::new(order.key, order.secret, token, None, "the test"))
        .http_client(Builder::new().build_http())
        .retry_config(RetryConfig::disabled())
        .build();
    let client = Client::from_conf(config);
    let mut outcomes = Vec::new();
    for call in &order.calls {
        outcomes.push(make_one(&client, call).await);
    }
    outcomes
}

async fn make_one(client: &Client, (operation, id, data): &Call) -> Value {
    match *operation {
        "post" => {
            let data = Blob::new(data.as_bytes());
            let sent = client.post_to_connection().connection_id(id).data(data).send().await;
            sent.map_or_else(|error| failed(&error), |_| succeeded(200))
        }
        "get" => match client.get_connection().connection_id(id).send().await {
            Ok(output) => json!({
                "status": 200,
                "connectedAt": output.connected_at().and_then(|at| at.to_millis().ok()),
                "sourceIp": output.identity().map(|identity| identity.source_ip()),
            }),
            Err(error) => failed(&error),
        },
        _ => {
            let deleted = client.delete_connection().connection_id(id).send().await;
            deleted.map_or_else(|error| failed(&error), |_| succeeded(204))
        }
    }
}

fn succeeded(status: u16) -> Value {
    json!({"status": status, "connectedAt": null, "sourceIp": null})
}

fn failed<E: ProvideErrorMetadata>(error: &SdkError<E, Response>) -> Value {
    let status = error.raw_response().map(|response| response.status().as_u16());
    json!({"status": status, "error": error.code()})
}
