//! API Gateway: the HTTP API, the WebSocket API, and the `@connections` address through which functions push.
//!
//! It does what AWS documents, or what others have recorded of AWS. Where nothing is known, it does the strictest thing that
//! AWS may do: code that works here must not fail on AWS. The comments say where this is the case.

pub mod http;
pub mod limits;
pub mod websocket;

pub use http::HttpGateway;
pub use limits::Limits;
pub use websocket::{WebSocketGateway, WebSocketOptions};
