//! `cargo run -- --sam-env FILE`: lets functions that `sam local start-api` runs in Docker use this stack's Redis, platform and
//! `@connections`.
//!
//! What the stack starts listens on the loopback of this machine, which a container can't reach. So the stack starts a relay
//! for each such address. A relay listens on the address that this machine has in Docker's network, and nowhere else. The file
//! gives each function the relays in place of the addresses.

use std::{
    collections::BTreeMap,
    io,
    net::{IpAddr, Ipv4Addr, SocketAddr},
    path::{Path, PathBuf},
    process::Stdio,
};

use serde_json::json;
use tokio::{
    net::{TcpListener, TcpStream},
    process::Command,
    task::JoinSet,
};

use crate::lambda::FunctionSpec;

/// The host's name inside containers where Docker runs in a virtual machine. It leads to the host's loopback.
const DESKTOP_HOST: &str = "host.docker.internal";

/// Why containers can't use the stack.
#[derive(Debug, thiserror::Error)]
pub enum SamError {
    /// Docker does not answer.
    #[error("can't ask Docker for its network: is it installed, and does it run? ({said})")]
    Docker {
        /// What it said instead.
        said: String,
    },
    /// A relay can't listen.
    #[error("can't listen on {address} for containers")]
    Relay {
        /// Docker's address of this machine.
        address: IpAddr,
        /// What the system said.
        source: io::Error,
    },
    /// The file can't be written.
    #[error("can't write {path}")]
    File {
        /// The file.
        path: PathBuf,
        /// What the system said.
        source: io::Error,
    },
}

/// Relays from Docker's network to the loopback; dropping them ends them.
#[derive(Debug, Default)]
pub struct Relays {
    tasks: JoinSet<()>,
    /// The address for containers, by the port on the loopback.
    places: BTreeMap<u16, String>,
}

/// Starts the relays that `functions` need and writes the file for `--env-vars`.
///
/// # Errors
/// [`SamError`], when Docker isn't there, or its address or the file can't be used.
pub async fn start(functions: &BTreeMap<String, FunctionSpec>, file: &Path) -> Result<Relays, SamError> {
    let gateway = docker_gateway().await?;
    let mut relays = Relays::default();
    let mut environments = BTreeMap::new();
    for (id, function) in functions {
        let mut environment = BTreeMap::new();
        for (name, value) in &function.environment {
            environment.insert(name, relays.reachable(value, gateway).await?);
        }
        environments.insert(id, environment);
    }
    let text = format!("{:#}\n", json!(environments));
    write_private(file, &text).map_err(|source| SamError::File {
        path: file.to_owned(),
        source,
    })?;
    Ok(relays)
}

/// Writes a file that only its owner may read, because it holds the secret of the tokens.
fn write_private(file: &Path, text: &str) -> io::Result<()> {
    use std::{io::Write as _, os::unix::fs::OpenOptionsExt as _};
    if let Some(folder) = file.parent() {
        std::fs::create_dir_all(folder)?;
    }
    std::fs::OpenOptions::new()
        .write(true)
        .create(true)
        .truncate(true)
        .mode(0o600)
        .open(file)?
        .write_all(text.as_bytes())
}

impl Relays {
    /// A variable's value, in which the relay's address replaces an address on the loopback.
    async fn reachable(&mut self, value: &str, gateway: IpAddr) -> Result<String, SamError> {
        let Some((before, port, after)) = loopback(value) else {
            return Ok(value.to_owned());
        };
        if !self.places.contains_key(&port) {
            let place = self.relay(port, gateway).await?;
            self.places.insert(port, place);
        }
        let place = self.places.get(&port).map(String::as_str).unwrap_or_default();
        Ok(format!("{before}{place}{after}"))
    }

    /// Starts a relay to `port` of the loopback and returns its place.
    async fn relay(&mut self, port: u16, gateway: IpAddr) -> Result<String, SamError> {
        let listener = match TcpListener::bind(SocketAddr::new(gateway, 0)).await {
            Ok(listener) => listener,
            // Not this machine's address: Docker is in a virtual machine.
            Err(error) if error.kind() == io::ErrorKind::AddrNotAvailable => {
                return Ok(format!("{DESKTOP_HOST}:{port}"));
            }
            Err(source) => {
                return Err(SamError::Relay {
                    address: gateway,
                    source,
                });
            }
        };
        let place = listener.local_addr().map_err(|source| SamError::Relay {
            address: gateway,
            source,
        })?;
        self.tasks.spawn(async move {
            let mut connections = JoinSet::new();
            while let Ok((mut from, _)) = listener.accept().await {
                connections.spawn(async move {
                    // Either end may close or fail; the other then sees it.
                    if let Ok(mut to) = TcpStream::connect((Ipv4Addr::LOCALHOST, port)).await {
                        tokio::io::copy_bidirectional(&mut from, &mut to).await.ok();
                    }
                });
                while connections.try_join_next().is_some() {}
            }
        });
        Ok(place.to_string())
    }
}

/// The parts of a URL around an address on the loopback with a port.
fn loopback(value: &str) -> Option<(&str, u16, &str)> {
    let start = value.find("://")? + 3;
    let authority_end = value.get(start..)?.find('/').map_or(value.len(), |end| start + end);
    let authority = value.get(start..authority_end)?;
    let host_start = start + authority.rfind('@').map_or(0, |at| at + 1);
    let (host, port) = value.get(host_start..authority_end)?.rsplit_once(':')?;
    let is_loopback = host == "localhost" || host.parse::<IpAddr>().is_ok_and(|address| address.is_loopback());
    is_loopback.then_some(())?;
    Some((
        value.get(..host_start)?,
        port.parse().ok()?,
        value.get(authority_end..)?,
    ))
}

/// The address of this machine in the network in which Docker puts containers.
async fn docker_gateway() -> Result<IpAddr, SamError> {
    let format = "{{range .IPAM.Config}}{{println .Gateway .Subnet}}{{end}}";
    let output = Command::new("docker")
        .args(["network", "inspect", "bridge", "--format", format])
        .stdin(Stdio::null())
        .output()
        .await
        .map_err(|error| SamError::Docker {
            said: error.to_string(),
        })?;
    gateway(&String::from_utf8_lossy(&output.stdout)).ok_or_else(|| SamError::Docker {
        said: String::from_utf8_lossy(&output.stderr).trim().to_owned(),
    })
}

/// The gateway in Docker's answer, or else the first address of the subnet: before the first container some versions of Docker name
/// no gateway.
fn gateway(networks: &str) -> Option<IpAddr> {
    let mut words = networks.split_whitespace();
    words.find_map(|word| match word.split_once('/') {
        None => word.parse().ok().filter(IpAddr::is_ipv4),
        Some((network, _)) => {
            let network: Ipv4Addr = network.parse().ok()?;
            Some(Ipv4Addr::from_bits(network.to_bits().checked_add(1)?).into())
        }
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_addresses_on_the_loopback_are_replaced() {
        for (value, parts) in [
            ("redis://127.0.0.1:6379", Some(("redis://", 6379, ""))),
            ("rediss://u:p@localhost:6379/", Some(("rediss://u:p@", 6379, "/"))),
            ("valkeys://127.0.0.1:6379/1", Some(("valkeys://", 6379, "/1"))),
            ("http://127.0.0.1:3006/live", Some(("http://", 3006, "/live"))),
            ("http://10.0.0.1:3006/live", None),
            ("https://api.example.com", None),
            ("senna-sockets", None),
        ] {
            assert_eq!(loopback(value), parts, "{value}");
        }
    }

    #[test]
    fn dockers_gateway_is_found_in_what_it_says() {
        for (said, expected) in [
            ("172.17.0.1 172.17.0.0/16\n", Some([172, 17, 0, 1])),
            (" 172.18.0.0/16\n", Some([172, 18, 0, 1])),
            ("fd00::1 fd00::/64\n10.1.0.254 10.1.0.0/24\n", Some([10, 1, 0, 254])),
            ("\n", None),
        ] {
            assert_eq!(
                gateway(said),
                expected.map(|bytes| IpAddr::from(Ipv4Addr::from(bytes))),
                "{said}"
            );
        }
    }

    #[tokio::test]
    async fn a_relay_leads_to_the_loopback_and_is_shared() {
        use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
        let server = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let port = server.local_addr().unwrap().port();
        let mut relays = Relays::default();
        let loopback = IpAddr::V4(Ipv4Addr::LOCALHOST);
        let place = relays
            .reachable(&format!("redis://localhost:{port}"), loopback)
            .await
            .unwrap();
        let again = relays
            .reachable(&format!("redis://127.0.0.1:{port}"), loopback)
            .await
            .unwrap();
        assert_eq!(place, again);
        let mut client = TcpStream::connect(place.trim_start_matches("redis://")).await.unwrap();
        let (mut accepted, _) = server.accept().await.unwrap();
        client.write_all(b"x").await.unwrap();
        assert_eq!(accepted.read_u8().await.unwrap(), b'x');
        accepted.write_all(b"y").await.unwrap();
        assert_eq!(client.read_u8().await.unwrap(), b'y');
    }
}
