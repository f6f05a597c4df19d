//! The text format and grouping keys, from outside.

mod encodes;
mod grouping;
mod numbers;
mod reads_foreign_text;
mod refuses;
mod round_trip;
