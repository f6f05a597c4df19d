//! `docs/reference/metrics.md`: the metrics of sessions and of the operator, and the failure reasons, from the lists that
//! the code exports from.

use std::fmt::Write;
use std::path::PathBuf;

use anyhow::Result;
use domain::report::FailureReason;
use domain::rules::metrics::operator::OPERATOR;
use domain::rules::metrics::{Metric, SESSION};

use crate::Files;

pub(crate) fn files() -> Result<Files> {
    let mut text = String::from(HEAD);
    rows(&mut text, &SESSION)?;
    text.push_str(REASONS);
    for reason in FailureReason::ALL {
        writeln!(text, "| `{}` | {} |", reason.as_str(), meaning(reason))?;
    }
    text.push_str(OF_OPERATOR);
    rows(&mut text, &OPERATOR)?;
    Ok(Files::from([(PathBuf::from("docs/reference/metrics.md"), text)]))
}

fn rows(text: &mut String, metrics: &[Metric]) -> std::fmt::Result {
    for metric in metrics {
        let labels: Vec<String> = metric.labels.iter().map(|label| format!("`{label}`")).collect();
        let kind = metric.kind.as_str();
        writeln!(text, "| `{}` | {kind} | {} | {} |", metric.name, labels.join(", "), metric.help)?;
    }
    Ok(())
}

const HEAD: &str = "<!-- Made by `cargo xtask codegen` from crates/domain/src/rules/metrics.rs. Do not edit. -->

# Session metrics

Every backup and recovery session pushes these to the push gateway at its end, whatever its result; Prometheus scrapes
them there. A number that was not measured is absent, not zero.

All of them carry the labels of the grouping key: `job` (`<namespace>-<name>`), `namespace`, `kind` and `app` (the
workload whose data it is; `Host` and the host's name in standalone mode), `stash_config` (the Restic or Recovery),
`repository` (the Repository), `session` (`backup` or `recovery`). There is one group per Repository and session, so
no pod or node overwrites another.

`filegroup` is the path with `|` for `/`. `op` is `backup`, `forget` or `restore`; the time of a prune is part of the
last `forget` that asked for it.

| metric | type | own labels | meaning |
|---|---|---|---|
";

const OF_OPERATOR: &str = "
# Operator metrics

The operator serves these at `/metrics` of its port 8443, beside those of its API server and of its process. What they
say of objects is read from the objects at each scrape: it survives every restart, and is there before the operator is
ready. There is one series for each Restic, at most two for each workload that a Restic selects, eleven for each
Repository and one for each Recovery; the rest do not grow with the cluster. Scrape them with `honor_labels: true`: their label
`namespace` is that of the object, and would become `exported_namespace`.

| metric | type | labels | meaning |
|---|---|---|---|
";

const REASONS: &str = "
## Values of `reason`

| reason | what is the matter |
|---|---|
";

/// A sentence for people; a new reason does not compile until it has one.
fn meaning(reason: FailureReason) -> &'static str {
    match reason {
        FailureReason::InvalidSpec => "the object, or the file it is in, is refused",
        FailureReason::SecretMissing => "the Secret of the backend does not exist",
        FailureReason::SecretInvalid => "the Secret lacks a key, or holds one that cannot be used",
        FailureReason::WrongPassword => "the repository exists and has another password",
        FailureReason::RepositoryMissing => "there is no repository where one was expected",
        FailureReason::NotARepository => "something else is where the repository should be",
        FailureReason::RepositoryLocked => "somebody else works on the repository",
        FailureReason::RepositoryDamaged => "parts of the repository are missing or altered",
        FailureReason::StorageUnreachable => "the storage did not answer",
        FailureReason::StorageDenied => "the storage refused: credentials or permissions",
        FailureReason::StorageFull => "the storage has no room",
        FailureReason::Unsupported => "this build or mode cannot do that",
        FailureReason::SourceMissing => "the path to back up does not exist",
        FailureReason::SourceUnreadable => {
            "the path, or files below it, cannot be read: the snapshot is incomplete"
        }
        FailureReason::SnapshotMissing => "no snapshot fits the request",
        FailureReason::TargetUnwritable => "the place to restore to cannot be written as it should",
        FailureReason::Cancelled => "it was stopped from outside",
        FailureReason::Internal => "a defect of Stash",
    }
}
