//! Which metric and label names are valid, in one place for both directions.

/// Whether `name` is a metric name every Prometheus understands: `[a-zA-Z_:][a-zA-Z0-9_:]*`.
#[must_use]
pub fn is_metric_name(name: &str) -> bool {
    starts_and_continues(name, |byte| byte == b'_' || byte == b':')
}

/// Whether `name` is a label name every Prometheus understands: `[a-zA-Z_][a-zA-Z0-9_]*`.
///
/// Names that start with `__` are well-formed, but reserved: see [`is_reserved_label`].
#[must_use]
pub fn is_label_name(name: &str) -> bool {
    starts_and_continues(name, |byte| byte == b'_')
}

/// Whether Prometheus keeps labels of this name for itself (they start with `__`).
#[must_use]
pub fn is_reserved_label(name: &str) -> bool {
    name.starts_with("__")
}

fn starts_and_continues(name: &str, also: impl Fn(u8) -> bool) -> bool {
    let mut bytes = name.bytes();
    bytes.next().is_some_and(|byte| byte.is_ascii_alphabetic() || also(byte))
        && bytes.all(|byte| byte.is_ascii_alphanumeric() || also(byte))
}
