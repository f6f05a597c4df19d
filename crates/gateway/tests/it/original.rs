//! Beside the original: the same requests to both get the same verdicts and leave the same state, whichever way one
//! looks at it.
//!
//! The original is 1.11 or newer. Where ours differs on purpose, `differences` has the case and says why.

mod api;
mod consistency;
mod differences;
mod encodings;
mod endpoints;
mod generated;
mod histograms;
mod keys;
mod messages;
mod pair;
mod pushes;
mod scrapes;
mod seen;
mod texts;
mod unchecked;
