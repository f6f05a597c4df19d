//! `monitoring/dashboards/*.json`: dashboards of Grafana 10 and newer, from a description in which only what differs is said.

mod board;
mod figures;
mod operator;
mod overview;
mod repository;

use std::path::PathBuf;

use anyhow::Result;

use crate::Files;

pub(crate) fn files() -> Result<Files> {
    [("overview", overview::board()), ("repository", repository::board()), ("operator", operator::board())]
        .into_iter()
        .map(|(name, board)| {
            let text = serde_json::to_string_pretty(&board.json())?;
            Ok((PathBuf::from(format!("monitoring/dashboards/{name}.json")), format!("{text}\n")))
        })
        .collect()
}
