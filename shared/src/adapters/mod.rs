//! The ports on Redis, API Gateway, HTTP and the system's clock; tokens, and the platform's keys.

pub mod api_gateway;
pub mod clock;
pub mod directory;
pub mod jwt;
pub mod platform_key;
pub mod redis;

mod http_client;
