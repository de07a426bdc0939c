//! The ports on Redis, API Gateway, HTTP and the system's clock; and tokens.

pub mod api_gateway;
pub mod clock;
pub mod directory;
pub mod jwt;
pub mod redis;

mod http_client;
