//! Which test runs the commands of which guide: a guide whose commands nobody runs is not true for long.

/// Who runs the commands of a guide.
#[derive(Clone, Copy, Debug)]
pub enum Kept {
    /// `e2e/tests/cluster/guides.rs` runs every block that has no excuse.
    Followed,
    /// Tests that do what it says in their own words: file and function.
    By(&'static [(&'static str, &'static str)]),
    /// Nobody: every block has an excuse.
    Read,
}

/// Every guide, as a path in `docs/guides`.
pub const GUIDES: [(&str, Kept); 15] = [
    ("backends.md", Kept::Followed),
    ("backup.md", Kept::Followed),
    ("cluster.md", Kept::Followed),
    (
        "install.md",
        Kept::By(&[
            ("e2e/tests/cluster/install.rs", "install_and_uninstall_with_script"),
            ("e2e/tests/cluster/install.rs", "install_upgrade_and_uninstall_with_helm"),
        ]),
    ),
    ("migration.md", Kept::Read),
    ("offline-backup.md", Kept::Followed),
    (
        "pushgateway.md",
        Kept::By(&[
            (
                "crates/stash/tests/it/pushgateway_guide.rs",
                "every_flag_is_in_the_guide_with_its_default_and_the_guide_names_no_other",
            ),
            (
                "crates/stash/tests/it/pushgateway.rs",
                "a_session_pushes_to_a_gateway_elsewhere_which_keeps_it_over_a_restart",
            ),
        ]),
    ),
    ("rbac.md", Kept::Followed),
    ("restore.md", Kept::Followed),
    (
        "standalone.md",
        Kept::By(&[
            (
                "crates/stash/tests/it/quickstart.rs",
                "the_quickstart_backs_up_the_documentation_keeps_five_and_restores_it",
            ),
            (
                "crates/stash/tests/it/once.rs",
                "another_machines_backups_are_restored_through_a_repository_written_by_hand",
            ),
            ("e2e/tests/cluster/backup_standalone.rs", "backup_standalone"),
        ]),
    ),
    ("workloads.md", Kept::Followed),
    (
        "monitoring/builtin.md",
        Kept::By(&[("e2e/tests/cluster/monitoring.rs", "monitor_with_builtin_prometheus")]),
    ),
    (
        "monitoring/coreos.md",
        Kept::By(&[("e2e/tests/cluster/monitoring.rs", "monitor_with_prometheus_operator")]),
    ),
    ("monitoring/grafana.md", Kept::Read),
    (
        "monitoring/overview.md",
        Kept::By(&[("e2e/tests/cluster/monitoring.rs", "monitor_with_prometheus_operator")]),
    ),
];

#[cfg(test)]
mod tests {
    use std::path::{Path, PathBuf};

    use super::*;
    use crate::guide::blocks::{What, blocks};
    use crate::guide::script::script;

    fn root() -> PathBuf {
        Path::new(env!("CARGO_MANIFEST_DIR")).join("..")
    }

    fn text(path: &str) -> String {
        std::fs::read_to_string(root().join(path)).unwrap_or_else(|error| panic!("{path}: {error}"))
    }

    fn guides_below(folder: &Path, prefix: &str, found: &mut Vec<String>) {
        for entry in std::fs::read_dir(folder).unwrap() {
            let (path, name) = (entry.as_ref().unwrap().path(), entry.unwrap().file_name());
            let name = format!("{prefix}{}", name.to_str().unwrap());
            if path.is_dir() {
                guides_below(&path, &format!("{name}/"), found);
            } else {
                found.push(name);
            }
        }
    }

    #[test]
    fn every_guide_is_in_the_table() {
        let mut found = Vec::new();
        guides_below(&root().join("docs/guides"), "", &mut found);
        found.sort();
        let mut known: Vec<&str> = GUIDES.iter().map(|(guide, _)| *guide).collect();
        known.sort_unstable();
        assert_eq!(found, known);
    }

    #[test]
    fn every_block_is_run_or_says_why_not() {
        let mut idle = Vec::new();
        for (guide, kept) in GUIDES {
            let all = blocks(&text(&format!("docs/guides/{guide}")));
            let commands: String = all
                .iter()
                .filter_map(|block| match &block.what {
                    What::Commands(text) if block.excuse.is_none() => Some(text.as_str()),
                    _ => None,
                })
                .collect();
            for block in &all {
                let is_run = match (&block.what, kept) {
                    (What::Shown(_), _) | (_, Kept::By(_)) => true,
                    (What::Commands(_), Kept::Followed) => true,
                    (What::File { name, .. }, Kept::Followed) => commands.contains(name),
                    _ => false,
                };
                let is_excused = block.excuse.as_ref().is_some_and(|reason| !reason.is_empty());
                if !is_run && !is_excused {
                    idle.push(format!("{guide}:{}", block.line));
                }
            }
        }
        assert_eq!(
            idle,
            Vec::<String>::new(),
            "no test runs these blocks: name the file that a command applies, or say why not in a comment \
             `<!-- not run: … -->` before the block"
        );
    }

    #[test]
    fn a_shell_can_read_what_is_followed() {
        for (guide, _) in GUIDES.iter().filter(|(_, kept)| matches!(kept, Kept::Followed)) {
            let script = script(&blocks(&text(&format!("docs/guides/{guide}"))), &[("shop", "test-1")]);
            let output = std::process::Command::new("sh").args(["-n", "-c", &script]).output().unwrap();
            assert!(output.status.success(), "{guide}: {}", String::from_utf8_lossy(&output.stderr));
        }
    }

    #[test]
    fn a_guide_that_is_followed_is_named_by_a_test_that_follows_it() {
        let tests = text("e2e/tests/cluster/guides.rs");
        for (guide, kept) in GUIDES {
            let named = tests.contains(&format!("\"{guide}\""));
            assert_eq!(named, matches!(kept, Kept::Followed), "{guide}");
        }
    }

    #[test]
    fn tests_that_stand_for_a_guide_are_there() {
        for (guide, kept) in GUIDES {
            let Kept::By(tests) = kept else { continue };
            assert!(!tests.is_empty(), "{guide}");
            for (file, test) in tests {
                assert!(text(file).contains(&format!("fn {test}()")), "{guide}: {file} has no test {test}");
            }
        }
    }
}
