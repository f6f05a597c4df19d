//! What the guides of monitoring show is what there is: files word for word, names of metrics, pages that they lead to.

use std::path::{Path, PathBuf};
use std::process::Command;

use domain::rules::metrics::SESSION;

const SEED: &str = include_str!("../../../crates/operator/tests/it/seed/metrics.tsv");
const GUIDES: [&str; 4] = ["overview", "builtin", "coreos", "grafana"];

fn docs() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../docs")
}

fn text_of(path: &Path) -> String {
    std::fs::read_to_string(path).unwrap_or_else(|error| panic!("{}: {error}", path.display()))
}

fn guide(name: &str) -> String {
    text_of(&docs().join(format!("guides/monitoring/{name}.md")))
}

#[test]
fn a_file_that_a_guide_shows_is_the_one_to_apply() {
    let examples = docs().join("examples/monitoring");
    let mut shown = Vec::new();
    for name in GUIDES {
        let text = guide(name);
        for part in text.split("\n`docs/examples/monitoring/").skip(1) {
            let (file, rest) = part.split_once("`:\n\n```yaml\n").unwrap();
            let (block, _) = rest.split_once("```\n").unwrap();
            assert_eq!(block, text_of(&examples.join(file)), "{name}.md differs from {file}");
            shown.push(file.to_owned());
        }
    }
    shown.sort();
    let mut files: Vec<String> = std::fs::read_dir(&examples)
        .unwrap()
        .map(|entry| entry.unwrap().file_name().into_string().unwrap())
        .filter(|file| file != "README.md")
        .collect();
    files.sort();
    assert_eq!(shown, files, "each is shown once");
}

/// Has promtool look at a configuration.
fn takes(file: &Path) {
    let output = Command::new("promtool").args(["check", "config", "--syntax-only"]).arg(file).output().expect(
        "promtool is needed for this test: put promtool 3 or newer on the path, or use `cargo xtask test`",
    );
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
}

#[test]
fn promtool_takes_the_configuration_of_the_guide() {
    takes(&docs().join("examples/monitoring/prometheus.yml"));
}

#[test]
fn promtool_takes_every_configuration_of_prometheus_that_a_guide_shows() {
    let mut seen = 0;
    for name in ["pushgateway", "standalone"] {
        let text = text_of(&docs().join(format!("guides/{name}.md")));
        for block in text.split("\n\n").filter(|block| block.starts_with("    scrape_configs:")) {
            let file = Path::new(env!("CARGO_TARGET_TMPDIR")).join(format!("{name}.yml"));
            let lines = block.lines().map(|line| line.strip_prefix("    ").unwrap_or(line));
            std::fs::write(&file, lines.collect::<Vec<_>>().join("\n")).unwrap();
            takes(&file);
            seen += 1;
        }
    }
    assert_eq!(seen, 2);
}

#[test]
fn the_overview_lists_every_metric_of_0_8_3() {
    let overview = guide("overview");
    let of_operator =
        SEED.lines().filter(|line| !line.starts_with('#')).map(|line| line.split('\t').next().unwrap());
    for name in of_operator.chain(SESSION.iter().take(4).map(|metric| metric.name)) {
        assert!(overview.contains(&format!("\n| `{name}` | ")), "{name} is missing");
    }
}

#[test]
fn every_link_of_the_documentation_leads_to_a_file() {
    let mut folders = vec![docs()];
    let mut broken = Vec::new();
    let mut seen = 0;
    while let Some(folder) = folders.pop() {
        for entry in std::fs::read_dir(&folder).unwrap() {
            let path = entry.unwrap().path();
            if path.is_dir() {
                folders.push(path);
            } else if path.extension().is_some_and(|extension| extension == "md") {
                for link in text_of(&path).split("](").skip(1).filter_map(|rest| rest.split(')').next()) {
                    let file = link.split('#').next().unwrap();
                    if file.is_empty() || file.contains("://") {
                        continue;
                    }
                    seen += 1;
                    if !folder.join(file).exists() {
                        broken.push(format!("{}: {link}", path.display()));
                    }
                }
            }
        }
    }
    assert!(seen > 30, "{seen}");
    assert_eq!(broken, Vec::<String>::new());
}
