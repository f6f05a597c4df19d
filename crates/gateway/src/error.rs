//! What can go wrong: with the gateway itself, and with a push.

use std::path::PathBuf;

/// Why a gateway could not start, run or save.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// The persistence file exists and cannot be read.
    #[error(
        "cannot read the persistence file {path}: {source}; give the process access to it, or name another"
    )]
    Read {
        /// The file.
        path: PathBuf,
        /// Why.
        source: std::io::Error,
    },
    /// The persistence file is damaged, and cannot be moved aside.
    #[error("cannot move the damaged persistence file {path} to {aside}: {source}; move it by hand")]
    MoveAside {
        /// The file.
        path: PathBuf,
        /// Where it should go.
        aside: PathBuf,
        /// Why.
        source: std::io::Error,
    },
    /// The persistence file cannot be written.
    #[error("cannot write the persistence file {path}: {source}; check that its folder exists and has room")]
    Save {
        /// The file.
        path: PathBuf,
        /// Why.
        source: std::io::Error,
    },
    /// The last save did not come to an end: a defect of the gateway.
    #[error("the save at the end was aborted")]
    SaveAborted,
}

/// Why a push was refused.
#[derive(Clone, Debug, Eq, PartialEq, thiserror::Error)]
pub enum Rejected {
    /// A sample has a timestamp: what is pushed has the time of its scrape.
    #[error("{INCONSISTENT}pushed metrics must not have timestamps")]
    Timestamps,
    /// It does not fit together, or not with what is held; one entry per reason, never empty.
    #[error("{INCONSISTENT}{}", several(.0))]
    Inconsistent(Vec<String>),
    /// The gateway is stopping; push again when it is back.
    #[error("the gateway is stopping")]
    Closed,
}

const INCONSISTENT: &str = "pushed metrics are invalid or inconsistent with existing metrics: ";

/// More reasons than anybody reads are counted only.
const SHOWN: usize = 50;

impl Rejected {
    /// The value of the label `reason` of `pushgateway_pushes_rejected_total`.
    #[must_use]
    pub fn reason(&self) -> &'static str {
        match self {
            Rejected::Timestamps => "timestamp",
            Rejected::Inconsistent(_) => "inconsistent",
            Rejected::Closed => "stopping",
        }
    }
}

fn several(reasons: &[String]) -> String {
    match reasons {
        [reason] => reason.clone(),
        reasons => {
            let mut text = format!("{} error(s) occurred:", reasons.len());
            for reason in reasons.iter().take(SHOWN) {
                text.push_str("\n* ");
                text.push_str(reason);
            }
            text
        }
    }
}
