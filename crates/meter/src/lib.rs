//! What servers that are scraped share: figures of their own process, histograms, quantiles over a window, compressed
//! answers.

#![warn(missing_docs)]

pub mod compress;
mod histogram;
pub mod process;
mod window;

pub use histogram::Histogram;
pub use window::{Shape, Window};
