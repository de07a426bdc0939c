//! `ListObjectsV2`: the keys of a bucket, in pages.
//!
//! # Source
//! Amazon S3 API Reference, `ListObjectsV2`. Of each object only the key is listed, without its size and time. Delimiters, and the older `ListObjects`,
//! are refused.

use std::collections::BTreeMap;
use std::fmt::Write as _;

use base64::{Engine as _, engine::general_purpose::STANDARD};
use http::{StatusCode, request::Parts};
use percent_encoding::{AsciiSet, NON_ALPHANUMERIC, utf8_percent_encode};
use reqwest::Url;

use super::{
    failure::{Failure, escaped, xml},
    objects::Objects,
};
use crate::server::Reply;

/// The most keys of a page.
const KEYS_MAX: usize = 1000;
/// What stays as it is in an encoded key. A space is `+`.
const ENCODED: &AsciiSet = &NON_ALPHANUMERIC
    .remove(b'/')
    .remove(b'-')
    .remove(b'_')
    .remove(b'.')
    .remove(b'~')
    .remove(b'*')
    .remove(b' ');

/// Answers a `GET` of a bucket.
pub(super) fn answer(objects: &Objects, bucket: &str, parts: &Parts) -> Result<Reply, Failure> {
    let url = Url::parse(&format!("http://s3{}", parts.uri)).map_err(|_| Failure::bad("InvalidURI", "No address"))?;
    let query: BTreeMap<_, _> = url.query_pairs().collect();
    let field = |name: &str| {
        query
            .get(name)
            .map(AsRef::as_ref)
            .filter(|text: &&str| !text.is_empty())
    };
    if field("list-type") != Some("2") || field("delimiter").is_some() {
        let message = "The local stack lists a bucket only with list-type=2 and without a delimiter";
        return Err(Failure(
            StatusCode::NOT_IMPLEMENTED,
            "NotImplemented",
            message.to_owned(),
        ));
    }
    let most = match field("max-keys").map(str::parse::<u32>) {
        None => KEYS_MAX,
        Some(Ok(most)) => usize::try_from(most).unwrap_or(KEYS_MAX).min(KEYS_MAX),
        Some(Err(_)) => return Err(Failure::bad("InvalidArgument", "Provided max-keys not an integer")),
    };
    let after = match field("continuation-token") {
        None => field("start-after").unwrap_or_default().to_owned(),
        Some(token) => key_of(token).ok_or_else(|| {
            let message = "The continuation token provided is incorrect";
            Failure::bad("InvalidArgument", message)
        })?,
    };
    let encoded = |key: &str| match field("encoding-type") {
        Some("url") => utf8_percent_encode(key, ENCODED).to_string().replace(' ', "+"),
        _ => escaped(key),
    };
    let prefix = field("prefix").unwrap_or_default();
    let mut keys = objects.keys(bucket, prefix)?;
    keys.retain(|key| *key > after);
    let is_truncated = most > 0 && keys.len() > most;
    keys.truncate(most);
    let mut body = format!(
        "<ListBucketResult xmlns=\"http://s3.amazonaws.com/doc/2006-03-01/\"><Name>{}</Name><Prefix>{}</Prefix><KeyCount>{}</KeyCount>\
         <MaxKeys>{most}</MaxKeys><IsTruncated>{is_truncated}</IsTruncated>",
        escaped(bucket),
        encoded(prefix),
        keys.len()
    );
    if field("encoding-type") == Some("url") {
        body.push_str("<EncodingType>url</EncodingType>");
    }
    if let Some(last) = keys.last().filter(|_| is_truncated) {
        // Writing to a text cannot fail.
        write!(
            body,
            "<NextContinuationToken>{}</NextContinuationToken>",
            STANDARD.encode(last)
        )
        .ok();
    }
    for key in &keys {
        write!(body, "<Contents><Key>{}</Key></Contents>", encoded(key)).ok();
    }
    body.push_str("</ListBucketResult>");
    Ok(xml(StatusCode::OK, &body))
}

/// The last key of the page that gave this token.
fn key_of(token: &str) -> Option<String> {
    String::from_utf8(STANDARD.decode(token).ok()?).ok()
}
