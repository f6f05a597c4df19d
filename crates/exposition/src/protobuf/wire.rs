//! The wire format of protobuf: numbers, fields and lengths. No length is believed: what it announces is cut out of the
//! bytes that are there.
//!
//! Format: <https://protobuf.dev/programming-guides/encoding/>.

use super::ProtobufError;

/// Groups inside of each other in a field that is skipped; nobody nests them at all.
const DEEPEST_GROUP: usize = 100;
const LARGEST_FIELD: u64 = (1 << 29) - 1;

/// The content of one field.
#[derive(Clone, Copy)]
pub(super) enum Content<'a> {
    Number(u64),
    Bits(u64),
    Bytes(&'a [u8]),
    /// 32 bits or a group, which no field of ours is.
    Other,
}

impl<'a> Content<'a> {
    pub(super) fn number(self) -> Option<u64> {
        if let Content::Number(number) = self { Some(number) } else { None }
    }

    pub(super) fn bytes(self) -> Option<&'a [u8]> {
        if let Content::Bytes(bytes) = self { Some(bytes) } else { None }
    }
}

/// The fields of one message, in the order of their bytes. It ends behind the first error.
pub(super) struct Fields<'a> {
    rest: &'a [u8],
}

pub(super) fn fields(message: &[u8]) -> Fields<'_> {
    Fields { rest: message }
}

impl<'a> Iterator for Fields<'a> {
    type Item = Result<(u32, Content<'a>), ProtobufError>;

    fn next(&mut self) -> Option<Self::Item> {
        if self.rest.is_empty() {
            return None;
        }
        let field = field(&mut self.rest).ok_or(ProtobufError::Malformed);
        if field.is_err() {
            self.rest = &[];
        }
        Some(field)
    }
}

fn field<'a>(rest: &mut &'a [u8]) -> Option<(u32, Content<'a>)> {
    let (number, wire_type) = key(rest)?;
    let content = match wire_type {
        3 => {
            skip_group(rest, number)?;
            Content::Other
        }
        _ => content(rest, wire_type)?,
    };
    Some((number, content))
}

fn key(rest: &mut &[u8]) -> Option<(u32, u8)> {
    let key = varint(rest).ok()?;
    let number = key >> 3;
    if !(1..=LARGEST_FIELD).contains(&number) {
        return None;
    }
    Some((u32::try_from(number).ok()?, (key & 7) as u8))
}

/// The content of a field that is no group.
fn content<'a>(rest: &mut &'a [u8], wire_type: u8) -> Option<Content<'a>> {
    match wire_type {
        0 => varint(rest).ok().map(Content::Number),
        1 => {
            let (bits, tail) = rest.split_first_chunk()?;
            *rest = tail;
            Some(Content::Bits(u64::from_le_bytes(*bits)))
        }
        2 => {
            let length = varint(rest).ok()?;
            take(rest, length).map(Content::Bytes)
        }
        5 => take(rest, 4).map(|_| Content::Other),
        _ => None,
    }
}

/// Skips up to the end of the group whose start was read.
fn skip_group(rest: &mut &[u8], number: u32) -> Option<()> {
    let mut open = vec![number];
    while let Some(innermost) = open.last() {
        match key(rest)? {
            (number, 3) if open.len() < DEEPEST_GROUP => open.push(number),
            (number, 4) if number == *innermost => {
                open.pop();
            }
            (_, wire_type) => {
                content(rest, wire_type)?;
            }
        }
    }
    Some(())
}

/// The next `length` bytes, when there are as many.
pub(super) fn take<'a>(rest: &mut &'a [u8], length: u64) -> Option<&'a [u8]> {
    let (taken, tail) = rest.split_at_checked(usize::try_from(length).ok()?)?;
    *rest = tail;
    Some(taken)
}

/// A number of up to 64 bits, 7 to a byte.
pub(super) fn varint(rest: &mut &[u8]) -> Result<u64, ProtobufError> {
    let mut value = 0;
    for shift in (0..64).step_by(7) {
        let (byte, tail) = rest.split_first().ok_or(ProtobufError::UnexpectedEof)?;
        *rest = tail;
        value |= u64::from(byte & 0x7f) << shift;
        if *byte < 0x80 {
            // The tenth byte has room for the last bit only.
            return if shift == 63 && *byte > 1 { Err(ProtobufError::Overflow) } else { Ok(value) };
        }
    }
    Err(ProtobufError::Overflow)
}

/// A repeated number: one, or many in one field (packed). Anything that is neither is left out, as unknown fields are.
pub(super) fn each_number(
    content: Content<'_>,
    mut take: impl FnMut(u64) -> Result<(), ProtobufError>,
) -> Result<(), ProtobufError> {
    match content {
        Content::Number(number) => take(number)?,
        Content::Bytes(mut packed) => {
            while !packed.is_empty() {
                take(varint(&mut packed).map_err(|_| ProtobufError::Malformed)?)?;
            }
        }
        Content::Bits(_) | Content::Other => {}
    }
    Ok(())
}

/// A repeated floating point number, as [`each_number`].
pub(super) fn each_float(
    content: Content<'_>,
    mut take: impl FnMut(f64) -> Result<(), ProtobufError>,
) -> Result<(), ProtobufError> {
    match content {
        Content::Bits(bits) => take(f64::from_bits(bits))?,
        Content::Bytes(packed) => {
            let (floats, rest) = packed.as_chunks();
            if !rest.is_empty() {
                return Err(ProtobufError::Malformed);
            }
            for float in floats {
                take(f64::from_le_bytes(*float))?;
            }
        }
        Content::Number(_) | Content::Other => {}
    }
    Ok(())
}

/// A signed number that is written so that small ones are short ("zigzag").
pub(super) fn signed(number: u64) -> i64 {
    (number >> 1).cast_signed() ^ -((number & 1).cast_signed())
}
