//! What a client sees of the end of its connection: the code of the gateway's close frame.
//!
//! The ends that are the gateway's own stand with their limits and with `@connections`.

use anyhow::{Context as _, Result, ensure};
use serde_json::json;
use tokio_tungstenite::tungstenite::{
    Message,
    protocol::frame::{
        Frame, FrameHeader,
        coding::{Control, Data, OpCode},
    },
};

use crate::{
    bench::{Connected, PLAIN, frame, mark},
    requirement::{Requirement, requirement},
};

/// An endpoint that receives a close frame answers with one, with the code that it received.
const ANSWER: &str = "RFC 6455, section 5.5.1";
/// Which codes an endpoint may send.
const CODES: &str = "RFC 6455, sections 7.4.1 and 7.4.2";
/// What breaks the protocol fails the connection with 1002.
const PROTOCOL: &str = "RFC 6455, sections 5.1, 5.2, 5.5 and 7.4.1";

/// How many messages of one client are in work at a time.
const IN_WORK: usize = 64;

pub(crate) fn requirements() -> Vec<Requirement> {
    vec![
        requirement("ws.close.is_answered_with_its_code", ANSWER, is_answered_with_its_code),
        requirement(
            "ws.close.is_answered_without_a_code",
            ANSWER,
            is_answered_without_a_code,
        ),
        requirement("ws.close.is_answered_at_work", ANSWER, is_answered_at_work),
        requirement("ws.close.forbidden_code_is_1002", CODES, forbidden_code_is_1002),
        requirement("ws.close.broken_protocol_is_1002", PROTOCOL, broken_protocol_is_1002),
        requirement(
            "ws.close.broken_text_is_1007",
            "RFC 6455, section 8.1",
            broken_text_is_1007,
        ),
    ]
}

async fn is_answered_with_its_code() -> Result<()> {
    for (code, reason) in [
        (1000, ""),
        (1000, "bye"),
        (1001, ""),
        (1011, "broken"),
        (3000, ""),
        (4999, "own"),
    ] {
        let client = PLAIN.bench()?.connect().await?.client;
        let answer = client.close(Some((code, reason))).await?;
        ensure!(
            answer.as_ref().is_some_and(|(answer, _)| *answer == code),
            "{code}: {answer:?}"
        );
    }
    Ok(())
}

async fn is_answered_without_a_code() -> Result<()> {
    let client = PLAIN.bench()?.connect().await?.client;
    let answer = client.close(None).await?;
    ensure!(answer == Some((1005, String::new())), "{answer:?}");
    Ok(())
}

/// As many messages are in work as the gateway lets a client have in work, and a push is on its way.
async fn is_answered_at_work() -> Result<()> {
    let bench = PLAIN.bench()?;
    let Connected { mut client, id, .. } = bench.connect().await?;
    let gate = mark();
    for _ in 0..IN_WORK {
        client.send(frame("twoway", &json!([{"gate": gate}]))).await?;
    }
    bench.message(&gate).await?;
    bench.connections(http::Method::POST, &id, "x").await?;
    let answer = client.close(Some((1000, ""))).await?;
    bench.recorder.open(&gate);
    ensure!(answer == Some((1000, String::new())), "{answer:?}");
    Ok(())
}

async fn forbidden_code_is_1002() -> Result<()> {
    for code in [0, 999, 1004, 1005, 1006, 1015, 1016, 2999, 5000] {
        let Connected { client, id, .. } = PLAIN.bench()?.connect().await?;
        let answer = client.close(Some((code, ""))).await?;
        ensure!(
            answer.as_ref().is_some_and(|(answer, _)| *answer == 1002),
            "{code}: {answer:?}"
        );
        let told = PLAIN.bench()?.disconnected(&id).await?["requestContext"]["disconnectStatusCode"].take();
        ensure!(told == 1002, "{code}: $disconnect is told {told}");
    }
    Ok(())
}

/// The code with which the gateway closes after this frame.
async fn code_after(frame: Frame) -> Result<u16> {
    let mut client = PLAIN.bench()?.connect().await?.client;
    client.send_message(Message::Frame(frame)).await?;
    client.close_code().await
}

async fn broken_protocol_is_1002() -> Result<()> {
    let frame = |opcode, is_final, payload: &str| {
        let header = FrameHeader {
            opcode,
            is_final,
            ..FrameHeader::default()
        };
        Frame::from_payload(header, payload.to_owned().into())
    };
    let (ping, close) = (OpCode::Control(Control::Ping), OpCode::Control(Control::Close));
    for (what, frame) in [
        ("the rest of no message", frame(OpCode::Data(Data::Continue), true, "x")),
        (
            "a reserved data opcode",
            frame(OpCode::Data(Data::Reserved(5)), true, "x"),
        ),
        (
            "a reserved control opcode",
            frame(OpCode::Control(Control::Reserved(11)), true, "x"),
        ),
        ("a reserved bit", {
            let mut frame = frame(OpCode::Data(Data::Text), true, "x");
            frame.header_mut().rsv1 = true;
            frame
        }),
        ("half a code", frame(close, true, "x")),
        ("a ping of 126 bytes", frame(ping, true, &"x".repeat(126))),
        ("a ping in parts", frame(ping, false, "x")),
    ] {
        let code = code_after(frame).await.with_context(|| what.to_owned())?;
        ensure!(code == 1002, "{what} is {code}");
    }
    Ok(())
}

async fn broken_text_is_1007() -> Result<()> {
    let code = code_after(Frame::message(vec![0xff, 0xfe], OpCode::Data(Data::Text), true)).await?;
    ensure!(code == 1007, "{code}");
    Ok(())
}
