//! The numbers of the fields, message by message, as `metrics.proto` of `prometheus/client_model` gives them.

pub(super) mod family {
    pub(in super::super) const NAME: u32 = 1;
    pub(in super::super) const HELP: u32 = 2;
    pub(in super::super) const TYPE: u32 = 3;
    pub(in super::super) const METRIC: u32 = 4;
}

pub(super) mod metric {
    pub(in super::super) const LABEL: u32 = 1;
    pub(in super::super) const GAUGE: u32 = 2;
    pub(in super::super) const COUNTER: u32 = 3;
    pub(in super::super) const SUMMARY: u32 = 4;
    pub(in super::super) const UNTYPED: u32 = 5;
    pub(in super::super) const TIMESTAMP_MS: u32 = 6;
    pub(in super::super) const HISTOGRAM: u32 = 7;
}

pub(super) mod label {
    pub(in super::super) const NAME: u32 = 1;
    pub(in super::super) const VALUE: u32 = 2;
}

/// Of `Gauge`, `Untyped` and `Counter`; only the last has more than a value.
pub(super) mod number {
    pub(in super::super) const VALUE: u32 = 1;
    pub(in super::super) const EXEMPLAR: u32 = 2;
    pub(in super::super) const CREATED: u32 = 3;
}

pub(super) mod summary {
    pub(in super::super) const COUNT: u32 = 1;
    pub(in super::super) const SUM: u32 = 2;
    pub(in super::super) const QUANTILE: u32 = 3;
    pub(in super::super) const CREATED: u32 = 4;
}

pub(super) mod quantile {
    pub(in super::super) const QUANTILE: u32 = 1;
    pub(in super::super) const VALUE: u32 = 2;
}

/// The fields of each side follow each other: spans, deltas, counts.
pub(super) mod histogram {
    pub(in super::super) const COUNT: u32 = 1;
    pub(in super::super) const SUM: u32 = 2;
    pub(in super::super) const BUCKET: u32 = 3;
    pub(in super::super) const COUNT_FLOAT: u32 = 4;
    pub(in super::super) const SCHEMA: u32 = 5;
    pub(in super::super) const ZERO_THRESHOLD: u32 = 6;
    pub(in super::super) const ZERO_COUNT: u32 = 7;
    pub(in super::super) const ZERO_COUNT_FLOAT: u32 = 8;
    pub(in super::super) const NEGATIVE_SPAN: u32 = 9;
    pub(in super::super) const NEGATIVE_COUNT: u32 = 11;
    pub(in super::super) const POSITIVE_SPAN: u32 = 12;
    pub(in super::super) const POSITIVE_COUNT: u32 = 14;
    pub(in super::super) const CREATED: u32 = 15;
    pub(in super::super) const EXEMPLAR: u32 = 16;
}

pub(super) mod bucket {
    pub(in super::super) const CUMULATIVE_COUNT: u32 = 1;
    pub(in super::super) const UPPER_BOUND: u32 = 2;
    pub(in super::super) const EXEMPLAR: u32 = 3;
    pub(in super::super) const CUMULATIVE_COUNT_FLOAT: u32 = 4;
}

pub(super) mod span {
    pub(in super::super) const OFFSET: u32 = 1;
    pub(in super::super) const LENGTH: u32 = 2;
}

pub(super) mod exemplar {
    pub(in super::super) const LABEL: u32 = 1;
    pub(in super::super) const VALUE: u32 = 2;
    pub(in super::super) const TIMESTAMP: u32 = 3;
}

/// Of `google.protobuf.Timestamp`.
pub(super) mod moment {
    pub(in super::super) const SECONDS: u32 = 1;
    pub(in super::super) const NANOS: u32 = 2;
}
