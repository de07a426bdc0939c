//! The frames that the gateway itself sends to a client.

use serde_json::{Value, json};
use tokio_tungstenite::tungstenite::{
    Message,
    protocol::frame::{
        Frame,
        coding::{Data, OpCode},
    },
};

/// What went wrong with a message.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Problem {
    /// No route has its key and there is no `$default`.
    Forbidden,
    /// The function failed.
    InternalServerError,
    /// The function took longer than the integration may.
    TimedOut,
}

/// The text of an error frame, with spaces as in recorded frames.
pub(super) fn problem(problem: Problem, connection_id: &str, request_id: &str) -> String {
    let message = match problem {
        Problem::Forbidden => "Forbidden",
        Problem::InternalServerError => "Internal server error",
        Problem::TimedOut => "Endpoint request timed out",
    };
    let [message, connection_id, request_id]: [Value; 3] = [json!(message), json!(connection_id), json!(request_id)];
    format!(r#"{{"message": {message}, "connectionId":{connection_id}, "requestId":{request_id}}}"#)
}

/// A message as frames of at most `limit` bytes: API Gateway splits a larger one.
pub(super) fn split(text: String, limit: usize) -> Vec<Message> {
    if text.len() <= limit {
        return vec![Message::text(text)];
    }
    let chunks: Vec<Vec<u8>> = text.into_bytes().chunks(limit).map(<[u8]>::to_vec).collect();
    let last = chunks.len().saturating_sub(1);
    let frames = chunks.into_iter().enumerate().map(|(position, chunk)| {
        let kind = if position == 0 { Data::Text } else { Data::Continue };
        Message::Frame(Frame::message(chunk, OpCode::Data(kind), position == last))
    });
    frames.collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_error_frame_is_spelled_as_recorded() {
        insta::assert_snapshot!(problem(Problem::Forbidden, "XDmENcnwIE0CFEQ=", "XDmGEE2RoE0FRdQ="), @r#"{"message": "Forbidden", "connectionId":"XDmENcnwIE0CFEQ=", "requestId":"XDmGEE2RoE0FRdQ="}"#);
    }

    #[test]
    fn a_long_message_is_split_into_frames() {
        let frames = split("x".repeat(70), 32);
        let shapes: Vec<_> = frames
            .iter()
            .map(|frame| match frame {
                Message::Frame(frame) => (frame.header().opcode, frame.header().is_final, frame.payload().len()),
                other => panic!("{other:?}"),
            })
            .collect();
        let (text, more) = (OpCode::Data(Data::Text), OpCode::Data(Data::Continue));
        assert_eq!(shapes, [(text, false, 32), (more, false, 32), (more, true, 6)]);
        assert_eq!(split("x".repeat(32), 32), [Message::text("x".repeat(32))]);
    }
}
