//! Metric families as values; the text format in and out.
//!
//! Three sides speak the Prometheus text format 0.0.4: whoever measures writes it, the gateway reads, merges and
//! writes it, and the operator writes its own. They share these values, so that none depends on another:
//!
//! - [`family`]: counter, gauge, summary, histogram, untyped, as plain values;
//! - [`encode()`]: families → text; [`parse()`]: text → families, or an error with the line;
//! - [`number`]: floating point numbers as Go prints and reads them, which is what the format prescribes;
//! - [`grouping`]: the grouping key of a push and its URL path, both directions;
//! - [`names`]: which metric and label names are valid.
//!
//! The format: <https://prometheus.io/docs/instrumenting/exposition_formats/#text-based-format>.

#![warn(missing_docs)]

pub mod encode;
pub mod escape;
mod families;
pub mod family;
pub mod format;
pub mod grouping;
pub mod names;
pub mod number;
pub mod parse;
pub mod protobuf;
mod quote;

pub use encode::{CONTENT_TYPE, encode};
pub use escape::Escaping;
pub use families::Families;
pub use family::{
    Bucket, Count, Exemplar, Extra, Family, Histogram, Kind, Labels, Moment, Native, NativeBuckets, Quantile,
    Sample, Span, Summary, Value,
};
pub use format::{Format, Head, OpenMetricsVersion, SampleRef};
pub use grouping::GroupingKey;
pub use names::Names;
pub use parse::{ParseError, parse, parse_with};
