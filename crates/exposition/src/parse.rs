//! Text → families, errors with the line.
//!
//! The dialect is the one of the reference implementation (Go's `expfmt`), which the gateway has to share: every
//! line needs its LF, names may be quoted, a name inside the braces is taken, and histograms and summaries are
//! gathered into one sample per label set without anything being required or sorted.

mod assemble;
mod cursor;
mod line;

use crate::family::Family;
use crate::names::Names;
use assemble::Assembly;

/// What is wrong with a text, and where. Its `Display` is what a push gateway answers.
#[derive(Clone, Debug, Eq, PartialEq, thiserror::Error)]
#[error("text format parsing error in line {line}: {reason}")]
pub struct ParseError {
    /// The line, counted from 1.
    pub line: usize,
    /// What is wrong, in the words of the reference implementation where it has some.
    pub reason: String,
}

/// The families of a text, in the order of their first line. Families without samples are left out; a family
/// without `# TYPE` is untyped.
///
/// Help texts that are not UTF-8 come with `U+FFFD` in the places in question.
///
/// # Errors
///
/// The first [`ParseError`]; nothing of the text is returned then.
pub fn parse(text: impl AsRef<[u8]>) -> Result<Vec<Family>, ParseError> {
    parse_with(text, Names::Legacy)
}

/// As [`parse()`], with a choice of the names that may stand in quotes.
///
/// # Errors
///
/// As [`parse()`].
pub fn parse_with(text: impl AsRef<[u8]>, names: Names) -> Result<Vec<Family>, ParseError> {
    let mut assembly = Assembly::default();
    let mut rest = text.as_ref();
    let mut number = 0;
    while !rest.is_empty() {
        number += 1;
        let (content, complete) = match rest.iter().position(|byte| *byte == b'\n') {
            Some(end) => {
                let (content, tail) = rest.split_at(end);
                rest = tail.strip_prefix(b"\n").unwrap_or_default();
                (content, true)
            }
            None => (std::mem::take(&mut rest), false),
        };
        line::read(content, complete, names, &mut assembly)
            .map_err(|reason| ParseError { line: number, reason })?;
    }
    Ok(assembly.finish())
}
