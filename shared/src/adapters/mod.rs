//! The ports on Redis, API Gateway, SQS, HTTP and the system's clock; tokens, and the platform's keys.

pub mod api_gateway;
pub mod clock;
pub mod directory;
pub mod jwt;
pub mod platform_key;
pub mod redis;
pub mod sqs;
pub mod webhook;

mod aws;
mod http_client;
