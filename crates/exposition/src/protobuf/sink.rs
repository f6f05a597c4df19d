//! Where messages are written to: a buffer, or the count of the bytes that they would take. A message is described
//! once for both, so that the length in front of it is right.

/// Something that is written as the fields of a message.
pub(super) trait Message {
    fn put(&self, out: &mut impl Sink);

    /// How many bytes the fields take.
    fn len(&self) -> usize {
        let mut length = Length(0);
        self.put(&mut length);
        length.0
    }
}

pub(super) trait Sink {
    fn varint(&mut self, value: u64);
    fn raw(&mut self, bytes: &[u8]);
    /// The content of a message that takes `length` bytes.
    fn content(&mut self, message: &impl Message, length: usize);

    fn number(&mut self, field: u32, value: u64) {
        self.varint(u64::from(field) << 3);
        self.varint(value);
    }

    /// A signed number that is mostly small, as `sint32` and `sint64` are written ("zigzag").
    fn signed(&mut self, field: u32, value: i64) {
        self.number(field, ((value << 1) ^ (value >> 63)).cast_unsigned());
    }

    fn float(&mut self, field: u32, value: f64) {
        self.varint(u64::from(field) << 3 | 1);
        self.raw(&value.to_bits().to_le_bytes());
    }

    fn bytes(&mut self, field: u32, bytes: &[u8]) {
        self.varint(u64::from(field) << 3 | 2);
        self.varint(bytes.len() as u64);
        self.raw(bytes);
    }

    fn message(&mut self, field: u32, message: &impl Message) {
        let length = message.len();
        self.varint(u64::from(field) << 3 | 2);
        self.varint(length as u64);
        self.content(message, length);
    }
}

impl Sink for Vec<u8> {
    fn varint(&mut self, mut value: u64) {
        while value >= 0x80 {
            self.push((value & 0x7f) as u8 | 0x80);
            value >>= 7;
        }
        self.push(value as u8);
    }

    fn raw(&mut self, bytes: &[u8]) {
        self.extend_from_slice(bytes);
    }

    fn content(&mut self, message: &impl Message, _: usize) {
        message.put(self);
    }
}

/// Bytes that were counted instead of written.
pub(super) struct Length(pub(super) usize);

impl Sink for Length {
    fn varint(&mut self, value: u64) {
        // 7 bits to a byte, and at least one byte.
        self.0 += (64 - (value | 1).leading_zeros() as usize).div_ceil(7);
    }

    fn raw(&mut self, bytes: &[u8]) {
        self.0 += bytes.len();
    }

    fn content(&mut self, _: &impl Message, length: usize) {
        self.0 += length;
    }
}
