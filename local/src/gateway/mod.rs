//! API Gateway: the HTTP API, the WebSocket API, and the `@connections` address through which functions push.
//!
//! What AWS documents or others have recorded is followed to the letter; where nothing is known, the stricter of the possible
//! behaviours is chosen, since code that works here must not fail there. Such places say so.

pub mod http;
pub mod limits;
pub mod websocket;

pub use http::HttpGateway;
pub use limits::Limits;
pub use websocket::{WebSocketGateway, WebSocketOptions};
