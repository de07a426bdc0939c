//! Numbers and texts in packed values. Numbers are unsigned, most significant byte first, as in Lua's `struct` with `>`.

use thiserror::Error;

use crate::domain::Id;

/// Bytes that cannot be read.
#[derive(Debug, Error, PartialEq, Eq)]
#[error("a stored value cannot be read: {0}")]
pub(crate) struct Corrupt(pub(super) &'static str);

/// The lowest `N` bytes of a number.
pub(crate) fn number_bytes<const N: usize>(number: u64) -> [u8; N] {
    let mut bytes = [0; N];
    for (byte, from) in bytes.iter_mut().rev().zip(number.to_le_bytes()) {
        *byte = from;
    }
    bytes
}

/// Appends a section: tag, length, value. No value is longer than 64 KiB: the domain bounds them all.
pub(super) fn push_section(packed: &mut Vec<u8>, tag: u8, value: &[u8]) {
    packed.push(tag);
    packed.extend(number_bytes::<2>(value.len() as u64));
    packed.extend(value);
}

/// Appends an id after its length, which the domain bounds by 64 bytes.
pub(super) fn push_id(packed: &mut Vec<u8>, id: &Id) {
    let id = id.to_string();
    packed.extend(number_bytes::<1>(id.len() as u64));
    packed.extend(id.as_bytes());
}

/// Reads packed values from the front.
pub(super) struct Reader<'a>(pub(super) &'a [u8]);

impl<'a> Reader<'a> {
    pub(super) fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    pub(super) fn take(&mut self, length: usize) -> Result<&'a [u8], Corrupt> {
        let (taken, rest) = self.0.split_at_checked(length).ok_or(Corrupt("too short"))?;
        self.0 = rest;
        Ok(taken)
    }

    pub(super) fn number<const N: usize>(&mut self) -> Result<u64, Corrupt> {
        let bytes = self.take(N)?.iter();
        Ok(bytes.fold(0, |number, byte| number << 8 | u64::from(*byte)))
    }

    pub(super) fn byte(&mut self) -> Result<u8, Corrupt> {
        self.take(1)?.first().copied().ok_or(Corrupt("too short"))
    }

    pub(super) fn flag(&mut self) -> Result<bool, Corrupt> {
        Ok(self.byte()? != 0)
    }

    /// An id after its length.
    pub(super) fn id(&mut self) -> Result<Id, Corrupt> {
        let length = self.byte()?.into();
        Id::stored(text(self.take(length)?)?).map_err(|_| Corrupt("id"))
    }

    /// A section: tag and value.
    pub(super) fn section(&mut self) -> Result<(u8, &'a [u8]), Corrupt> {
        let tag = self.byte()?;
        let length = usize::try_from(self.number::<2>()?).map_err(|_| Corrupt("length"))?;
        Ok((tag, self.take(length)?))
    }
}

/// A packed text.
pub(super) fn text(bytes: &[u8]) -> Result<&str, Corrupt> {
    std::str::from_utf8(bytes).map_err(|_| Corrupt("not UTF-8"))
}

#[cfg(test)]
pub(super) mod tests {
    /// The bytes that these hexadecimal digits stand for.
    pub(crate) fn from_hex(hex: &str) -> Vec<u8> {
        let digits: Vec<u8> = hex
            .chars()
            .filter(|digit| !digit.is_whitespace())
            .map(|digit| u8::try_from(digit.to_digit(16).unwrap()).unwrap())
            .collect();
        digits.chunks(2).map(|pair| pair[0] << 4 | pair[1]).collect()
    }
}
