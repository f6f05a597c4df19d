//! The shape of files: their size, their names, their first line, and no path of somebody's machine in them.

use crate::tidy::{Finding, Source};

/// A file longer than this has more than one reason to change.
const MOST_LINES: usize = 400;

/// Files that may be longer, each with its reason. A file made by a program is the only good one.
const LONG: [(&str, &str); 1] = [(
    "deploy/stash.sh",
    "made by `cargo xtask codegen`, and of one file so that it can be piped into a shell",
)];

/// What is written by hand and read from top to bottom. Generated YAML, prose and lock files are not.
const WRITTEN: [&str; 8] = [".rs", ".toml", ".sh", ".py", ".go", ".js", ".css", ".html"];

/// Names that say nothing about what is inside.
const EMPTY_NAMES: [&str; 5] = ["utils", "util", "common", "helpers", "misc"];

/// Folders of one machine. Written in two pieces so that this file does not break its own rule.
const MACHINE_FOLDERS: [&str; 2] = [concat!("/wo", "rk/"), concat!("/ro", "ot/")];

pub(super) fn check(sources: &[Source]) -> Vec<Finding> {
    let mut findings = Vec::new();
    for source in sources {
        findings.extend(size(source));
        findings.extend(name(source));
        findings.extend(opening(source));
        findings.extend(machine_paths(source));
    }
    findings
}

fn size(source: &Source) -> Option<Finding> {
    let lines = source.text.lines().count();
    let counts = WRITTEN.iter().any(|ending| source.path.ends_with(ending))
        && !LONG.iter().any(|(path, _reason)| *path == source.path);
    (counts && lines > MOST_LINES).then(|| {
        Finding::new(&source.path, format!("{lines} lines; split it below {MOST_LINES}, by reason to change"))
    })
}

fn name(source: &Source) -> Option<Finding> {
    if source.path.ends_with("/mod.rs") {
        return Some(Finding::new(
            &source.path,
            "is called mod.rs; call it by its folder's name, beside the folder",
        ));
    }
    let empty = source
        .path
        .split('/')
        .map(|part| part.split('.').next().unwrap_or(part))
        .find(|part| EMPTY_NAMES.contains(part))?;
    Some(Finding::new(&source.path, format!("`{empty}` says nothing; name it after what is in it")))
}

fn opening(source: &Source) -> Option<Finding> {
    (source.is_rust() && !source.text.starts_with("//! ")).then(|| {
        Finding::new(&source.path, "does not open with a `//!` line that says why the module exists")
    })
}

fn machine_paths(source: &Source) -> Vec<Finding> {
    let mut findings = Vec::new();
    for (index, line) in source.text.lines().enumerate() {
        for folder in MACHINE_FOLDERS {
            let absolute = line.match_indices(folder).any(|(at, _)| {
                line.get(..at).and_then(|before| before.chars().next_back()).is_none_or(|before| {
                    !before.is_alphanumeric() && !matches!(before, '_' | '-' | '.' | '}')
                })
            });
            if absolute {
                findings.push(Finding::at(source, index, format!("names {folder}, a folder of one machine")));
            }
        }
    }
    findings
}

#[cfg(test)]
mod tests {
    use super::*;

    fn source(path: &str, text: &str) -> Source {
        Source { path: path.to_owned(), text: text.to_owned() }
    }

    fn messages(path: &str, text: &str) -> Vec<String> {
        check(&[source(path, text)]).into_iter().map(|finding| finding.message).collect()
    }

    #[test]
    fn a_file_over_the_limit_is_found_and_one_at_the_limit_is_not() {
        let at_limit = format!("//! Why.\n{}", "//\n".repeat(MOST_LINES - 1));
        assert_eq!(messages("crates/a/src/lib.rs", &at_limit), Vec::<String>::new());
        assert_eq!(messages("crates/a/src/lib.rs", &format!("{at_limit}//\n")).len(), 1);
        assert_eq!(messages("Cargo.lock", &"x\n".repeat(9000)).len(), 0);
    }

    #[test]
    fn names_that_say_nothing_are_found_in_folders_and_files() {
        assert_eq!(messages("crates/a/src/utils.rs", "//! Why.\n").len(), 1);
        assert_eq!(messages("docs/misc/page.md", "").len(), 1);
        assert_eq!(messages("crates/a/src/part/mod.rs", "//! Why.\n").len(), 1);
        assert_eq!(messages("crates/a/src/commonplace.rs", "//! Why.\n").len(), 0);
    }

    #[test]
    fn a_module_says_why_it_exists_before_anything_else() {
        assert_eq!(messages("crates/a/src/b.rs", "use std::fmt;\n").len(), 1);
        assert_eq!(messages("crates/a/src/b.rs", "//!\n").len(), 1);
    }

    #[test]
    fn a_folder_of_one_machine_is_found_but_not_the_same_word_inside_a_path() {
        let folder = MACHINE_FOLDERS[0];
        assert_eq!(messages("README.md", &format!("see `{folder}notes`")).len(), 1);
        assert_eq!(messages("README.md", &format!("see target{folder}notes")).len(), 0);
    }
}
