//! Golden cases in YAML: each file says why it is there, what is given, and what comes of it, so that a reviewer sees
//! by eye what is made.
#![allow(clippy::unwrap_used, reason = "clippy takes the functions beside tests for production code")]

use std::collections::BTreeMap;
use std::fs;
use std::path::Path;

use serde_json::Value;

/// One file: its documents, the last of which is what has to come of the others.
pub(crate) struct Case {
    text: String,
    documents: Vec<Value>,
}

impl Case {
    /// What is given.
    pub(crate) fn given<const N: usize>(&self) -> [&Value; N] {
        let (_, given) = self.documents.split_last().unwrap();
        given
            .iter()
            .collect::<Vec<_>>()
            .try_into()
            .expect("as many documents as the test reads, and the result")
    }
}

/// Every case of a folder under `tests/golden`, by name.
pub(crate) fn cases(folder: &str) -> BTreeMap<String, Case> {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/golden").join(folder);
    let mut cases = BTreeMap::new();
    for entry in fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        let text = fs::read_to_string(&path).unwrap();
        let name = path.file_stem().unwrap().to_string_lossy().into_owned();
        assert!(text.starts_with("# "), "{name} must say why it is there");
        let read = |yaml: &str| -> Value {
            if yaml.trim().is_empty() { Value::Null } else { serde_saphyr::from_str(yaml).unwrap() }
        };
        let documents = text.split("\n---\n").map(read).collect();
        cases.insert(name, Case { text, documents });
    }
    assert!(!cases.is_empty());
    cases
}

/// Compares every case of a folder with what `make` makes of it. What differs is written beside the build, ready to
/// be looked at and copied.
#[track_caller]
pub(crate) fn compare(folder: &str, make: impl Fn(&str) -> Value) {
    let mut wrong = Vec::new();
    for (name, case) in cases(folder) {
        let found = make(&name);
        if Some(&found) != case.documents.last() {
            let file = Path::new(env!("CARGO_TARGET_TMPDIR")).join(format!("{name}.yaml"));
            let given = case.text.rsplit_once("\n---\n").unwrap().0;
            let yaml = serde_saphyr::to_string(&found).unwrap();
            fs::write(&file, format!("{given}\n---\n{}\n", yaml.trim_end())).unwrap();
            wrong.push(format!("{name}: compare with {}", file.display()));
        }
    }
    assert!(wrong.is_empty(), "not as the files say; if it should be so, copy them:\n{}", wrong.join("\n"));
}
