//! Labels and other texts of strangers, made visible: empty ones, control characters, and as much as anybody reads of
//! long ones.

use exposition::GroupingKey;
use look::words;
use maud::{Markup, html};

/// More characters of one text than this are shown nowhere but in the API.
const LONG: usize = 2_000;
/// In a list of many.
const SHORT: usize = 120;

/// A text in full, or nearly.
pub(super) fn full(text: &str) -> Markup {
    visible(text, LONG)
}

/// A text as a list shows it.
pub(super) fn short(text: &str) -> Markup {
    visible(text, SHORT)
}

/// `job` and then the others, sorted.
pub(super) fn ordered(key: &GroupingKey) -> impl Iterator<Item = (&str, &str)> {
    let others = key.labels().iter().filter(|(name, _)| name.as_str() != "job");
    std::iter::once(("job", key.job())).chain(others.map(|(name, value)| (name.as_str(), value.as_str())))
}

/// A key on one line of a title.
pub(super) fn title(key: &GroupingKey) -> String {
    let all: Vec<String> = ordered(key).map(|(name, value)| format!("{name}={value:?}")).collect();
    let all = all.join(", ");
    match all.char_indices().nth(SHORT) {
        Some((end, _)) => format!("{}…", all.get(..end).unwrap_or_default()),
        None => all,
    }
}

/// One label.
pub(super) fn label(name: &str, value: &str, show: fn(&str) -> Markup) -> Markup {
    html! { span.label { span.name { (show(name)) } span.equals { "=" } (show(value)) } }
}

/// Isolated from the direction of the text around it, with what cannot be seen written out.
fn visible(text: &str, most: usize) -> Markup {
    if text.is_empty() {
        return html! { span.empty title="the empty text" { "\"\"" } };
    }
    let end = text.char_indices().nth(most).map_or(text.len(), |(end, _)| end);
    let (shown, hidden) = text.split_at(end);
    html! {
        bdi {
            @for part in parts(shown) {
                @match part {
                    Part::Plain(text) => (text),
                    Part::Hidden(letter) => span.escape { (letter.escape_default().to_string()) },
                }
            }
        }
        @if !hidden.is_empty() {
            span.cut { "… " (words::count(hidden.chars().count() as u64, "more character", "more characters")) }
        }
    }
}

enum Part<'a> {
    Plain(&'a str),
    Hidden(char),
}

fn parts(text: &str) -> impl Iterator<Item = Part<'_>> {
    text.split_inclusive(is_hidden).flat_map(|piece| {
        let last = piece.chars().next_back().filter(|letter| is_hidden(*letter));
        let plain = piece.get(..piece.len() - last.map_or(0, char::len_utf8)).unwrap_or_default();
        let plain = (!plain.is_empty()).then_some(Part::Plain(plain));
        plain.into_iter().chain(last.map(Part::Hidden))
    })
}

/// Controls, marks that turn the direction of the text, and letters of no width: with them one text passes for
/// another.
fn is_hidden(letter: char) -> bool {
    letter.is_control()
        || matches!(letter, '\u{ad}' | '\u{61c}' | '\u{200b}'..='\u{200f}' | '\u{2028}'..='\u{202e}' | '\u{2060}'..='\u{2069}' | '\u{feff}')
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn nothing_stays_invisible() {
        assert_eq!(full("a").into_string(), "<bdi>a</bdi>");
        assert!(full("").into_string().contains("&quot;&quot;"));
        let shown = full("a\nb\0\u{202e}c").into_string();
        let escape = |text: &str| format!("<span class=\"escape\">{text}</span>");
        let expected =
            ["<bdi>a", &escape("\\n"), "b", &escape("\\u{0}"), &escape("\\u{202e}"), "c</bdi>"].concat();
        assert_eq!(shown, expected);
    }

    #[test]
    fn markup_is_text() {
        let shown = label("x", "\"><script>alert('&')</script>", full).into_string();
        assert!(shown.contains("&quot;&gt;&lt;script&gt;alert('&amp;')&lt;/script&gt;"), "{shown}");
    }

    #[test]
    fn long_texts_are_cut_and_that_is_said() {
        let text = "ä".repeat(2_001);
        let shown = full(&text).into_string();
        assert!(shown.contains("… 1 more character<"), "{shown}");
        assert_eq!(shown.matches('ä').count(), 2_000);
        let shown = short(&text).into_string();
        assert!(shown.contains("… 1,881 more characters<"), "{shown}");
    }

    #[test]
    fn the_job_comes_first() {
        let key = GroupingKey::new("j", [("a", "1"), ("z", "")]).unwrap();
        let names: Vec<_> = ordered(&key).map(|(name, _)| name).collect();
        assert_eq!(names, ["job", "a", "z"]);
        assert_eq!(title(&key), r#"job="j", a="1", z="""#);
    }
}
