//! S3: forms of browsers, presigned addresses and signed requests.

use std::time::{Duration, SystemTime};

use anyhow::{Context as _, Result, ensure};
use aws_credential_types::Credentials;
use aws_sigv4::{
    http_request::{
        PayloadChecksumKind, PercentEncodingMode, SignableBody, SignableRequest, SignatureLocation, SigningSettings,
        UriPathNormalizationMode, sign,
    },
    sign::v4::{SigningParams, calculate_signature, generate_signing_key},
};
use base64::{Engine as _, engine::general_purpose::STANDARD};
use chrono::{DateTime, Utc};
use http::Method;
use serde_json::{Value, json};
use tests::{Request, ask_s3, exchange, post_form};

use crate::{
    bench::PLAIN,
    requirement::{Requirement, requirement},
    sdks,
};

const POST: &str = "S3 API Reference, POST Object and POST Policy";
const AUTHENTICATION: &str = "S3 API Reference, Authenticating Requests (AWS Signature Version 4)";
const COPY: &str = "S3 API Reference, CopyObject";
const GET: &str = "S3 API Reference, GetObject";
const LIST: &str = "S3 API Reference, ListObjectsV2";
const HEAD: &str = "S3 API Reference, HeadObject and DeleteObject";

pub(crate) fn requirements() -> Vec<Requirement> {
    vec![
        requirement(
            "s3.form.is_taken_as_its_policy_says",
            POST,
            form_is_taken_as_its_policy_says,
        ),
        requirement(
            "s3.form.every_field_needs_a_condition",
            POST,
            every_field_needs_a_condition,
        ),
        requirement("s3.form.size_is_limited", POST, size_is_limited),
        requirement("s3.form.expired_policy_is_403", POST, expired_policy_is_403),
        requirement(
            "s3.form.signature_covers_the_policy",
            AUTHENTICATION,
            signature_covers_the_policy,
        ),
        requirement("s3.get.query_chooses_headers", GET, query_chooses_headers),
        requirement(
            "s3.get.signature_covers_the_query",
            AUTHENTICATION,
            signature_covers_the_query,
        ),
        requirement("s3.get.expired_address_is_403", AUTHENTICATION, expired_address_is_403),
        requirement("s3.request.needs_a_signature", AUTHENTICATION, needs_a_signature),
        requirement("s3.copy.is_made_once", COPY, copy_is_made_once),
        requirement("s3.head.and_delete", HEAD, head_and_delete),
        requirement("s3.list.has_keys_in_pages", LIST, list_has_keys_in_pages),
        requirement("s3.list.wrong_query_is_400", LIST, wrong_query_is_400),
        requirement(
            "s3.sdk.python",
            "the SDK itself, in the version that is pinned",
            sdks::s3,
        ),
    ]
}

#[expect(clippy::disallowed_methods, reason = "a signature is of this moment")]
fn now() -> SystemTime {
    SystemTime::now()
}

fn bucket() -> Result<&'static str> {
    Ok(&PLAIN.bench()?.stack.addresses.uploads)
}

/// A form, as `POST /api/uploads` answers it, for 1 to 5 bytes at a key that begins with `dir/`. It expires `expires_s` from now.
fn form(key: &str, expires_s: i64) -> Result<Value> {
    let time = now();
    let date: DateTime<Utc> = time.into();
    let expires = date + chrono::Duration::seconds(expires_s);
    let mut fields = json!({
        "key": key,
        "Content-Type": "image/png",
        "x-amz-algorithm": "AWS4-HMAC-SHA256",
        "x-amz-credential": format!("local/{}/us-east-1/s3/aws4_request", date.format("%Y%m%d")),
        "x-amz-date": date.format("%Y%m%dT%H%M%SZ").to_string(),
        "x-amz-security-token": "local",
    });
    let mut conditions = vec![
        json!({"bucket": "uploads"}),
        json!(["starts-with", "$key", "dir/"]),
        json!(["eq", "$Content-Type", "image/png"]),
        json!(["content-length-range", 1, 5]),
    ];
    for name in [
        "x-amz-algorithm",
        "x-amz-credential",
        "x-amz-date",
        "x-amz-security-token",
    ] {
        conditions.push(json!({name: fields[name]}));
    }
    let policy = json!({"expiration": expires.to_rfc3339(), "conditions": conditions});
    let policy = STANDARD.encode(policy.to_string());
    let signing_key = generate_signing_key("local", time, "us-east-1", "s3");
    fields["x-amz-signature"] = json!(calculate_signature(signing_key, policy.as_bytes()));
    fields["policy"] = json!(policy);
    Ok(json!({"upload": {"url": format!("{}/", bucket()?), "fields": fields}}))
}

fn same(_: &str, value: &str) -> String {
    value.to_owned()
}

/// A request to this key, signed: in its query if it expires, else in its headers. `query` may be empty.
fn signed(
    (method, key, query): (Method, &str, &str),
    headers: &[(&str, &str)],
    expires: Option<(Duration, SystemTime)>,
) -> Result<(String, Request)> {
    let address = bucket()?.trim_start_matches("http://");
    let (host, bucket) = address.split_once('/').context("a bucket")?;
    let mut settings = SigningSettings::default();
    settings.percent_encoding_mode = PercentEncodingMode::Single;
    settings.uri_path_normalization_mode = UriPathNormalizationMode::Disabled;
    let body = if let Some((expires_in, _)) = expires {
        settings.signature_location = SignatureLocation::QueryParams;
        settings.expires_in = Some(expires_in);
        SignableBody::UnsignedPayload
    } else {
        settings.payload_checksum_kind = PayloadChecksumKind::XAmzSha256;
        SignableBody::empty()
    };
    let identity = Credentials::new("local", "local", Some("local".to_owned()), None, "the test").into();
    let params = SigningParams::builder()
        .identity(&identity)
        .region("us-east-1")
        .name("s3")
        .time(expires.map_or_else(now, |(_, time)| time))
        .settings(settings)
        .build()?
        .into();
    let uri = format!("http://{host}/{bucket}/{key}?{query}");
    let all = headers.iter().copied().chain([("host", host)]);
    let signable = SignableRequest::new(method.as_str(), &uri, all.clone(), body)?;
    let (instructions, _) = sign(signable, &params)?.into_parts();
    let mut request = http::Request::builder().method(method.clone()).uri(&uri);
    for (name, value) in all {
        request = request.header(name, value);
    }
    let mut request = request.body(())?;
    instructions.apply_to_request_http1x(&mut request);
    let path = request.uri().path_and_query().context("a path")?.to_string();
    let headers = request.headers().iter();
    let headers = headers.map(|(name, value)| Ok((name.to_string(), value.to_str()?.to_owned())));
    let request = Request {
        method,
        path,
        headers: headers.collect::<Result<_>>()?,
        ..Request::default()
    };
    Ok((host.to_owned(), request))
}

/// The status of the answer, and its body.
async fn ask(
    what: (Method, &str, &str),
    headers: &[(&str, &str)],
    expires: Option<(Duration, SystemTime)>,
) -> Result<(u16, String)> {
    let (host, request) = signed(what, headers, expires)?;
    let (status, _, body) = exchange(&host, request).await?;
    Ok((status.as_u16(), String::from_utf8_lossy(&body).into_owned()))
}

async fn get(key: &str) -> Result<(u16, String)> {
    ask((Method::GET, key, ""), &[], Some((Duration::from_mins(1), now()))).await
}

async fn form_is_taken_as_its_policy_says() -> Result<()> {
    let (status, text) = post_form(&form("dir/taken", 60)?, b"bytes", same).await?;
    ensure!((status, text.as_str()) == (204, ""), "{status} {text}");
    ensure!(get("dir/taken").await? == (200, "bytes".to_owned()));
    let (status, text) = post_form(&form("other/taken", 60)?, b"bytes", same).await?;
    ensure!(
        status == 403 && text.contains("Policy Condition failed"),
        "{status} {text}"
    );
    let another = |name: &str, value: &str| {
        if name == "Content-Type" {
            "text/html".to_owned()
        } else {
            value.to_owned()
        }
    };
    let (status, text) = post_form(&form("dir/taken", 60)?, b"bytes", another).await?;
    ensure!(
        status == 403 && text.contains("Policy Condition failed"),
        "{status} {text}"
    );
    Ok(())
}

async fn every_field_needs_a_condition() -> Result<()> {
    let mut more = form("dir/fields", 60)?;
    more["upload"]["fields"]["x-ignore-me"] = json!("x");
    ensure!(post_form(&more, b"bytes", same).await?.0 == 204);
    more["upload"]["fields"]["acl"] = json!("public-read");
    let (status, text) = post_form(&more, b"bytes", same).await?;
    ensure!(
        status == 403 && text.contains("Extra input fields: acl"),
        "{status} {text}"
    );
    Ok(())
}

async fn size_is_limited() -> Result<()> {
    for (file, code) in [(&b""[..], "EntityTooSmall"), (b"123456", "EntityTooLarge")] {
        let (status, text) = post_form(&form("dir/size", 60)?, file, same).await?;
        ensure!(status == 400 && text.contains(code), "{status} {text}");
    }
    Ok(())
}

async fn expired_policy_is_403() -> Result<()> {
    let (status, text) = post_form(&form("dir/late", -1)?, b"bytes", same).await?;
    ensure!(status == 403 && text.contains("Policy expired"), "{status} {text}");
    Ok(())
}

async fn signature_covers_the_policy() -> Result<()> {
    let other = form("dir/signature", 61)?["upload"]["fields"]["policy"].clone();
    let mut changed = form("dir/signature", 60)?;
    changed["upload"]["fields"]["policy"] = other;
    let (status, text) = post_form(&changed, b"bytes", same).await?;
    ensure!(
        status == 403 && text.contains("SignatureDoesNotMatch"),
        "{status} {text}"
    );
    let mut unsigned = form("dir/signature", 60)?;
    unsigned["upload"]["fields"] = json!({"key": "dir/signature"});
    ensure!(post_form(&unsigned, b"bytes", same).await?.0 == 403);
    Ok(())
}

async fn query_chooses_headers() -> Result<()> {
    post_form(&form("dir/headers", 60)?, b"bytes", same).await?;
    let query = "response-cache-control=private%2C%20max-age%3D7&response-content-disposition=attachment";
    let what = (Method::GET, "dir/headers", query);
    let (host, request) = signed(what, &[], Some((Duration::from_mins(1), now())))?;
    let (status, headers, body) = exchange(&host, request).await?;
    ensure!((status.as_u16(), &body[..]) == (200, b"bytes"), "{status}");
    ensure!(headers["cache-control"] == "private, max-age=7", "{headers:?}");
    ensure!(headers["content-disposition"] == "attachment", "{headers:?}");
    ensure!(headers["content-type"] == "image/png", "{headers:?}");
    Ok(())
}

async fn signature_covers_the_query() -> Result<()> {
    post_form(&form("dir/query", 60)?, b"bytes", same).await?;
    let what = (Method::GET, "dir/query", "response-content-disposition=attachment");
    let (host, good) = signed(what, &[], Some((Duration::from_mins(1), now())))?;
    for (from, to) in [
        ("=attachment", "=inline"),
        ("dir/query", "dir/taken"),
        ("Expires=60", "Expires=61"),
    ] {
        let changed = Request {
            path: good.path.replace(from, to),
            ..Request::default()
        };
        ensure!(changed.path != good.path, "{from} is not in {}", good.path);
        let (status, _, body) = exchange(&host, changed).await?;
        let text = String::from_utf8_lossy(&body);
        ensure!(
            status == 403 && text.contains("SignatureDoesNotMatch"),
            "{status} {text}"
        );
    }
    Ok(())
}

async fn expired_address_is_403() -> Result<()> {
    let signing = Some((Duration::from_mins(1), now() - Duration::from_secs(61)));
    let (status, text) = ask((Method::GET, "dir/expired", ""), &[], signing).await?;
    ensure!(status == 403 && text.contains("Request has expired"), "{status} {text}");
    Ok(())
}

async fn needs_a_signature() -> Result<()> {
    for method in [Method::GET, Method::PUT, Method::DELETE] {
        let url = format!("{}/dir/unsigned", bucket()?);
        let (status, _, body) = ask_s3(method, &url, "", Vec::new()).await?;
        let text = String::from_utf8_lossy(&body);
        ensure!(status == 403 && text.contains("AccessDenied"), "{status} {text}");
    }
    Ok(())
}

async fn copy_is_made_once() -> Result<()> {
    let copying = [("x-amz-copy-source", "/uploads/dir/source"), ("if-none-match", "*")];
    let copy = || ask((Method::PUT, "dir/copy", ""), &copying, None);
    let (status, text) = copy().await?;
    ensure!(status == 404 && text.contains("NoSuchKey"), "{status} {text}");
    post_form(&form("dir/source", 60)?, b"first", same).await?;
    let (status, text) = copy().await?;
    ensure!(status == 200 && text.contains("<CopyObjectResult"), "{status} {text}");
    post_form(&form("dir/source", 60)?, b"other", same).await?;
    let (status, text) = copy().await?;
    ensure!(status == 412 && text.contains("PreconditionFailed"), "{status} {text}");
    ensure!(get("dir/copy").await? == (200, "first".to_owned()));
    Ok(())
}

async fn head_and_delete() -> Result<()> {
    post_form(&form("dir/deleted", 60)?, b"bytes", same).await?;
    let head = || ask((Method::HEAD, "dir/deleted", ""), &[], None);
    let delete = || ask((Method::DELETE, "dir/deleted", ""), &[], None);
    ensure!(head().await?.0 == 200);
    ensure!(delete().await?.0 == 204);
    ensure!(head().await?.0 == 404);
    ensure!(delete().await?.0 == 204, "a second time");
    Ok(())
}

/// The status of a list, its keys, and its token for the next page.
async fn list(query: &str) -> Result<(u16, Vec<String>, Option<String>)> {
    let (status, text) = ask((Method::GET, "", query), &[], None).await?;
    let all = |element: &str| -> Vec<String> {
        let start = format!("<{element}>");
        let parts = text.split(&start).skip(1);
        parts
            .map(|part| part.split('<').next().unwrap_or_default().to_owned())
            .collect()
    };
    let next = all("NextContinuationToken").pop();
    let is_truncated = all("IsTruncated") == ["true"];
    ensure!(is_truncated == next.is_some(), "{text}");
    Ok((status, all("Key"), next))
}

async fn list_has_keys_in_pages() -> Result<()> {
    for key in ["dir/list/b", "dir/list/a b+&", "dir/list/c", "dir/listed"] {
        post_form(&form(key, 60)?, b"bytes", same).await?;
    }
    let query = "list-type=2&max-keys=2&prefix=dir%2Flist%2F";
    let (status, keys, next) = list(query).await?;
    ensure!(
        (status, &keys[..]) == (200, &["dir/list/a b+&amp;".to_owned(), "dir/list/b".to_owned()]),
        "{status} {keys:?}"
    );
    let token = next
        .context("a token")?
        .replace('=', "%3D")
        .replace('+', "%2B")
        .replace('/', "%2F");
    let (_, rest, next) = list(&format!("{query}&continuation-token={token}")).await?;
    ensure!(rest == ["dir/list/c"] && next.is_none(), "{rest:?} {next:?}");
    let (_, encoded, _) = list(&format!("{query}&encoding-type=url")).await?;
    ensure!(encoded[0] == "dir/list/a+b%2B%26", "{encoded:?}");
    let (status, none, _) = list("list-type=2&prefix=dir%2Fnone%2F").await?;
    ensure!(status == 200 && none.is_empty(), "{status} {none:?}");
    Ok(())
}

async fn wrong_query_is_400() -> Result<()> {
    for wrong in ["max-keys=x", "max-keys=-1", "continuation-token=x"] {
        let (status, text) = ask((Method::GET, "", &format!("list-type=2&{wrong}")), &[], None).await?;
        ensure!(
            status == 400 && text.contains("InvalidArgument"),
            "{wrong}: {status} {text}"
        );
    }
    Ok(())
}
