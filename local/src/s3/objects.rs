//! Objects as files: the content type in the first line, then the bytes.

use std::{fs, io, path::PathBuf};

use bytes::Bytes;
use http::StatusCode;
use percent_encoding::{NON_ALPHANUMERIC, percent_decode_str, utf8_percent_encode};

use super::failure::Failure;

/// An object.
#[derive(Debug)]
pub(super) struct Object {
    /// Its content type.
    pub(super) kind: String,
    /// Its bytes.
    pub(super) body: Bytes,
}

/// A folder with a folder for each bucket.
#[derive(Debug)]
pub(super) struct Objects {
    folder: PathBuf,
}

impl Objects {
    pub(super) fn new(folder: PathBuf) -> Self {
        Self { folder }
    }

    pub(super) fn read(&self, bucket: &str, key: &str) -> Result<Object, Failure> {
        let file = match fs::read(self.file(bucket, key)) {
            Ok(file) => Bytes::from(file),
            Err(error) if error.kind() == io::ErrorKind::NotFound => return Err(Failure::no_such_key()),
            Err(error) => return Err(failed(&error)),
        };
        let end = file.iter().position(|byte| *byte == b'\n').unwrap_or(file.len());
        Ok(Object {
            kind: String::from_utf8_lossy(&file.slice(..end)).into_owned(),
            body: file.slice((end + 1).min(file.len())..),
        })
    }

    pub(super) fn write(&self, bucket: &str, key: &str, object: &Object) -> Result<(), Failure> {
        let file = self.file(bucket, key);
        let bytes = [object.kind.as_bytes(), b"\n", &object.body].concat();
        // Renamed into its place, so that nobody reads half of it.
        let beside = file.with_extension("new");
        let written = file
            .parent()
            .map_or(Ok(()), fs::create_dir_all)
            .and_then(|()| fs::write(&beside, bytes))
            .and_then(|()| fs::rename(&beside, &file));
        written.map_err(|error| failed(&error))
    }

    pub(super) fn remove(&self, bucket: &str, key: &str) -> Result<(), Failure> {
        match fs::remove_file(self.file(bucket, key)) {
            Err(error) if error.kind() != io::ErrorKind::NotFound => Err(failed(&error)),
            _ => Ok(()),
        }
    }

    /// The keys of a bucket that begin so, in the order of their bytes.
    pub(super) fn keys(&self, bucket: &str, prefix: &str) -> Result<Vec<String>, Failure> {
        // A name of a bucket alone is a folder.
        let files = match fs::read_dir(self.file(bucket, "")) {
            Ok(files) => files,
            Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(Vec::new()),
            Err(error) => return Err(failed(&error)),
        };
        let mut keys = Vec::new();
        for file in files {
            let name = file.map_err(|error| failed(&error))?.file_name();
            // An encoded name has no dot, so this is a file that is being written.
            let Some(name) = name.to_str().filter(|name| !name.contains('.')) else {
                continue;
            };
            let key = percent_decode_str(name).decode_utf8_lossy();
            if key.starts_with(prefix) {
                keys.push(key.into_owned());
            }
        }
        keys.sort_unstable();
        Ok(keys)
    }

    /// Names are encoded, so that no key leads out of the folder.
    fn file(&self, bucket: &str, key: &str) -> PathBuf {
        let encoded = |text| utf8_percent_encode(text, NON_ALPHANUMERIC).to_string();
        self.folder.join(encoded(bucket)).join(encoded(key))
    }
}

fn failed(error: &io::Error) -> Failure {
    Failure(StatusCode::INTERNAL_SERVER_ERROR, "InternalError", error.to_string())
}
