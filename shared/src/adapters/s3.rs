//! Uploaded images in a bucket of S3.
//!
//! A client posts an image to `pending/…`; a rule of the bucket deletes what is there after a day. When a message names the image, it is copied to
//! `kept/…`. A copy is never written again, so what a message shows cannot be exchanged, although the form is still good.

use std::sync::OnceLock;
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use async_trait::async_trait;
use aws_sigv4::http_request::{
    PayloadChecksumKind, PercentEncodingMode, SignableBody, SignableRequest, SignatureLocation, SigningSettings,
    UriPathNormalizationMode, sign,
};
use aws_sigv4::sign::v4::{SigningParams, calculate_signature, generate_signing_key};
use aws_smithy_runtime_api::client::identity::Identity;
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use bytes::Bytes;
use chrono::{DateTime, SecondsFormat, Utc};
use futures_util::future::try_join_all;
use http::{Method, Request, StatusCode};
use serde_json::{Value, json};
use tracing::Instrument as _;

use super::aws::{self, Reason};
use super::clock::SystemClock;
use super::http_client::HttpClient;
use crate::config::{Access, Bucket, UploadsConfig};
use crate::domain::limits::PART_IMAGES;
use crate::domain::{ImageType, Upload, User};
use crate::ports::{Clock as _, Unavailable, UploadForm, Uploads};
use crate::trace::part;

/// How long a form may be used, in seconds.
const FORM_S: u64 = 10 * 60;
/// How long an address shows an image, in seconds.
const SHOWN_S: u64 = 5 * 60;
/// How long an answer of S3 may take.
const LIMIT: Duration = Duration::from_secs(3);
/// The only algorithm.
const ALGORITHM: &str = "AWS4-HMAC-SHA256";
/// What the address of an image makes S3 answer. `attachment`: an `<img>` shows the image all the same, and a browser never opens it as a page.
const SHOWN_AS: &str = "response-cache-control=private%2C%20max-age%3D86400&response-content-disposition=attachment";

/// The folder of images that wait for a message.
const PENDING: &str = "pending";
/// The folder of images that a message has named.
const KEPT: &str = "kept";

/// The images of users.
#[derive(Debug)]
pub struct S3Uploads {
    bucket: Bucket,
    bytes_max: u64,
    access: Access,
    identity: Identity,
    client: OnceLock<HttpClient>,
}

impl S3Uploads {
    /// How long a client may remember the address of an image, in seconds: less than the address is good.
    pub const REDIRECT_S: u64 = SHOWN_S - 60;

    /// Prepares the client when an image is kept for the first time: most messages name none.
    pub fn new(config: UploadsConfig) -> Self {
        let UploadsConfig {
            bucket,
            bytes_max,
            access,
        } = config;
        Self {
            bucket,
            bytes_max,
            identity: aws::identity(&access),
            access,
            client: OnceLock::new(),
        }
    }

    /// A request with a signature: in the query if `expires_in` says for how long, else in the headers. S3 wants a path as it is, and not encoded
    /// twice.
    ///
    /// # Source
    /// Amazon S3 API Reference, "Authenticating Requests (AWS Signature Version 4)".
    fn signed(
        &self,
        request: http::request::Builder,
        expires_in: Option<Duration>,
        time: SystemTime,
    ) -> Result<Request<Bytes>, Reason> {
        let mut request = request.body(Bytes::new())?;
        let mut settings = SigningSettings::default();
        settings.percent_encoding_mode = PercentEncodingMode::Single;
        settings.uri_path_normalization_mode = UriPathNormalizationMode::Disabled;
        let body = if expires_in.is_some() {
            settings.signature_location = SignatureLocation::QueryParams;
            settings.expires_in = expires_in;
            SignableBody::UnsignedPayload
        } else {
            settings.payload_checksum_kind = PayloadChecksumKind::XAmzSha256;
            SignableBody::empty()
        };
        let params = SigningParams::builder()
            .identity(&self.identity)
            .region(&self.access.region)
            .name("s3")
            .time(time)
            .settings(settings)
            .build()?
            .into();
        let uri = request.uri().to_string();
        let headers = request.headers().iter();
        let headers = headers.filter_map(|(name, value)| Some((name.as_str(), value.to_str().ok()?)));
        let signable = SignableRequest::new(request.method().as_str(), uri, headers, body)?;
        let (instructions, _) = sign(signable, &params)?.into_parts();
        instructions.apply_to_request_http1x(&mut request);
        Ok(request)
    }

    fn form_at(&self, upload: &Upload, kind: ImageType, bytes: u64, now_ms: u64) -> Result<UploadForm, Reason> {
        let now = utc(now_ms)?;
        let expires = utc(now_ms + FORM_S * 1_000)?;
        let (day, region) = (now.format("%Y%m%d"), &self.access.region);
        let mut fields = vec![
            ("key", pending(upload)),
            ("Content-Type", kind.name().to_owned()),
            ("x-amz-algorithm", ALGORITHM.to_owned()),
            (
                "x-amz-credential",
                format!("{}/{day}/{region}/s3/aws4_request", self.access.key_id),
            ),
            ("x-amz-date", now.format("%Y%m%dT%H%M%SZ").to_string()),
        ];
        fields.extend(
            self.access
                .session_token
                .clone()
                .map(|token| ("x-amz-security-token", token)),
        );
        let mut conditions: Vec<Value> = fields.iter().map(|(name, value)| json!({*name: value})).collect();
        conditions.push(json!({"bucket": self.bucket.name}));
        conditions.push(json!(["content-length-range", bytes, bytes]));
        let expiration = expires.to_rfc3339_opts(SecondsFormat::Secs, true);
        let policy = STANDARD.encode(json!({"expiration": expiration, "conditions": conditions}).to_string());
        let key = generate_signing_key(&self.access.secret_key, time(now_ms), region, "s3");
        fields.push(("x-amz-signature", calculate_signature(key, policy.as_bytes())));
        fields.push(("policy", policy));
        Ok(UploadForm {
            url: format!("{}/", self.bucket.address),
            fields,
        })
    }

    fn address_at(&self, upload: &Upload, now_ms: u64) -> Result<String, Reason> {
        let request = Request::get(format!("{}/{}?{SHOWN_AS}", self.bucket.address, kept(upload)));
        let signed = self.signed(request, Some(Duration::from_secs(SHOWN_S)), time(now_ms))?;
        Ok(signed.uri().to_string())
    }

    async fn send(&self, request: http::request::Builder) -> Result<(StatusCode, String), Reason> {
        let request = self.signed(request, None, time(SystemClock.now_ms()))?;
        let client = self.client.get_or_init(|| HttpClient::new(LIMIT, None));
        let answer = client.exchange(request).await?;
        Ok((answer.status(), String::from_utf8_lossy(answer.body()).into_owned()))
    }

    /// The keys of some objects in this folder of a user, as a path needs them.
    ///
    /// # Source
    /// Amazon S3 API Reference, `ListObjectsV2`: with `encoding-type=url` a key is percent-encoded, but a space is `+`. Amazon S3 user guide, "Amazon
    /// S3 data consistency model": an object that was deleted is in no later list.
    async fn list(&self, folder: &str, owner: &User) -> Result<Vec<String>, Reason> {
        let (address, owner) = (&self.bucket.address, Upload::beginning(owner));
        let query = format!("list-type=2&encoding-type=url&max-keys={PART_IMAGES}&prefix={folder}%2F{owner}%2F");
        match self.send(Request::get(format!("{address}/?{query}"))).await? {
            (StatusCode::OK, text) if text.contains("<ListBucketResult") => {
                let keys = text.split("<Key>").skip(1);
                let keys = keys.filter_map(|rest| Some(rest.split_once("</Key>")?.0.replace('+', "%20")));
                Ok(keys.collect())
            }
            (status, _) => Err(other(status)),
        }
    }

    /// # Source
    /// Amazon S3 API Reference, `DeleteObject`: 204, also if there is no object.
    async fn delete(&self, key: &str) -> Result<(), Reason> {
        let address = format!("{}/{key}", self.bucket.address);
        match self.send(Request::delete(address)).await? {
            (StatusCode::NO_CONTENT, _) => Ok(()),
            (status, _) => Err(other(status)),
        }
    }

    /// First what waits, so that nothing more of it can be kept.
    async fn delete_images(&self, owner: &User) -> Result<bool, Reason> {
        for folder in [PENDING, KEPT] {
            let keys = self.list(folder, owner).await?;
            if !keys.is_empty() {
                try_join_all(keys.iter().map(|key| self.delete(key))).await?;
                return Ok(true);
            }
        }
        Ok(false)
    }

    /// # Source
    /// Amazon S3 API Reference, `CopyObject`: `If-None-Match: *` gets 412 if the copy stands already; an answer with 200 can have an error in its
    /// body. `HeadObject`: 404 if there is no object.
    async fn copy(&self, upload: &Upload) -> Result<bool, Reason> {
        let address = format!("{}/{}", self.bucket.address, kept(upload));
        let copying = Request::builder()
            .method(Method::PUT)
            .uri(&address)
            .header(
                "x-amz-copy-source",
                format!("/{}/{}", self.bucket.name, pending(upload)),
            )
            .header("if-none-match", "*");
        match self.send(copying).await? {
            (StatusCode::OK, text) if text.contains("<CopyObjectResult") => Ok(true),
            (StatusCode::PRECONDITION_FAILED, _) => Ok(true),
            // It was deleted after its day. If a message has named it before, its copy is there.
            (StatusCode::NOT_FOUND, _) => match self.send(Request::head(&address)).await? {
                (StatusCode::OK, _) => Ok(true),
                (StatusCode::NOT_FOUND, _) => Ok(false),
                (status, _) => Err(other(status)),
            },
            (status, _) => Err(other(status)),
        }
    }
}

#[async_trait]
impl Uploads for S3Uploads {
    fn bytes_max(&self) -> u64 {
        self.bytes_max
    }

    fn form(&self, upload: &Upload, kind: ImageType, bytes: u64) -> Result<UploadForm, Unavailable> {
        let form = self.form_at(upload, kind, bytes, SystemClock.now_ms());
        form.map_err(|error| Unavailable::new("s3", error))
    }

    async fn keep(&self, upload: &Upload) -> Result<bool, Unavailable> {
        watched(self.copy(upload)).await
    }

    fn address(&self, upload: &Upload) -> Result<String, Unavailable> {
        let address = self.address_at(upload, SystemClock.now_ms());
        address.map_err(|error| Unavailable::new("s3", error))
    }

    async fn delete_some(&self, owner: &User) -> Result<bool, Unavailable> {
        watched(self.delete_images(owner)).await
    }
}

/// Notes in the trace how long S3 takes, and whether it failed.
async fn watched<T>(asking: impl Future<Output = Result<T, Reason>>) -> Result<T, Unavailable> {
    let part = part!("s3");
    let outcome = asking.instrument(part.clone()).await;
    if outcome.is_err() {
        part.record("fault", true);
    }
    outcome.map_err(|error| Unavailable::new("s3", error))
}

fn pending(upload: &Upload) -> String {
    key(PENDING, upload)
}

fn kept(upload: &Upload) -> String {
    key(KEPT, upload)
}

/// All images of a user begin alike, so that they can be listed.
fn key(folder: &str, upload: &Upload) -> String {
    let (owner, image) = upload.halves();
    format!("{folder}/{owner}/{image}")
}

fn other(status: StatusCode) -> Reason {
    format!("the answer has the status {status}").into()
}

fn time(ms: u64) -> SystemTime {
    UNIX_EPOCH + Duration::from_millis(ms)
}

fn utc(ms: u64) -> Result<DateTime<Utc>, Reason> {
    let time = i64::try_from(ms).ok().and_then(DateTime::from_timestamp_millis);
    time.ok_or_else(|| "the clock is wrong".into())
}

#[cfg(test)]
mod tests {
    use super::*;

    /// 2015-12-29T00:00:00Z.
    const NOW_MS: u64 = 1_451_347_200_000;

    fn uploads() -> S3Uploads {
        let env = [
            ("SOCK_UPLOADS_BUCKET", "https://images.s3.eu-west-1.amazonaws.com"),
            ("AWS_REGION", "us-east-1"),
            ("AWS_ACCESS_KEY_ID", "AKIAIOSFODNN7EXAMPLE"),
            ("AWS_SECRET_ACCESS_KEY", "wJalrXUtnFEMI/K7MDENG/bPxRfiCYEXAMPLEKEY"),
            ("AWS_SESSION_TOKEN", "token"),
        ];
        let env = env.map(|(name, value)| (name.to_owned(), value.to_owned()));
        let config = UploadsConfig::from_env(&env.into_iter().collect()).unwrap();
        S3Uploads::new(config.unwrap())
    }

    fn upload() -> Upload {
        Upload::parse(&"0123456789abcdef".repeat(4)).unwrap()
    }

    /// # Source
    /// Amazon S3 API Reference, "Example: Browser-Based Upload using HTTP POST (Using AWS Signature Version 4)": this key, day and Region sign this
    /// policy with this signature.
    #[test]
    fn a_policy_is_signed_as_in_the_example_of_the_documentation() {
        let policy = "eyAiZXhwaXJhdGlvbiI6ICIyMDE1LTEyLTMwVDEyOjAwOjAwLjAwMFoiLA0KICAiY29uZGl0aW9ucyI6IFsNCiAgICB7ImJ1Y2tldCI6ICJzaWd2NGV4YW1wbGVidWNrZXQifSwNCiAgICBbInN0YXJ0cy13aXRoIiwgIiRrZXkiLCAidXNlci91c2VyMS8iXSwNCiAgICB7ImFjbCI6ICJwdWJsaWMtcmVhZCJ9LA0KICAgIHsic3VjY2Vzc19hY3Rpb25fcmVkaXJlY3QiOiAiaHR0cDovL3NpZ3Y0ZXhhbXBsZWJ1Y2tldC5zMy5hbWF6b25hd3MuY29tL3N1Y2Nlc3NmdWxfdXBsb2FkLmh0bWwifSwNCiAgICBbInN0YXJ0cy13aXRoIiwgIiRDb250ZW50LVR5cGUiLCAiaW1hZ2UvIl0sDQogICAgeyJ4LWFtei1tZXRhLXV1aWQiOiAiMTQzNjUxMjM2NTEyNzQifSwNCiAgICB7IngtYW16LXNlcnZlci1zaWRlLWVuY3J5cHRpb24iOiAiQUVTMjU2In0sDQogICAgWyJzdGFydHMtd2l0aCIsICIkeC1hbXotbWV0YS10YWciLCAiIl0sDQoNCiAgICB7IngtYW16LWNyZWRlbnRpYWwiOiAiQUtJQUlPU0ZPRE5ON0VYQU1QTEUvMjAxNTEyMjkvdXMtZWFzdC0xL3MzL2F3czRfcmVxdWVzdCJ9LA0KICAgIHsieC1hbXotYWxnb3JpdGhtIjogIkFXUzQtSE1BQy1TSEEyNTYifSwNCiAgICB7IngtYW16LWRhdGUiOiAiMjAxNTEyMjlUMDAwMDAwWiIgfQ0KICBdDQp9";
        let access = uploads().access;
        let key = generate_signing_key(&access.secret_key, time(NOW_MS), "us-east-1", "s3");
        assert_eq!(
            calculate_signature(key, policy.as_bytes()),
            "8afdbf4008c03f22c2cd3cdb72e4afbb1f6a588f3255ac628749a66d7f09699e"
        );
    }

    #[test]
    fn a_form_binds_the_key_the_type_and_the_size() {
        let form = uploads().form_at(&upload(), ImageType::Png, 7, NOW_MS).unwrap();
        assert_eq!(form.url, "https://images.s3.eu-west-1.amazonaws.com/");
        let field = |name: &str| form.fields.iter().find(|(other, _)| *other == name).unwrap().1.clone();
        let policy: Value = serde_json::from_slice(&STANDARD.decode(field("policy")).unwrap()).unwrap();
        insta::assert_snapshot!(policy, @r#"{"conditions":[{"key":"pending/0123456789abcdef0123456789abcdef/0123456789abcdef0123456789abcdef"},{"Content-Type":"image/png"},{"x-amz-algorithm":"AWS4-HMAC-SHA256"},{"x-amz-credential":"AKIAIOSFODNN7EXAMPLE/20151229/us-east-1/s3/aws4_request"},{"x-amz-date":"20151229T000000Z"},{"x-amz-security-token":"token"},{"bucket":"images"},["content-length-range",7,7]],"expiration":"2015-12-29T00:10:00Z"}"#);
        // Every field but these two stands in the policy, or S3 would refuse the form.
        let bound = policy["conditions"].as_array().unwrap();
        for (name, value) in form
            .fields
            .iter()
            .filter(|(name, _)| !matches!(*name, "policy" | "x-amz-signature"))
        {
            assert!(bound.contains(&json!({*name: value})), "{name}");
        }
    }

    /// # Source
    /// botocore 1.43 signs this address with the same signature.
    #[test]
    fn an_address_shows_an_image_as_an_attachment_for_five_minutes() {
        let address = uploads().address_at(&upload(), NOW_MS).unwrap();
        insta::assert_snapshot!(address, @"https://images.s3.eu-west-1.amazonaws.com/kept/0123456789abcdef0123456789abcdef/0123456789abcdef0123456789abcdef?response-cache-control=private%2C%20max-age%3D86400&response-content-disposition=attachment&X-Amz-Algorithm=AWS4-HMAC-SHA256&X-Amz-Credential=AKIAIOSFODNN7EXAMPLE%2F20151229%2Fus-east-1%2Fs3%2Faws4_request&X-Amz-Date=20151229T000000Z&X-Amz-Expires=300&X-Amz-SignedHeaders=host&X-Amz-Signature=60317266be5152f3caacb3282419bd72494675bd57a2a1ac5957553cee161df2&X-Amz-Security-Token=token");
    }
}
