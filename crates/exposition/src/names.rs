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

/// Which names are allowed where they come from outside.
#[derive(Clone, Copy, Debug, Default, Eq, Hash, PartialEq)]
pub enum Names {
    /// Those that every Prometheus understands: [`is_metric_name`], [`is_label_name`].
    #[default]
    Legacy,
    /// Any UTF-8 that is not empty, which Prometheus 3 understands.
    Utf8,
}

impl Names {
    /// Whether `name` may be the name of a metric.
    #[must_use]
    pub fn allow_metric(self, name: &str) -> bool {
        match self {
            Self::Legacy => is_metric_name(name),
            Self::Utf8 => !name.is_empty(),
        }
    }

    /// Whether `name` may be the name of a label. Reserved ones are no less allowed: see [`is_reserved_label`].
    #[must_use]
    pub fn allow_label(self, name: &str) -> bool {
        match self {
            Self::Legacy => is_label_name(name),
            Self::Utf8 => !name.is_empty(),
        }
    }
}

fn starts_and_continues(name: &str, also: impl Fn(u8) -> bool) -> bool {
    let mut bytes = name.bytes();
    bytes.next().is_some_and(|byte| byte.is_ascii_alphabetic() || also(byte))
        && bytes.all(|byte| byte.is_ascii_alphanumeric() || also(byte))
}
