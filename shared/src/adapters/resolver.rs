//! Names to addresses, IPv6 first.

use std::io;
use std::net::{IpAddr, SocketAddr};
use std::task::{Context, Poll};
use std::vec;

use futures_util::FutureExt as _;
use futures_util::future::BoxFuture;
use hyper_util::client::legacy::connect::dns::Name;
use tokio::net::lookup_host;
use tower_service::Service;

/// Asks the system, and puts the IPv6 addresses before the others.
///
/// In a VPC without a NAT gateway only IPv6 leads out, and a connection over IPv4 hangs: the HTTP client would lose 300 ms before it tries the
/// other family (RFC 8305, "Happy Eyeballs"). Where there is no IPv6, the kernel refuses it at once, and the client goes on with IPv4.
#[derive(Debug, Clone, Copy)]
pub(super) struct Ipv6First;

async fn addresses(name: &str) -> io::Result<Vec<IpAddr>> {
    let found = lookup_host((name, 0)).await?;
    Ok(ipv6_first(found.map(|address| address.ip()).collect()))
}

/// Keeps the system's order within each family (RFC 6724).
fn ipv6_first(mut addresses: Vec<IpAddr>) -> Vec<IpAddr> {
    addresses.sort_by_key(IpAddr::is_ipv4);
    addresses
}

impl Service<Name> for Ipv6First {
    type Response = vec::IntoIter<SocketAddr>;
    type Error = io::Error;
    type Future = BoxFuture<'static, io::Result<Self::Response>>;

    fn poll_ready(&mut self, _: &mut Context<'_>) -> Poll<io::Result<()>> {
        Poll::Ready(Ok(()))
    }

    fn call(&mut self, name: Name) -> Self::Future {
        async move {
            let found = addresses(name.as_str()).await?;
            // The client puts in the port.
            let found = found.into_iter().map(|address| SocketAddr::new(address, 0));
            Ok(found.collect::<Vec<_>>().into_iter())
        }
        .boxed()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ipv6_comes_first_and_each_family_keeps_its_order() {
        let addresses = |texts: [&str; 5]| texts.map(|text| text.parse().unwrap()).to_vec();
        let found = ipv6_first(addresses(["10.0.0.2", "fd00::2", "10.0.0.1", "fd00::1", "10.0.0.3"]));
        assert_eq!(
            found,
            addresses(["fd00::2", "fd00::1", "10.0.0.2", "10.0.0.1", "10.0.0.3"])
        );
    }

    #[tokio::test]
    async fn a_name_that_does_not_exist_is_an_error() {
        assert!(addresses("no-such-name.invalid").await.is_err());
    }
}
