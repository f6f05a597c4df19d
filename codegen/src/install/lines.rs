//! Which lines of the whole are there because of which parts: found by leaving out one part at a time.

use std::collections::BTreeSet;

use anyhow::{Result, ensure};
use install::{Part, Parts, document};
use serde_json::Value;

/// A line, and the parts without any of which it is gone.
#[derive(Clone, Debug, Eq, PartialEq)]
pub(super) struct Line {
    pub(super) text: String,
    pub(super) parts: Parts,
}

/// The lines of all documents that `render` gives, each of which begins with `---`.
pub(super) fn lines(render: &dyn Fn(&Parts) -> Vec<Value>) -> Result<Vec<Line>> {
    let all: Parts = Part::ALL.into_iter().collect();
    let mut whole = Vec::new();
    for object in render(&all) {
        let mut lines: Vec<Line> =
            texts(&object)?.into_iter().map(|text| Line { text, parts: BTreeSet::new() }).collect();
        for part in Part::ALL {
            let others: Parts = all.iter().copied().filter(|other| *other != part).collect();
            let without = render(&others).into_iter().find(|other| key(other) == key(&object));
            mark(&mut lines, part, &without.map_or_else(|| Ok(Vec::new()), |other| texts(&other))?)?;
        }
        whole.extend(lines);
    }
    Ok(whole)
}

/// Marks the lines that are not in `without`, which has to be the same lines in the same order but for those.
fn mark(lines: &mut [Line], part: Part, without: &[String]) -> Result<()> {
    let mut rest = without.iter().peekable();
    for line in lines {
        if rest.peek() == Some(&&line.text) {
            rest.next();
        } else {
            line.parts.insert(part);
        }
    }
    ensure!(rest.peek().is_none(), "without {part:?} there is the line {:?}, which is new", rest.peek());
    Ok(())
}

fn texts(object: &Value) -> Result<Vec<String>> {
    Ok(std::iter::once("---".to_owned()).chain(document(object)?.lines().map(ToOwned::to_owned)).collect())
}

fn key(object: &Value) -> [Option<&str>; 3] {
    ["/kind", "/metadata/name", "/metadata/namespace"]
        .map(|pointer| object.pointer(pointer).and_then(Value::as_str))
}

#[cfg(test)]
mod tests {
    use super::super::script::options;
    use super::*;

    /// Whether the parts can be chosen together: some follow from others, and no list may be left empty.
    fn is_possible(parts: &Parts) -> bool {
        let has = |part| parts.contains(&part);
        has(Part::Tolerations) == (has(Part::Critical) || has(Part::ControlPlane))
            && (!has(Part::ServiceMonitor) || has(Part::Backup) || has(Part::Operator))
    }

    #[test]
    fn lines_under_their_parts_are_what_those_parts_render() {
        let render = |parts: &Parts| install::objects_of(&options(), parts);
        let lines = lines(&render).unwrap();
        let all: Parts = Part::ALL.into_iter().collect();
        let mut cases = BTreeSet::new();
        for first in Part::ALL {
            for second in Part::ALL {
                for third in Part::ALL {
                    let some = Parts::from([first, second, third]);
                    cases.insert(all.difference(&some).copied().collect::<Parts>());
                    cases.insert(some);
                }
            }
        }
        let cases: Vec<Parts> = cases.into_iter().filter(is_possible).collect();
        assert!(cases.len() > 200, "{}", cases.len());
        for parts in cases {
            let wanted: Vec<String> =
                render(&parts).iter().flat_map(|object| texts(object).unwrap()).collect();
            let found: Vec<&String> =
                lines.iter().filter(|line| line.parts.is_subset(&parts)).map(|line| &line.text).collect();
            assert_eq!(found, wanted.iter().collect::<Vec<_>>(), "{parts:?}");
        }
    }

    #[test]
    fn a_part_that_changes_a_line_instead_of_adding_one_is_refused() {
        let render = |parts: &Parts| {
            vec![serde_json::json!({ "kind": if parts.contains(&Part::Rbac) { "some" } else { "none" } })]
        };
        let mut changed = lines(&render).unwrap();
        assert!(mark(&mut changed, Part::Rbac, &["---".to_owned(), "kind: other".to_owned()]).is_err());
    }
}
