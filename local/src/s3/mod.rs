//! S3: buckets whose objects are files in a folder.
//!
//! It takes the requests that functions and their clients send: a form of a browser, a presigned `GET`, signed `PUT`, `HEAD` and `DELETE`, and lists of
//! keys. Every request needs a good signature, as on AWS. Any name is a bucket. No rule of a bucket is played: nothing expires here.
//!
//! # Source
//! Amazon S3 API Reference: `PutObject`, `CopyObject`, `GetObject`, `HeadObject`, `DeleteObject`, `ListObjectsV2`, `POST Object` and "Error responses".

mod failure;
mod form;
mod list;
mod objects;
mod signature;

use std::{path::PathBuf, sync::Arc, time::Duration};

use bytes::Bytes;
use http::{HeaderMap, HeaderName, HeaderValue, Method, Request, StatusCode, header, request::Parts};
use hyper::body::Incoming;
use percent_encoding::percent_decode_str;
use reqwest::Url;

use crate::server::{BindError, BodyError, Listeners, Reply, Server, empty, read_body, serve};
use failure::{Failure, xml};
use objects::{Object, Objects};

/// The longest body, in bytes. AWS takes 5 GB; here a body is in memory.
const BODY_BYTES: usize = 64 * 1024 * 1024;
/// How long a body may take.
const BODY_TIMEOUT: Duration = Duration::from_mins(1);
/// Headers of an answer that a presigned query may choose.
const CHOSEN: [(&str, HeaderName); 3] = [
    ("response-cache-control", header::CACHE_CONTROL),
    ("response-content-disposition", header::CONTENT_DISPOSITION),
    ("response-content-type", header::CONTENT_TYPE),
];

/// A running S3; dropping it stops it.
#[derive(Debug)]
pub struct S3 {
    url: String,
    _server: Server,
}

impl S3 {
    /// Serves what is in `folder` on a free port of 127.0.0.1.
    ///
    /// # Errors
    /// [`BindError`], when no port can be listened on.
    pub async fn start(folder: PathBuf) -> Result<Self, BindError> {
        let listeners = Listeners::bind("127.0.0.1", 0, "nothing").await?;
        let url = format!("http://127.0.0.1:{}", listeners.port());
        let objects = Arc::new(Objects::new(folder));
        let server = serve(listeners, move |request: Request<Incoming>, _| {
            let objects = Arc::clone(&objects);
            async move {
                let mut reply = answer(&objects, request).await.unwrap_or_else(|error| error.reply());
                // What a rule of the bucket allows: a page reads the status of its form.
                let any = HeaderValue::from_static("*");
                reply.headers_mut().insert(header::ACCESS_CONTROL_ALLOW_ORIGIN, any);
                reply
            }
        });
        Ok(Self { url, _server: server })
    }

    /// The address of a bucket.
    pub fn bucket(&self, name: &str) -> String {
        format!("{}/{name}", self.url)
    }
}

/// The bucket and the key of a path. The key is empty if the path is that of a bucket.
fn place(path: &str) -> Option<(String, String)> {
    let path = percent_decode_str(path).decode_utf8().ok()?;
    let path = path.strip_prefix('/')?;
    let (bucket, key) = path.split_once('/').unwrap_or((path, ""));
    Some((bucket.to_owned(), key.to_owned()))
}

async fn answer(objects: &Objects, request: Request<Incoming>) -> Result<Reply, Failure> {
    let (parts, body) = request.into_parts();
    let body = read_body(body, BODY_BYTES, BODY_TIMEOUT)
        .await
        .map_err(|error| match error {
            BodyError::TooLarge => Failure::bad("EntityTooLarge", "The local stack takes 64 MiB"),
            BodyError::Broken | BodyError::TooSlow => Failure::bad("RequestTimeout", "The body did not arrive"),
        })?;
    let wrong = || Failure::bad("InvalidURI", "The path must be /bucket/key");
    let (bucket, key) = place(parts.uri.path()).ok_or_else(wrong)?;
    if parts.method == Method::POST && key.is_empty() {
        return form::take(objects, &bucket, &parts.headers, &body);
    }
    signature::check(&parts, &body)?;
    if key.is_empty() {
        return match parts.method {
            Method::GET => list::answer(objects, &bucket, &parts),
            _ => Err(wrong()),
        };
    }
    match parts.method {
        Method::GET => objects.read(&bucket, &key).map(|object| shown(object, &parts, true)),
        Method::HEAD => objects.read(&bucket, &key).map(|object| shown(object, &parts, false)),
        Method::PUT => put(objects, (&bucket, &key), &parts.headers, body),
        Method::DELETE => {
            objects.remove(&bucket, &key)?;
            Ok(empty(StatusCode::NO_CONTENT))
        }
        _ => Err(Failure(
            StatusCode::METHOD_NOT_ALLOWED,
            "MethodNotAllowed",
            String::new(),
        )),
    }
}

/// Stores a body, or a copy. With `If-None-Match: *` only if there is nothing yet.
fn put(objects: &Objects, (bucket, key): (&str, &str), headers: &HeaderMap, body: Bytes) -> Result<Reply, Failure> {
    let text = |name: &str| headers.get(name).and_then(|value| value.to_str().ok());
    let source = text("x-amz-copy-source");
    let object = match source {
        None => Object {
            kind: text("content-type").unwrap_or("binary/octet-stream").to_owned(),
            body,
        },
        Some(source) => {
            let source = format!("/{}", source.trim_start_matches('/'));
            let named = place(&source).filter(|(_, key)| !key.is_empty());
            let (bucket, key) = named.ok_or_else(Failure::no_such_key)?;
            objects.read(&bucket, &key)?
        }
    };
    if text("if-none-match") == Some("*") && objects.read(bucket, key).is_ok() {
        let message = "At least one of the pre-conditions you specified did not hold";
        return Err(Failure(
            StatusCode::PRECONDITION_FAILED,
            "PreconditionFailed",
            message.to_owned(),
        ));
    }
    objects.write(bucket, key, &object)?;
    Ok(match source {
        None => empty(StatusCode::OK),
        Some(_) => xml(StatusCode::OK, "<CopyObjectResult></CopyObjectResult>"),
    })
}

/// An object, with the headers that the query chooses.
fn shown(object: Object, parts: &Parts, has_body: bool) -> Reply {
    let mut reply = empty(StatusCode::OK);
    let chosen = Url::parse(&format!("http://s3{}", parts.uri)).ok();
    let chosen = chosen.iter().flat_map(Url::query_pairs);
    let headers = reply.headers_mut();
    let mut set = |name: HeaderName, value: &str| {
        if let Ok(value) = HeaderValue::from_str(value) {
            headers.insert(name, value);
        }
    };
    set(header::CONTENT_TYPE, &object.kind);
    for (name, value) in chosen {
        if let Some((_, header)) = CHOSEN.iter().find(|(known, _)| *known == name) {
            set(header.clone(), &value);
        }
    }
    if has_body {
        *reply.body_mut() = object.body.into();
    }
    reply
}
