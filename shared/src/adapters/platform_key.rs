//! Recognises the platform's own server by its key. It may name the site of a request.

use http::HeaderMap;
use http::header::{AUTHORIZATION, HOST};
use sha2::{Digest as _, Sha256};

use super::jwt::bearer;
use crate::config::{PlatformConfig, Sites};
use crate::domain::Domain;
use crate::error::ApiError;

/// The header that names a site in place of the host's.
const SITE: &str = "X-Senna-Domain";

/// Tells the platform's server from everyone else.
#[derive(Debug)]
pub struct PlatformKeys {
    sites: Sites,
    all_sites: Vec<Domain>,
    /// Hashes of the keys: the time that it takes to compare two hashes reveals nothing of a key.
    hashes: Vec<[u8; 32]>,
}

/// A request of the platform's server.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PlatformCaller {
    /// The site of the request.
    pub domain: Domain,
    /// Which of the two keys it has, for the log: `first` or `second`.
    pub key: &'static str,
}

impl PlatformKeys {
    /// Prepares the keys. Without one there are no routes for the platform.
    pub fn new(config: &PlatformConfig, sites: Sites) -> Self {
        let hashes = config.keys.iter().map(|key| Sha256::digest(key).into()).collect();
        let all_sites = sites.all();
        Self {
            sites,
            all_sites,
            hashes,
        }
    }

    /// All sites.
    pub fn sites(&self) -> &[Domain] {
        &self.all_sites
    }

    /// Checks a request with these headers. It is always compared with all keys.
    ///
    /// # Errors
    /// [`ApiError::RouteNotFound`] if no keys are set, [`ApiError::PlatformKey`] if the request has none of them; [`ApiError::InvalidField`] if it
    /// names an unknown site.
    pub fn caller(&self, headers: &HeaderMap) -> Result<PlatformCaller, ApiError> {
        if self.hashes.is_empty() {
            return Err(ApiError::RouteNotFound);
        }
        let text = |name: &str| headers.get(name).and_then(|value| value.to_str().ok());
        let given = text(AUTHORIZATION.as_str()).and_then(bearer).unwrap_or_default();
        let given: [u8; 32] = Sha256::digest(given.trim()).into();
        let mut key = None;
        for (hash, name) in self.hashes.iter().zip(["first", "second"]) {
            if *hash == given {
                key = Some(name);
            }
        }
        let key = key.ok_or(ApiError::PlatformKey)?;
        let domain = match headers.get(SITE) {
            None => Some(self.sites.of_host(text(HOST.as_str()).unwrap_or_default())),
            Some(handle) => handle.to_str().ok().and_then(|handle| self.sites.named(handle)),
        };
        let domain = domain.cloned().ok_or(ApiError::InvalidField {
            field: SITE,
            expected: "the handle of a site of this installation",
        })?;
        Ok(PlatformCaller { domain, key })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const ONE: &str = "the first key, of more than 32 bytes";
    const TWO: &str = "the second key, of more than 32 bytes";

    fn keys(keys: &[&str]) -> PlatformKeys {
        let env = [("SOCK_DOMAINS".to_owned(), "chat.a.com=a".to_owned())]
            .into_iter()
            .collect();
        let keys = keys.iter().map(|key| (*key).to_owned()).collect();
        PlatformKeys::new(&PlatformConfig { keys }, Sites::from_env(&env).unwrap())
    }

    fn asked(of: &PlatformKeys, headers: &[(&'static str, &str)]) -> String {
        let headers = headers.iter().map(|(name, value)| {
            let name = http::HeaderName::try_from(*name).unwrap();
            (name, http::HeaderValue::from_str(value).unwrap())
        });
        match of.caller(&headers.collect()) {
            Ok(caller) => format!("{} {}", caller.key, caller.domain),
            Err(error) => error.code().unwrap_or_default().to_owned(),
        }
    }

    #[test]
    fn only_the_keys_are_accepted() {
        let both = keys(&[ONE, TWO]);
        let with = |value: &str| asked(&both, &[("authorization", value)]);
        assert_eq!(with(&format!("Bearer {ONE}")), "first myplatform");
        assert_eq!(with(&format!("bearer {TWO}")), "second myplatform");
        for wrong in [
            ONE,
            "Bearer",
            "Bearer ",
            &format!("Basic {ONE}"),
            &format!("Bearer {ONE}x"),
            &format!("Bearer {ONE},{TWO}"),
        ] {
            assert_eq!(with(wrong), "INVALID_PLATFORM_KEY", "{wrong}");
        }
        assert_eq!(asked(&both, &[]), "INVALID_PLATFORM_KEY");
        assert_eq!(asked(&both, &[("x-auth-token", ONE)]), "INVALID_PLATFORM_KEY");
    }

    #[test]
    fn without_a_key_there_are_no_routes() {
        let none = keys(&[]);
        for value in ["Bearer ", &format!("Bearer {ONE}")] {
            assert_eq!(asked(&none, &[("authorization", value)]), "NOT_FOUND");
        }
    }

    #[test]
    fn the_site_is_that_of_the_host_unless_it_is_named() {
        let one = keys(&[ONE]);
        let key = ("authorization", &*format!("Bearer {ONE}"));
        assert_eq!(asked(&one, &[key, ("host", "chat.a.com")]), "first a");
        assert_eq!(
            asked(&one, &[key, ("host", "chat.a.com"), ("x-senna-domain", "myplatform")]),
            "first myplatform"
        );
        assert_eq!(asked(&one, &[key, ("x-senna-domain", "a")]), "first a");
        for unknown in ["", "b", "chat.a.com"] {
            assert_eq!(
                asked(&one, &[key, ("host", "chat.a.com"), ("x-senna-domain", unknown)]),
                "INVALID_FIELD",
                "{unknown}"
            );
        }
    }
}
