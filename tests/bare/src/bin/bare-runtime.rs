//! The least function that Rust can have on Lambda: it has the runtime alone, and reads one field of the event.

use lambda_runtime::{Error, LambdaEvent, run, service_fn};
use serde_json::{Value, json};

#[tokio::main(flavor = "current_thread")]
async fn main() -> Result<(), Error> {
    run(service_fn(async |event: LambdaEvent<Value>| {
        let path = event.payload.get("rawPath").cloned();
        Ok::<Value, Error>(json!({"statusCode": 200, "body": path}))
    }))
    .await
}
