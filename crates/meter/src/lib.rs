//! What servers that are scraped share: figures of their own process, quantiles over a window, compressed answers.

#![warn(missing_docs)]

pub mod compress;
pub mod process;
mod window;

pub use window::{Shape, Window};
