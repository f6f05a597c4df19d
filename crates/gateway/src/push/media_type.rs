//! The header `Content-Type`, read as Go's `mime.ParseMediaType` reads it: what it takes decides which parser a body
//! goes to, and it takes more than the standard does (blanks around `=`, backslashes in front of letters).
//!
//! Parameters in pieces or with a character set (RFC 2231) are not put together: nobody sends them.

/// A media type and its parameters.
#[derive(Debug, Eq, PartialEq)]
pub(super) struct MediaType {
    /// `type/subtype`, in small letters.
    pub(super) name: String,
    /// Names in small letters, values unquoted.
    parameters: Vec<(String, String)>,
}

impl MediaType {
    /// `None` when it is none.
    pub(super) fn parse(header: &str) -> Option<Self> {
        let (name, mut rest) = header.split_at(header.find(';').unwrap_or(header.len()));
        let name = name.trim().to_ascii_lowercase();
        let is_name = match name.split_once('/') {
            Some((kind, subtype)) => is_token(kind) && is_token(subtype),
            None => is_token(&name),
        };
        let mut parameters: Vec<(String, String)> = Vec::new();
        while !rest.trim_start().is_empty() {
            let Some((name, value, behind)) = parameter(rest) else {
                // One semicolon may stand at the end.
                if rest.trim() == ";" {
                    break;
                }
                return None;
            };
            match parameters.iter().find(|(known, _)| *known == name) {
                Some((_, known)) if *known != value => return None,
                Some(_) => {}
                None => parameters.push((name, value)),
            }
            rest = behind;
        }
        is_name.then_some(Self { name, parameters })
    }

    pub(super) fn parameter(&self, name: &str) -> Option<&str> {
        self.parameters.iter().find(|(known, _)| known == name).map(|(_, value)| value.as_str())
    }
}

/// The next `; name = value`, and what is behind it.
fn parameter(rest: &str) -> Option<(String, String, &str)> {
    let rest = rest.trim_start().strip_prefix(';')?.trim_start();
    let (name, rest) = token(rest)?;
    let rest = rest.trim_start().strip_prefix('=')?.trim_start();
    let (value, rest) = match rest.strip_prefix('"') {
        Some(rest) => quoted(rest)?,
        None => token(rest).map(|(value, rest)| (value.to_owned(), rest))?,
    };
    Some((name.to_ascii_lowercase(), value, rest))
}

fn token(text: &str) -> Option<(&str, &str)> {
    let end = text.find(|c| !is_token_char(c)).unwrap_or(text.len());
    text.split_at_checked(end).filter(|(token, _)| !token.is_empty())
}

/// What stands behind the opening quote, up to the closing one. A backslash escapes only what a token cannot have.
fn quoted(text: &str) -> Option<(String, &str)> {
    let mut value = String::new();
    let mut chars = text.chars();
    while let Some(c) = chars.next() {
        match c {
            '"' => return Some((value, chars.as_str())),
            '\\' => match chars.clone().next() {
                Some(escaped) if is_special(escaped) => {
                    value.push(escaped);
                    chars.next();
                }
                _ => value.push(c),
            },
            '\r' | '\n' => return None,
            c => value.push(c),
        }
    }
    None
}

fn is_token(text: &str) -> bool {
    !text.is_empty() && text.chars().all(is_token_char)
}

fn is_token_char(c: char) -> bool {
    c.is_ascii_graphic() && !is_special(c)
}

fn is_special(c: char) -> bool {
    "()<>@,;:\\\"/[]?=".contains(c)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn parsed(header: &str) -> Option<(String, Vec<(String, String)>)> {
        MediaType::parse(header).map(|found| (found.name, found.parameters))
    }

    #[test]
    fn names_and_parameters_are_read_in_any_spelling() {
        let expected = Some(("a/b".to_owned(), vec![("x".to_owned(), "Y".to_owned())]));
        for header in ["a/b;x=Y", "A/B ; X = Y", "a/b;x=\"Y\";", " a/b; x=Y; X=\"Y\" ; "] {
            assert_eq!(parsed(header), expected, "{header}");
        }
        assert_eq!(parsed("a/b;x=\"a\\\"\\\\\\c;\"").unwrap().1[0].1, "a\"\\\\c;");
        assert_eq!(parsed("a"), Some(("a".to_owned(), vec![])));
    }

    #[test]
    fn what_cannot_be_read_is_no_media_type() {
        for header in [
            "",
            ";;",
            "a/",
            "/b",
            "a/b/c",
            "a b",
            "a/b;;",
            "a/b;x",
            "a/b;x=",
            "a/b;=y",
            "a/b;x=\"y",
            "a/b;x=y;x=z",
            "a/b;x=y z",
        ] {
            assert_eq!(parsed(header), None, "{header}");
        }
    }
}
