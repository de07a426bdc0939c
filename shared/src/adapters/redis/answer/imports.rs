//! What the scripts answer that take over conversations from the server before ours.

use redis::Value;

use super::super::import::{Import, Imported};
use super::{Reader, corrupt, list, next, projection, read, record};
use crate::domain::MessageId;
use crate::ports::Unavailable;

/// What `conversation_import.lua` answers.
pub(in crate::adapters::redis) fn import(answer: Value) -> Result<Import, Unavailable> {
    let mut items = list(answer)?;
    let head: Vec<u8> = next(&mut items)?;
    match head.as_slice() {
        b"in_use" => return Ok(Import::InUse),
        b"empty" => return Ok(Import::Empty),
        b"full" => return Ok(Import::Full),
        _ => {}
    }
    let (_, newest): (Vec<u8>, Vec<u8>) = (next(&mut items)?, next(&mut items)?);
    let mut head = Reader(&head);
    let flags = head.byte()?;
    // No change stands in it.
    head.take(7 + 7 + 5 + 11)?;
    Ok(Import::Done(projection(flags, head, newest)?))
}

/// What `imported_read.lua` answers of messages from that position on.
pub(in crate::adapters::redis) fn imported(first: u64, answer: Value) -> Result<Imported, Unavailable> {
    let mut items = list(answer)?;
    let (taken, in_use): (u64, u64) = (next(&mut items)?, next(&mut items)?);
    let mut messages = Vec::new();
    while let Some(packed) = items.next() {
        let seq = first + messages.len() as u64;
        let packed: Vec<u8> = read(packed)?;
        let stored = (!packed.is_empty()).then(|| record::unpack(seq, &packed));
        messages.push((stored.transpose()?, old_message(items.next().unwrap_or(Value::Nil))?));
    }
    Ok(Imported {
        taken,
        in_use: in_use == 1,
        messages,
    })
}

/// What an old id stands for: position and identity.
pub(in crate::adapters::redis) fn old_message(answer: Value) -> Result<Option<MessageId>, Unavailable> {
    let Some(packed) = read::<Option<Vec<u8>>>(answer)?.filter(|packed| !packed.is_empty()) else {
        return Ok(None);
    };
    let mut packed = Reader(&packed);
    let seq = packed.number::<5>()?;
    if seq == 0 {
        return Err(corrupt("an old id without a position"));
    }
    Ok(Some(record::read_identity(&mut packed, seq)?))
}
