//! The ports on Redis, API Gateway, SQS, S3, HTTP and the system's clock; tokens, and the platform's keys.

pub mod api_gateway;
pub mod clock;
pub mod deployments;
pub mod directory;
pub mod jwt;
pub mod platform_key;
pub mod probe_token;
pub mod redis;
pub mod s3;
pub mod sqs;
pub mod webhook;

mod aws;
mod http_client;
mod resolver;
