//! What the guides show is valid: every object of ours in them, except for what is cut out of one.

use std::path::Path;

use domain::rules::schema::{Object, parse_object};
use domain::rules::validate::Mode;

use super::{documents, lines, refused};

#[test]
fn every_object_of_a_guide_is_valid() {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../docs/guides");
    let mut ours = 0;
    for entry in std::fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        if path.extension().is_none_or(|extension| extension != "md") {
            continue;
        }
        let text = std::fs::read_to_string(&path).unwrap();
        for fence in text.split("```yaml\n").skip(1).filter_map(|rest| rest.split("```").next()) {
            for document in documents(&dedented(fence)) {
                assert_eq!(lines(&refused(document.clone(), Mode::Cluster)), [""; 0], "{}", path.display());
                ours += usize::from(!matches!(parse_object(document), Ok(Object::Other { .. })));
            }
        }
    }
    assert!(ours >= 5, "{ours}");
}

/// A fence in an entry of a list has its indentation.
fn dedented(text: &str) -> String {
    let depth = text.len() - text.trim_start_matches(' ').len();
    text.lines().map(|line| line.get(depth..).unwrap_or_default()).collect::<Vec<_>>().join("\n")
}
