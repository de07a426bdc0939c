//! API Gateway: the HTTP API, the WebSocket API, and the `@connections` address through which functions push.
//!
//! What AWS documents or others have recorded is followed to the letter; where nothing is known, the stricter of the possible
//! behaviours is chosen, since code that works here must not fail there. Such places say so.

pub mod connections_api;
pub mod http_api;
mod http_cors;
pub mod http_event;
pub mod http_response;
pub mod http_routes;
pub mod limits;
pub mod signature;
pub mod websocket;

pub use http_api::HttpGateway;
pub use limits::Limits;
pub use websocket::{WebSocketGateway, WebSocketOptions};

use crate::template::intrinsics::ACCOUNT;

/// `requestContext.accountId`.
pub(crate) const ACCOUNT_ID: &str = ACCOUNT;
