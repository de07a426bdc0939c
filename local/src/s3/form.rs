//! `POST Object`: a browser's form whose policy says what it may upload.
//!
//! # Source
//! Amazon S3 API Reference, "POST Object" and "POST Policy": every field but `policy`, `x-amz-signature`, `file` and those that begin with
//! `x-ignore-` must meet a condition; `file` is the last field that counts.

use std::collections::BTreeMap;

use base64::{Engine as _, engine::general_purpose::STANDARD};
use bytes::Bytes;
use chrono::DateTime;
use http::{HeaderMap, StatusCode, header};
use serde_json::Value;

use super::{
    failure::Failure,
    objects::{Object, Objects},
    signature,
};
use crate::{
    aws::clock,
    server::{Reply, empty},
};

/// Takes a form for a bucket.
pub(super) fn take(objects: &Objects, bucket: &str, headers: &HeaderMap, body: &Bytes) -> Result<Reply, Failure> {
    let (mut fields, file) = parse(headers, body).ok_or_else(|| {
        Failure::bad(
            "MalformedPOSTRequest",
            "The body of your POST request is not well-formed multipart/form-data.",
        )
    })?;
    let file =
        file.ok_or_else(|| Failure::bad("InvalidArgument", "POST requires exactly one file upload per request."))?;
    let policy = fields
        .remove("policy")
        .ok_or_else(|| Failure::denied("Access Denied"))?;
    signature::check_policy(&fields, &policy)?;
    fields.remove("x-amz-signature");
    check(&policy, bucket, &fields, file.len())?;
    let key = fields.get("key").filter(|key| !key.is_empty());
    let key = key.ok_or_else(|| Failure::bad("InvalidArgument", "Bucket POST must contain a field named 'key'."))?;
    let kind = fields.get("content-type").map_or("binary/octet-stream", String::as_str);
    let object = Object {
        kind: kind.to_owned(),
        body: file,
    };
    objects.write(bucket, key, &object)?;
    let status = match fields.get("success_action_status").map(String::as_str) {
        Some("200") => StatusCode::OK,
        Some("201") => StatusCode::CREATED,
        _ => StatusCode::NO_CONTENT,
    };
    Ok(empty(status))
}

/// Checks what a policy says of a form.
fn check(policy: &str, bucket: &str, fields: &BTreeMap<String, String>, length: usize) -> Result<(), Failure> {
    let malformed = || Failure::bad("InvalidPolicyDocument", "Invalid Policy: Invalid JSON.");
    let json = STANDARD.decode(policy).map_err(|_| malformed())?;
    let policy: Value = serde_json::from_slice(&json).map_err(|_| malformed())?;
    let expires = policy["expiration"]
        .as_str()
        .and_then(|text| DateTime::parse_from_rfc3339(text).ok());
    let expires = expires.ok_or_else(malformed)?.timestamp_millis();
    if clock::now_ms() > expires {
        return Err(Failure::denied("Invalid according to Policy: Policy expired."));
    }
    let mut unmet: Vec<&str> = fields.keys().map(String::as_str).collect();
    unmet.retain(|name| !name.starts_with("x-ignore-"));
    for condition in policy["conditions"].as_array().ok_or_else(malformed)? {
        let failed = || {
            Failure::denied(format!(
                "Invalid according to Policy: Policy Condition failed: {condition}"
            ))
        };
        if let [Value::String(range), least, most] = condition.as_array().map_or(&[][..], Vec::as_slice)
            && range == "content-length-range"
        {
            let (Some(least), Some(most)) = (least.as_u64(), most.as_u64()) else {
                return Err(malformed());
            };
            match u64::try_from(length).unwrap_or(u64::MAX) {
                length if length > most => {
                    return Err(Failure::bad(
                        "EntityTooLarge",
                        "Your proposed upload exceeds the maximum allowed size",
                    ));
                }
                length if length < least => {
                    return Err(Failure::bad(
                        "EntityTooSmall",
                        "Your proposed upload is smaller than the minimum allowed size",
                    ));
                }
                _ => continue,
            }
        }
        let (name, value, is_exact) = matching(condition).ok_or_else(malformed)?;
        let name = name.to_lowercase();
        let given = if name == "bucket" {
            bucket
        } else {
            fields.get(&name).map_or("", String::as_str)
        };
        if is_exact && given != value || !given.starts_with(value) {
            return Err(failed());
        }
        unmet.retain(|other| *other != name);
    }
    match unmet.first() {
        None => Ok(()),
        Some(name) => Err(Failure::denied(format!(
            "Invalid according to Policy: Extra input fields: {name}"
        ))),
    }
}

/// The field, the value, and whether the field must be the value or only begin with it.
fn matching(condition: &Value) -> Option<(&str, &str, bool)> {
    if let Some(pair) = condition.as_object() {
        let (name, value) = pair.iter().next().filter(|_| pair.len() == 1)?;
        return Some((name, value.as_str()?, true));
    }
    let [how, name, value] = condition.as_array()?.as_slice() else {
        return None;
    };
    let is_exact = match how.as_str()? {
        "eq" => true,
        "starts-with" => false,
        _ => return None,
    };
    Some((name.as_str()?.strip_prefix('$')?, value.as_str()?, is_exact))
}

type Form = (BTreeMap<String, String>, Option<Bytes>);

/// The fields before the file, by their names in lower case, and the file.
///
/// # Source
/// RFC 7578, section 4; RFC 2046, section 5.1.1.
fn parse(headers: &HeaderMap, body: &Bytes) -> Option<Form> {
    let kind = headers.get(header::CONTENT_TYPE)?.to_str().ok()?;
    let (kind, boundary) = kind.split_once("boundary=")?;
    if !kind.to_lowercase().starts_with("multipart/form-data") {
        return None;
    }
    let boundary = format!("\r\n--{}", boundary.trim_matches('"'));
    let mut fields = BTreeMap::new();
    // The first boundary has no line break before it.
    let first = boundary.trim_start();
    let mut rest = body.slice(find(body, first.as_bytes())? + first.len()..);
    while rest.starts_with(b"\r\n") {
        let head_end = find(&rest, b"\r\n\r\n")?;
        let head = String::from_utf8(rest.get(..head_end)?.to_vec()).ok()?;
        rest = rest.slice(head_end + 4..);
        let end = find(&rest, boundary.as_bytes())?;
        let content = rest.slice(..end);
        rest = rest.slice(end + boundary.len()..);
        let (_, name) = head.split_once(" name=\"")?;
        let name = name.split('"').next()?.to_lowercase();
        if name == "file" {
            return Some((fields, Some(content)));
        }
        fields.insert(name, String::from_utf8(content.to_vec()).ok()?);
    }
    Some((fields, None))
}

fn find(bytes: &[u8], what: &[u8]) -> Option<usize> {
    bytes.windows(what.len()).position(|window| window == what)
}
