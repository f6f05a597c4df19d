//! Text in quotes, as Go's `%q` shows it: error messages are those of the reference implementation to the byte.

use std::fmt::Write;

/// `text` in double quotes; bytes that are not UTF-8 are shown as `\xff`.
pub(crate) fn quoted(text: impl AsRef<[u8]>) -> String {
    let mut out = String::from("\"");
    for chunk in text.as_ref().utf8_chunks() {
        for c in chunk.valid().chars() {
            push(&mut out, c, '"');
        }
        for byte in chunk.invalid() {
            let _ = write!(out, "\\x{byte:02x}");
        }
    }
    out.push('"');
    out
}

/// A byte in single quotes, taken for the character of that number.
pub(crate) fn quoted_byte(byte: u8) -> String {
    let mut out = String::from("'");
    push(&mut out, char::from(byte), '\'');
    out.push('\'');
    out
}

fn push(out: &mut String, c: char, quote: char) {
    // Writing into a String cannot fail.
    let _ = match c {
        '\\' => out.write_str("\\\\"),
        '\n' => out.write_str("\\n"),
        '\r' => out.write_str("\\r"),
        '\t' => out.write_str("\\t"),
        '\x07' => out.write_str("\\a"),
        '\x08' => out.write_str("\\b"),
        '\x0b' => out.write_str("\\v"),
        '\x0c' => out.write_str("\\f"),
        c if c == quote => write!(out, "\\{c}"),
        c if c < ' ' || c == '\x7f' => write!(out, "\\x{:02x}", u32::from(c)),
        // Rust and Go know the printable characters of about the same version of Unicode.
        c if c.is_ascii() || c.escape_debug().count() == 1 => out.write_char(c),
        c if u32::from(c) < 0x1_0000 => write!(out, "\\u{:04x}", u32::from(c)),
        c => write!(out, "\\U{:08x}", u32::from(c)),
    };
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn text_is_quoted_as_in_go() {
        for (text, expected) in [
            (&b"a'b \"c\"\\"[..], r#""a'b \"c\"\\""#),
            (b"\x00\x07\x08\t\n\x0b\x0c\r\x1b\x7f", r#""\x00\a\b\t\n\v\f\r\x1b\x7f""#),
            (b"gr\xc3\xb6\xc3\x9fe\xff\xc2\x80", r#""größe\xff\u0080""#),
            ("\u{e000}\u{10ffff}".as_bytes(), r#""\ue000\U0010ffff""#),
        ] {
            assert_eq!(quoted(text), expected);
        }
        assert_eq!(
            (quoted_byte(b'\''), quoted_byte(b'"'), quoted_byte(0xff)),
            (r"'\''".into(), "'\"'".into(), "'ÿ'".into())
        );
    }
}
