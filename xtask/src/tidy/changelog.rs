//! The form of a changelog fragment, so that a release can assemble them without anybody's help.
//!
//! `Kind: what changed, in the user's words`, an empty line, then what it means for the user.
//! `changelog/TEMPLATE.md` is the example.

use crate::tidy::{Finding, Source};

const FOLDER: &str = "changelog/unreleased/";

/// The kinds of change, in the order of a release's notes.
const KINDS: [&str; 5] = ["Added", "Changed", "Fixed", "Removed", "Security"];

/// A headline that is longer is two changes or no headline.
const LONGEST_HEADLINE: usize = 110;

pub(super) fn check(sources: &[Source]) -> Vec<Finding> {
    sources
        .iter()
        .filter_map(|source| {
            let name = source.path.strip_prefix(FOLDER)?;
            let problem = if name.ends_with(".md") { form(&source.text) } else { Some("is not a .md file") };
            problem.map(|problem| Finding::new(&source.path, format!("{problem}; see changelog/TEMPLATE.md")))
        })
        .collect()
}

/// What is wrong with the text of a fragment, if anything is.
fn form(text: &str) -> Option<&'static str> {
    let mut lines = text.lines();
    let headline = lines.next().unwrap_or_default();
    let Some((kind, summary)) = headline.split_once(": ") else {
        return Some("does not open with `Kind: summary`");
    };
    if !KINDS.contains(&kind) {
        return Some("is of a kind other than Added, Changed, Fixed, Removed, Security");
    }
    if summary.trim().is_empty() || summary.ends_with('.') || headline.chars().count() > LONGEST_HEADLINE {
        return Some("has a headline that is empty, ends with a period or is longer than 110 characters");
    }
    if lines.next() != Some("") {
        return Some("has no empty line below its headline");
    }
    lines
        .next()
        .is_none_or(|body| body.trim().is_empty())
        .then_some("does not say what the change means for the user")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_fragment_is_held_to_its_form() {
        assert_eq!(
            form("Fixed: a restore no longer stops at a socket\n\nSockets are left out and counted.\n"),
            None
        );
        for broken in [
            "",
            "A restore no longer stops at a socket\n\nText.\n",
            "Bugfix: a restore no longer stops at a socket\n\nText.\n",
            "Fixed: a restore no longer stops at a socket.\n\nText.\n",
            "Fixed: a restore no longer stops at a socket\nText.\n",
            "Fixed: a restore no longer stops at a socket\n\n",
        ] {
            assert!(form(broken).is_some(), "accepted: {broken:?}");
        }
    }

    #[test]
    fn only_fragments_are_fragments() {
        let file = |path: &str| Source { path: path.to_owned(), text: String::new() };
        assert_eq!(check(&[file("changelog/TEMPLATE.md")]), []);
        assert_eq!(check(&[file("changelog/unreleased/note.txt")]).len(), 1);
    }
}
