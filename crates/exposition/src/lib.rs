//! Metric families as values; the text format in and out.
