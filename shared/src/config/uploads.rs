//! Where uploaded images are.

use url::Url;

use super::{Access, ConfigError, Environment, valid_url, without_final_slash};
use crate::domain::limits::UPLOAD_BYTES;

/// The most bytes of one image that a setting can allow: S3 copies no more in one step.
///
/// # Source
/// Amazon S3 API Reference, `CopyObject`: up to 5 GB.
const BYTES_MAX: u64 = 5_000_000_000;

/// A bucket of S3.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Bucket {
    /// Its address, without a slash at the end.
    pub address: String,
    /// Its name.
    pub name: String,
}

impl Bucket {
    /// Reads an address: its path is the bucket's name, or without a path the first part of its host.
    fn parse(address: &str) -> Option<Self> {
        let address = without_final_slash(&valid_url(address, &["https", "http"])?);
        let url = Url::parse(&address).ok()?;
        let path = url.path().trim_start_matches('/');
        let name = match path {
            "" => url.host_str()?.split('.').next()?,
            path => path,
        };
        // Amazon S3 user guide, "Bucket naming rules". No dots: they break TLS where the name is part of the host.
        let allowed = |byte: u8| byte.is_ascii_lowercase() || byte.is_ascii_digit() || byte == b'-';
        let fits = (3..=63).contains(&name.len()) && name.bytes().all(allowed);
        let is_plain = url.query().is_none() && url.fragment().is_none() && url.username().is_empty();
        (fits && is_plain).then(|| Self {
            name: name.to_owned(),
            address,
        })
    }
}

/// Where uploaded images are, and how large they may be.
#[derive(Clone, Debug)]
pub struct UploadsConfig {
    /// `SOCK_UPLOADS_BUCKET`: the address of the bucket. Without it nothing can be uploaded.
    pub bucket: Bucket,
    /// `SOCK_UPLOAD_BYTES_MAX`: the most bytes of one image, default [`UPLOAD_BYTES`].
    pub bytes_max: u64,
    /// Lambda's own variables.
    pub access: Access,
}

impl UploadsConfig {
    /// Reads the concern; `None` without a bucket.
    ///
    /// # Errors
    /// [`ConfigError`] if a value is wrong, or if Lambda's own variables are missing.
    pub fn from_env(env: &Environment) -> Result<Option<Self>, ConfigError> {
        const BUCKET: &str = "SOCK_UPLOADS_BUCKET";
        let bytes_max = match env.get("SOCK_UPLOAD_BYTES_MAX").map(str::parse) {
            None => UPLOAD_BYTES,
            Some(Ok(number)) if (1..=BYTES_MAX).contains(&number) => number,
            Some(_) => {
                let problem = format!("must be a whole number of bytes from 1 to {BYTES_MAX}");
                return Err(ConfigError::new("SOCK_UPLOAD_BYTES_MAX", problem, "5000000"));
            }
        };
        let Some(address) = env.get(BUCKET) else {
            return Ok(None);
        };
        let bucket = Bucket::parse(address).ok_or_else(|| {
            let problem = "must be the address of a bucket of S3 whose name has no dots";
            ConfigError::new(BUCKET, problem, "https://my-uploads.s3.eu-west-1.amazonaws.com")
        })?;
        Ok(Some(Self {
            bucket,
            bytes_max,
            access: Access::from_env(env)?,
        }))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn config(variables: &[(&str, &str)]) -> Result<Option<UploadsConfig>, String> {
        let lambda = [
            ("AWS_REGION", "r"),
            ("AWS_ACCESS_KEY_ID", "k"),
            ("AWS_SECRET_ACCESS_KEY", "s"),
        ];
        let all = lambda.iter().chain(variables);
        let env = all
            .map(|(name, value)| ((*name).to_owned(), (*value).to_owned()))
            .collect();
        UploadsConfig::from_env(&env).map_err(|error| error.to_string())
    }

    #[test]
    fn a_bucket_is_named_by_its_path_or_its_host() {
        assert!(config(&[("SOCK_UPLOADS_BUCKET", "")]).unwrap().is_none());
        let name = |address| config(&[("SOCK_UPLOADS_BUCKET", address)]).map(|config| config.unwrap().bucket.name);
        assert_eq!(
            name("https://my-images.s3.dualstack.eu-west-1.amazonaws.com/").unwrap(),
            "my-images"
        );
        assert_eq!(name("http://127.0.0.1:9000/uploads").unwrap(), "uploads");
        insta::assert_snapshot!(name("my-images").unwrap_err(), @"SOCK_UPLOADS_BUCKET must be the address of a bucket of S3 whose name has no dots; for example SOCK_UPLOADS_BUCKET=https://my-uploads.s3.eu-west-1.amazonaws.com");
        for wrong in [
            "s3://images",
            "https://images/a/b",
            "https://images/?x",
            "https://My_Images.s3.amazonaws.com",
        ] {
            assert!(name(wrong).is_err(), "{wrong}");
        }
    }

    #[test]
    fn a_size_is_a_number_of_bytes() {
        let bytes = |text| {
            config(&[
                ("SOCK_UPLOADS_BUCKET", "http://127.0.0.1/uploads"),
                ("SOCK_UPLOAD_BYTES_MAX", text),
            ])
        };
        assert_eq!(bytes("").unwrap().unwrap().bytes_max, UPLOAD_BYTES);
        assert_eq!(bytes("7").unwrap().unwrap().bytes_max, 7);
        for wrong in ["0", "-1", "10 MB", "5000000001"] {
            insta::allow_duplicates! {
                insta::assert_snapshot!(bytes(wrong).unwrap_err(), @"SOCK_UPLOAD_BYTES_MAX must be a whole number of bytes from 1 to 5000000000; for example SOCK_UPLOAD_BYTES_MAX=5000000");
            }
        }
    }
}
