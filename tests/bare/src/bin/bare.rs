//! The least function of an HTTP API as most teams write one in Rust, with `lambda_http`. `cold-start` measures ours beside it.

use lambda_http::{Body, Error, Request, RequestExt as _, Response, run, service_fn};

#[tokio::main(flavor = "current_thread")]
async fn main() -> Result<(), Error> {
    run(service_fn(async |request: Request| {
        Ok::<_, Error>(Response::new(Body::from(request.raw_http_path())))
    }))
    .await
}
