//! Uploading images as a browser does.

use anyhow::{Context as _, Result, ensure};
use http::{HeaderMap, Method};
use serde_json::{Value, json};

use crate::{Request, User, exchange};

/// Asks an address of the local S3, which begins with `http://`, and returns the status, the headers and the body.
///
/// # Errors
/// When there is no answer.
pub async fn ask_s3(method: Method, url: &str, kind: &str, body: Vec<u8>) -> Result<(u16, HeaderMap, Vec<u8>)> {
    let url = url.strip_prefix("http://").context("S3 is HTTP here")?;
    let (host, path) = url.split_once('/').context("an address without a path")?;
    let request = Request {
        method,
        path: format!("/{path}"),
        headers: vec![("content-type".to_owned(), kind.to_owned())],
        body,
    };
    let (status, headers, answer) = exchange(host, request).await?;
    Ok((status.as_u16(), headers, answer))
}

/// Posts the form of `POST /api/uploads` with this file, each field as `change` makes it, and returns the status and the text of the answer.
///
/// # Errors
/// When there is no form, or no answer.
pub async fn post_form(prepared: &Value, file: &[u8], change: impl Fn(&str, &str) -> String) -> Result<(u16, String)> {
    let url = prepared["upload"]["url"].as_str().context("a url")?;
    let mut body = Vec::new();
    for (name, value) in prepared["upload"]["fields"].as_object().context("fields")? {
        let value = change(name, value.as_str().context("a text")?);
        let part = format!("--x\r\ncontent-disposition: form-data; name=\"{name}\"\r\n\r\n{value}\r\n");
        body.extend_from_slice(part.as_bytes());
    }
    body.extend_from_slice(b"--x\r\ncontent-disposition: form-data; name=\"file\"; filename=\"a.png\"\r\n\r\n");
    body.extend_from_slice(file);
    body.extend_from_slice(b"\r\n--x--\r\n");
    let (status, _, answer) = ask_s3(Method::POST, url, "multipart/form-data; boundary=x", body).await?;
    Ok((status, String::from_utf8(answer)?))
}

/// Uploads these bytes as a PNG, and returns the address of the image.
///
/// # Errors
/// When the upload is refused.
pub async fn upload(user: &User, image: &[u8]) -> Result<String> {
    let wish = json!({"type": "image/png", "bytes": image.len()});
    let prepared = user.call(Method::POST, "/uploads", Some(&wish)).await?.ok(201)?;
    let (status, text) = post_form(&prepared, image, |_, value| value.to_owned()).await?;
    ensure!(status == 204, "{status} {text}");
    Ok(prepared["image"].as_str().context("an address")?.to_owned())
}
