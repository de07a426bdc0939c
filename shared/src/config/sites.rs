//! Which site a request belongs to.

use std::collections::HashMap;

use url::Host;

use super::{ConfigError, Environment};
use crate::domain::Domain;

/// The sites of an installation. They belong to one platform, and never see each other.
#[derive(Clone, Debug)]
pub struct Sites {
    /// `SOCK_DOMAIN_HANDLE`: the site of hosts that are not in `SOCK_DOMAINS`, default `myplatform`.
    default: Domain,
    /// `SOCK_DOMAINS`: sites by host, as `chat.a.com=a,chat.b.com=b`.
    by_host: HashMap<Host, Domain>,
}

impl Sites {
    /// Reads the concern.
    ///
    /// # Errors
    /// [`ConfigError`] if a value is wrong.
    pub fn from_env(env: &Environment) -> Result<Self, ConfigError> {
        let handle = env.get("SOCK_DOMAIN_HANDLE").unwrap_or("myplatform");
        let default = Domain::parse(handle)
            .map_err(|error| ConfigError::new("SOCK_DOMAIN_HANDLE", error.to_string(), "myplatform"))?;
        let by_host = domains(env.get("SOCK_DOMAINS").unwrap_or_default())?;
        Ok(Self { default, by_host })
    }

    /// The site of a request with this `Host`.
    pub fn of_host(&self, host: &str) -> &Domain {
        let known = normalised(host).and_then(|host| self.by_host.get(&host));
        known.unwrap_or(&self.default)
    }

    /// The site with this handle, if there is one.
    pub fn named(&self, handle: &str) -> Option<&Domain> {
        self.each().find(|site| site.as_str() == handle)
    }

    /// All sites, each once.
    pub fn all(&self) -> Vec<Domain> {
        let mut all: Vec<_> = self.each().cloned().collect();
        all.sort_unstable_by(|one, other| one.as_str().cmp(other.as_str()));
        all.dedup();
        all
    }

    /// The site of each host, and the default one.
    fn each(&self) -> impl Iterator<Item = &Domain> {
        std::iter::once(&self.default).chain(self.by_host.values())
    }
}

fn domains(list: &str) -> Result<HashMap<Host, Domain>, ConfigError> {
    let problem = |problem: String| ConfigError::new("SOCK_DOMAINS", problem, "chat.a.com=a,chat.b.com=b");
    let mut domains = HashMap::new();
    for entry in list.split(',').map(str::trim).filter(|entry| !entry.is_empty()) {
        let (host, handle) = entry
            .split_once('=')
            .and_then(|(host, handle)| Some((normalised(host.trim())?, handle.trim())))
            .ok_or_else(|| problem(format!("must be hosts and handles, which {entry:?} is not")))?;
        let handle = Domain::parse(handle)
            .map_err(|error| problem(format!("gives {host} the handle {handle:?}, and a handle {error}")))?;
        if domains
            .insert(host.clone(), handle.clone())
            .is_some_and(|other| other != handle)
        {
            return Err(problem(format!("gives {host} two handles")));
        }
    }
    Ok(domains)
}

/// A host as all its spellings compare: in lower case, without port and final dot, international names in ASCII, IPv6 addresses in their
/// short form.
fn normalised(host: &str) -> Option<Host> {
    let is_port = |text: &str| text.bytes().all(|byte| byte.is_ascii_digit());
    // The colons of an IPv6 address are inside its brackets.
    let name = host.rsplit_once(':').filter(|(_, port)| is_port(port));
    let name = name.map_or(host, |(name, _)| name);
    Host::parse(name.strip_suffix('.').unwrap_or(name)).ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn sites(variables: &[(&str, &str)]) -> Result<Sites, String> {
        let given = variables
            .iter()
            .map(|(name, value)| ((*name).to_owned(), (*value).to_owned()));
        Sites::from_env(&given.collect()).map_err(|error| error.to_string())
    }

    #[test]
    fn a_wrong_list_of_sites_is_explained() {
        let domains = |list| sites(&[("SOCK_DOMAINS", list)]).unwrap_err();
        insta::assert_snapshot!(domains("a"), @r#"SOCK_DOMAINS must be hosts and handles, which "a" is not; for example SOCK_DOMAINS=chat.a.com=a,chat.b.com=b"#);
        insta::assert_snapshot!(domains("=a"), @r#"SOCK_DOMAINS must be hosts and handles, which "=a" is not; for example SOCK_DOMAINS=chat.a.com=a,chat.b.com=b"#);
        insta::assert_snapshot!(domains("https://a.com=a"), @r#"SOCK_DOMAINS must be hosts and handles, which "https://a.com=a" is not; for example SOCK_DOMAINS=chat.a.com=a,chat.b.com=b"#);
        insta::assert_snapshot!(domains("a.com=b/c"), @r#"SOCK_DOMAINS gives a.com the handle "b/c", and a handle must be 1 to 32 of A-Z a-z 0-9 . _ -; for example SOCK_DOMAINS=chat.a.com=a,chat.b.com=b"#);
        insta::assert_snapshot!(domains("a.com=a,A.com.:443=b"), @"SOCK_DOMAINS gives a.com two handles; for example SOCK_DOMAINS=chat.a.com=a,chat.b.com=b");
    }

    #[test]
    fn a_host_is_one_in_all_its_spellings() {
        let list = "Chat.A.com.:443=a, [2001:DB8::1]=six, münchen.example=m,127.0.0.1:3005=four,";
        let sites = sites(&[("SOCK_DOMAINS", list), ("SOCK_DOMAIN_HANDLE", "other")]).unwrap();
        let hosts = [
            (
                "a",
                &[
                    "chat.a.com",
                    "chat.a.com.",
                    "CHAT.a.com:80",
                    "chat.a.com.:3005",
                    "chat.a.com:",
                ][..],
            ),
            ("six", &["[2001:db8::1]", "[2001:db8:0:0::1]:443", "[2001:DB8::1]:"]),
            ("m", &["xn--mnchen-3ya.example", "XN--mnchen-3ya.example.:1"]),
            ("four", &["127.0.0.1", "127.0.0.1:80"]),
            (
                "other",
                &[
                    "",
                    ".",
                    ":",
                    "[",
                    "[]",
                    "[::1",
                    "chat.a.com..",
                    "evil.chat.a.com",
                    "a.com",
                    "1.2.3.4.5",
                    "xn--",
                    "chat.a.com:x",
                    "chat.a.com@b",
                ],
            ),
        ];
        for (site, hosts) in hosts {
            for host in hosts {
                assert_eq!(sites.of_host(host).to_string(), site, "{host}");
            }
        }
    }

    #[test]
    fn a_site_is_found_by_its_handle() {
        let sites = sites(&[("SOCK_DOMAINS", "chat.a.com=a"), ("SOCK_DOMAIN_HANDLE", "other")]).unwrap();
        for handle in ["a", "other"] {
            assert_eq!(sites.named(handle).unwrap().to_string(), handle);
        }
        for handle in ["", "A", "chat.a.com", "myplatform", "other "] {
            assert!(sites.named(handle).is_none(), "{handle:?}");
        }
    }
}
