//! The tokens of one line, read from left to right.

use super::line::END;
use crate::quote::quoted;

pub(super) struct Cursor<'a> {
    pub(super) rest: &'a [u8],
    /// Whether the line has its LF.
    pub(super) complete: bool,
}

impl<'a> Cursor<'a> {
    pub(super) fn next(&mut self) -> Option<u8> {
        let (first, rest) = self.rest.split_first()?;
        self.rest = rest;
        Some(*first)
    }

    pub(super) fn eat(&mut self, byte: u8) -> bool {
        let eaten = self.rest.first() == Some(&byte);
        if eaten {
            self.next();
        }
        eaten
    }

    /// Skips blanks and says whether there were any.
    pub(super) fn skip_blanks(&mut self) -> bool {
        let before = self.rest.len();
        while matches!(self.rest.first(), Some(b' ' | b'\t')) {
            self.next();
        }
        self.rest.len() != before
    }

    /// Everything up to the next blank or the end of the line. A text that ends inside a token is cut.
    pub(super) fn token(&mut self) -> Result<&'a [u8], String> {
        let end = self.rest.iter().position(|byte| matches!(byte, b' ' | b'\t'));
        if end.is_none() && !self.complete {
            return Err(END.to_owned());
        }
        let (token, rest) = self.rest.split_at(end.unwrap_or(self.rest.len()));
        self.rest = rest;
        Ok(token)
    }

    /// A name (`what` for messages), of letters, digits, `_` and with `colons` `:`, or anything in double quotes; these
    /// may also open in the middle. Empty when nothing that starts a name is there.
    pub(super) fn name(&mut self, what: &str, colons: bool) -> Result<Vec<u8>, String> {
        let is_part = |at: usize, byte: u8| {
            byte.is_ascii_alphabetic()
                || byte == b'_'
                || (byte == b':' && colons)
                || (byte.is_ascii_digit() && at > 0)
        };
        let plain = self.until(|at, byte| !is_part(at, byte));
        let mut name = plain.to_vec();
        match self.rest.first() {
            Some(b'"') => {
                self.next();
                self.quoted(what, &mut name)?;
                // Something has to follow before the name is looked at.
                if self.is_cut() { Err(END.to_owned()) } else { Ok(name) }
            }
            None if self.is_cut() => Err(END.to_owned()),
            _ => Ok(name),
        }
    }

    /// Everything before the first byte that, with its place, is an `end`; to the end of the line when there is none.
    pub(super) fn until(&mut self, end: impl Fn(usize, u8) -> bool) -> &'a [u8] {
        let end = self.rest.iter().enumerate().position(|(at, byte)| end(at, *byte));
        let (before, rest) = self.rest.split_at(end.unwrap_or(self.rest.len()));
        self.rest = rest;
        before
    }

    /// Appends what follows an opening quote to `text`, and reads the closing one.
    pub(super) fn quoted(&mut self, what: &str, text: &mut Vec<u8>) -> Result<(), String> {
        loop {
            text.extend_from_slice(self.until(|_, byte| matches!(byte, b'"' | b'\\')));
            match self.next() {
                Some(b'"') => return Ok(()),
                Some(_) => text.push(self.escaped()?),
                None => {
                    return Err(
                        self.fault(|| format!("{what} {} contains unescaped new-line", quoted(&*text)))
                    );
                }
            }
        }
    }

    /// What follows a backslash.
    pub(super) fn escaped(&mut self) -> Result<u8, String> {
        match self.next() {
            Some(b'n') => Ok(b'\n'),
            Some(byte @ (b'\\' | b'"')) => Ok(byte),
            Some(byte) => Err(format!("invalid escape sequence '\\{}'", char::from(byte))),
            None => Err(self.fault(|| "invalid escape sequence '\\\n'".to_owned())),
        }
    }

    /// `reason`, unless the true reason is that the text ends here.
    pub(super) fn fault(&self, reason: impl FnOnce() -> String) -> String {
        if self.is_cut() { END.to_owned() } else { reason() }
    }

    /// Whether the text ends here, inside of a line.
    pub(super) fn is_cut(&self) -> bool {
        self.rest.is_empty() && !self.complete
    }

    /// The next byte; behind the last of a line, its LF.
    pub(super) fn peek(&self) -> u8 {
        self.rest.first().copied().unwrap_or(b'\n')
    }
}
