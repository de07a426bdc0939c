//! Signatures on requests to `@connections`, where the stack demands them.

use std::time::{Duration, SystemTime};

use anyhow::{Result, ensure};
use aws_credential_types::Credentials;
use aws_sigv4::{
    http_request::{PercentEncodingMode, SignableBody, SignableRequest, SigningSettings, sign},
    sign::v4::SigningParams,
};
use http::Method;
use tests::Request;

use crate::{
    bench::{Bench, Connected, SIGNED},
    requirement::{Requirement, requirement},
};

/// The page on what is signed, and how.
const SIGV4: &str = "IAM user guide, AWS Signature Version 4 for API requests";
/// The page on pushes.
const CONNECTIONS: &str = "developer guide, Use @connections commands in your backend service";

pub(crate) fn requirements() -> Vec<Requirement> {
    vec![
        requirement("conn.signature.good_one_passes", SIGV4, good_one_passes),
        requirement("conn.signature.missing_is_403", CONNECTIONS, missing_is_403),
        requirement("conn.signature.covers_the_body", SIGV4, covers_the_body),
        requirement("conn.signature.covers_the_path", SIGV4, covers_the_path),
        requirement("conn.signature.path_is_encoded_twice", SIGV4, path_is_encoded_twice),
        requirement("conn.signature.of_another_time_is_403", SIGV4, of_another_time_is_403),
        requirement(
            "conn.signature.for_another_service_is_403",
            SIGV4,
            for_another_service_is_403,
        ),
        requirement("conn.signature.needs_the_session_token", SIGV4, needs_the_session_token),
    ]
}

/// How a request is signed.
struct Signing {
    service: &'static str,
    time: SystemTime,
    encoding: PercentEncodingMode,
    token: Option<&'static str>,
}

#[expect(clippy::disallowed_methods, reason = "a signature is of this moment")]
fn now() -> SystemTime {
    SystemTime::now()
}

impl Default for Signing {
    fn default() -> Self {
        Self {
            service: "execute-api",
            time: now(),
            encoding: PercentEncodingMode::Double,
            token: Some("local"),
        }
    }
}

/// A post of `body` to a connection, signed.
fn signed(bench: &Bench, id: &str, body: &str, signing: &Signing) -> Result<Request> {
    let path = format!("/stage/@connections/{}", id.replace('=', "%3D"));
    let mut settings = SigningSettings::default();
    settings.percent_encoding_mode = signing.encoding;
    let token = signing.token.map(str::to_owned);
    let identity = Credentials::new("local", "local", token, None, "the test").into();
    let params = SigningParams::builder()
        .identity(&identity)
        .region("us-east-1")
        .name(signing.service)
        .time(signing.time)
        .settings(settings)
        .build()?
        .into();
    let address = bench.socket_address();
    let uri = format!("http://{address}{path}");
    let headers = [("host", address), ("content-type", "text/plain")];
    let request = SignableRequest::new("POST", uri, headers.into_iter(), SignableBody::Bytes(body.as_bytes()))?;
    let (instructions, _) = sign(request, &params)?.into_parts();
    let added = instructions
        .headers()
        .map(|(name, value)| (name.to_owned(), value.to_owned()));
    let usual = headers.map(|(name, value)| (name.to_owned(), value.to_owned()));
    Ok(Request {
        method: Method::POST,
        path,
        headers: usual.into_iter().chain(added).collect(),
        body: body.as_bytes().to_vec(),
    })
}

/// A request that is refused, whatever else is right about it. The client gets nothing.
async fn is_refused(change: impl AsyncFn(&Bench, &str) -> Result<Request>) -> Result<()> {
    let bench = SIGNED.bench()?;
    let Connected { mut client, id, .. } = bench.connect().await?;
    let reply = bench.at_connections(change(bench, &id).await?).await?;
    ensure!(reply.status == 403, "{reply:?}");
    ensure!(reply.header("x-amzn-ErrorType") == "ForbiddenException", "{reply:?}");
    let good = signed(bench, &id, "good", &Signing::default())?;
    ensure!(bench.at_connections(good).await?.status == 200);
    ensure!(client.text().await? == "good");
    Ok(())
}

async fn good_one_passes() -> Result<()> {
    let bench = SIGNED.bench()?;
    let Connected { mut client, id, .. } = bench.connect().await?;
    // As far from now as a clock may be.
    for time in [now(), now() - Duration::from_mins(4), now() + Duration::from_mins(4)] {
        let signing = Signing {
            time,
            ..Signing::default()
        };
        let reply = bench.at_connections(signed(bench, &id, "hello", &signing)?).await?;
        ensure!(reply.status == 200, "{reply:?}");
        ensure!(client.text().await? == "hello");
    }
    Ok(())
}

async fn missing_is_403() -> Result<()> {
    is_refused(async |bench, id| {
        let mut request = signed(bench, id, "x", &Signing::default())?;
        request.headers.retain(|(name, _)| name != "authorization");
        Ok(request)
    })
    .await
}

async fn covers_the_body() -> Result<()> {
    is_refused(async |bench, id| {
        let mut request = signed(bench, id, "x", &Signing::default())?;
        request.body = b"y".to_vec();
        Ok(request)
    })
    .await
}

async fn covers_the_path() -> Result<()> {
    is_refused(async |bench, id| {
        let other = bench.connect().await?.id;
        let mut request = signed(bench, &other, "x", &Signing::default())?;
        request.path = format!("/stage/@connections/{}", id.replace('=', "%3D"));
        Ok(request)
    })
    .await
}

async fn path_is_encoded_twice() -> Result<()> {
    let encoding = PercentEncodingMode::Single;
    is_refused(async |bench, id| {
        signed(
            bench,
            id,
            "x",
            &Signing {
                encoding,
                ..Signing::default()
            },
        )
    })
    .await
}

async fn of_another_time_is_403() -> Result<()> {
    for time in [now() - Duration::from_mins(6), now() + Duration::from_mins(6)] {
        is_refused(async |bench, id| {
            signed(
                bench,
                id,
                "x",
                &Signing {
                    time,
                    ..Signing::default()
                },
            )
        })
        .await?;
    }
    Ok(())
}

async fn for_another_service_is_403() -> Result<()> {
    let service = "apigateway";
    is_refused(async |bench, id| {
        signed(
            bench,
            id,
            "x",
            &Signing {
                service,
                ..Signing::default()
            },
        )
    })
    .await
}

async fn needs_the_session_token() -> Result<()> {
    for token in [None, Some("other")] {
        is_refused(async |bench, id| {
            signed(
                bench,
                id,
                "x",
                &Signing {
                    token,
                    ..Signing::default()
                },
            )
        })
        .await?;
    }
    Ok(())
}
