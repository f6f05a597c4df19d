//! What the guides show is valid: every object of ours in them.

use std::path::Path;

use domain::rules::schema::{Object, parse_object};
use domain::rules::validate::Mode;

use super::{documents, lines, refused};

#[test]
fn every_object_of_a_guide_is_valid() {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../docs/guides");
    let (mut ours, mut on_a_host) = (0, 0);
    for entry in std::fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        if path.extension().is_none_or(|extension| extension != "md") {
            continue;
        }
        let text = std::fs::read_to_string(&path).unwrap();
        let mut valid = |yaml: &str, mode| {
            for document in documents(yaml) {
                assert_eq!(lines(&refused(document.clone(), mode)), [""; 0], "{}", path.display());
                ours += usize::from(!matches!(parse_object(document), Ok(Object::Other { .. })));
            }
        };
        for fence in text.split("```yaml\n").skip(1).filter_map(|rest| rest.split("```").next()) {
            valid(&dedented(fence), Mode::Cluster);
        }
        // The guide of standalone mode indents its objects.
        for block in text.split("\n\n").filter(|block| block.starts_with("    apiVersion:")) {
            valid(&dedented(block), Mode::Standalone);
            on_a_host += 1;
        }
    }
    assert!(ours >= 6 && on_a_host == 1, "{ours}, {on_a_host}");
}

/// Without the indentation of its first line.
fn dedented(text: &str) -> String {
    let depth = text.len() - text.trim_start_matches(' ').len();
    text.lines().map(|line| line.get(depth..).unwrap_or_default()).collect::<Vec<_>>().join("\n")
}
