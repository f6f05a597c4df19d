//! The formats of an exposition, written sample by sample into a buffer that the caller may empty in between.
//!
//! One family is [`Format::begin`], [`Format::sample`] for each sample and [`Format::end_family`]; the exposition ends
//! in [`Format::end`]. Families without samples are left out by not beginning them.

mod accept;
mod openmetrics;
mod prototext;
pub(crate) mod text;

use crate::escape::Escaping;
use crate::family::{Extra, Family, Kind, Sample, Value};
use crate::protobuf;

/// What an exposition is written in, and how names of other than the classic form are shown in it.
#[derive(Clone, Copy, Debug, Eq, Hash, PartialEq)]
pub enum Format {
    /// The text format 0.0.4. It has no words for what is in [`Extra`] and for native histograms.
    Text {
        /// Of names.
        escaping: Escaping,
    },
    /// Messages `io.prometheus.client.MetricFamily`, each behind its length.
    ProtobufDelimited {
        /// Of names.
        escaping: Escaping,
    },
    /// The messages as text for people, indented, with an empty line behind each.
    ProtobufText {
        /// Of names.
        escaping: Escaping,
    },
    /// The messages as text, one to a line.
    ProtobufCompact {
        /// Of names.
        escaping: Escaping,
    },
    /// OpenMetrics. It has no words for native histograms.
    OpenMetrics {
        /// Which one is announced; what is written is the same.
        version: OpenMetricsVersion,
        /// Of names.
        escaping: Escaping,
    },
}

/// A version of OpenMetrics.
#[derive(Clone, Copy, Debug, Eq, Hash, PartialEq)]
pub enum OpenMetricsVersion {
    /// 0.0.1, the draft.
    V0_0_1,
    /// 1.0.0.
    V1_0_0,
}

/// What a family has in common.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub struct Head<'a> {
    /// The name, not escaped.
    pub name: &'a str,
    /// What it says, for people; may be empty.
    pub help: &'a str,
    /// What it measures.
    pub kind: Kind,
}

/// One sample, wherever its parts are kept. `L` yields its labels, names not escaped, in the order in which they are
/// to be shown; its clones are walked, so a clone should be cheap.
#[derive(Clone, Copy, Debug)]
pub struct SampleRef<'a, L> {
    /// The labels, name and value.
    pub labels: L,
    /// What was measured; of a kind that the family's [`Kind::accepts`].
    pub value: &'a Value,
    /// What only some formats show.
    pub extra: Option<&'a Extra>,
    /// Milliseconds since 1970.
    pub timestamp: Option<i64>,
}

impl Default for Format {
    /// What a reader gets who asks for nothing that there is.
    fn default() -> Self {
        Self::Text { escaping: Escaping::default() }
    }
}

impl Format {
    /// The media type, for the header `Content-Type`.
    #[must_use]
    pub fn content_type(self) -> String {
        const PROTOBUF: &str =
            "application/vnd.google.protobuf; proto=io.prometheus.client.MetricFamily; encoding=";
        let media_type = match self {
            Self::Text { .. } => crate::encode::CONTENT_TYPE.to_owned(),
            Self::ProtobufDelimited { .. } => format!("{PROTOBUF}delimited"),
            Self::ProtobufText { .. } => format!("{PROTOBUF}text"),
            Self::ProtobufCompact { .. } => format!("{PROTOBUF}compact-text"),
            Self::OpenMetrics { version, .. } => {
                let version = match version {
                    OpenMetricsVersion::V0_0_1 => "0.0.1",
                    OpenMetricsVersion::V1_0_0 => "1.0.0",
                };
                format!("application/openmetrics-text; version={version}; charset=utf-8")
            }
        };
        format!("{media_type}; escaping={}", self.escaping().as_str())
    }

    /// How names are shown.
    #[must_use]
    pub fn escaping(self) -> Escaping {
        match self {
            Self::Text { escaping }
            | Self::ProtobufDelimited { escaping }
            | Self::ProtobufText { escaping }
            | Self::ProtobufCompact { escaping }
            | Self::OpenMetrics { escaping, .. } => escaping,
        }
    }

    /// The best format for the header `Accept` of a request, the first when there are several: the clauses in the
    /// order of their `q`, equal ones in their own order, and of them the first that fits; text when none does. The
    /// escaping is that of the last clause looked at that names one. OpenMetrics is chosen only when `openmetrics` is
    /// true, which for a gateway that is compatible with prometheus-pushgateway 1.11 it is not; text 1.0.0 never is.
    #[must_use]
    pub fn negotiate(accept: Option<&str>, openmetrics: bool) -> Self {
        accept::negotiate(accept.unwrap_or_default(), openmetrics)
    }

    /// Appends what stands before the samples of a family.
    ///
    /// `samples` are those that will follow. They are walked only by [`Format::ProtobufDelimited`], which needs the
    /// length of the whole family in front; so they must be the very samples that [`Format::sample`] will be given.
    pub fn begin<'a, L>(
        self,
        out: &mut Vec<u8>,
        head: &Head<'_>,
        samples: impl IntoIterator<Item = SampleRef<'a, L>>,
    ) where
        L: Iterator<Item = (&'a str, &'a str)> + Clone,
    {
        let name = self.escaping().metric_name(head.name);
        let escaped = Head { name: &name, ..*head };
        match self {
            Self::Text { .. } => text::begin(&mut Sink(out), escaped.name, escaped.help, escaped.kind),
            Self::OpenMetrics { .. } => openmetrics::begin(&mut Sink(out), &escaped),
            Self::ProtobufText { .. } => prototext::begin(&mut Sink(out), &escaped, prototext::Layout::Lines),
            Self::ProtobufCompact { .. } => {
                prototext::begin(&mut Sink(out), &escaped, prototext::Layout::Compact)
            }
            Self::ProtobufDelimited { escaping } => {
                let length = |sample: SampleRef<'a, L>| match escaping.labels(sample.labels.clone()) {
                    None => protobuf::write::sample_len(head.kind, &sample),
                    Some(labels) => {
                        protobuf::write::sample_len(head.kind, &sample.with_labels(pairs(&labels)))
                    }
                };
                protobuf::write::begin(out, &escaped, samples.into_iter().map(length).sum());
            }
        }
    }

    /// Appends one sample of the family that has begun with `head`.
    pub fn sample<'a, L>(self, out: &mut Vec<u8>, head: &Head<'_>, sample: &SampleRef<'a, L>)
    where
        L: Iterator<Item = (&'a str, &'a str)> + Clone,
    {
        let name = self.escaping().metric_name(head.name);
        let head = Head { name: &name, ..*head };
        match self.escaping().labels(sample.labels.clone()) {
            None => self.escaped_sample(out, &head, sample),
            Some(labels) => self.escaped_sample(out, &head, &sample.with_labels(pairs(&labels))),
        }
    }

    fn escaped_sample<'a, L>(self, out: &mut Vec<u8>, head: &Head<'_>, sample: &SampleRef<'a, L>)
    where
        L: Iterator<Item = (&'a str, &'a str)> + Clone,
    {
        match self {
            Self::Text { .. } => {
                text::sample(&mut Sink(out), head.name, &sample.labels, sample.value, sample.timestamp);
            }
            Self::OpenMetrics { .. } => openmetrics::sample(&mut Sink(out), head, sample),
            Self::ProtobufDelimited { .. } => protobuf::write::sample(out, head.kind, sample),
            Self::ProtobufText { .. } => {
                prototext::sample(&mut Sink(out), head.kind, sample, prototext::Layout::Lines);
            }
            Self::ProtobufCompact { .. } => {
                prototext::sample(&mut Sink(out), head.kind, sample, prototext::Layout::Compact);
            }
        }
    }

    /// Appends what stands behind the samples of a family: a line feed in the two forms of protobuf as text, nothing in
    /// the other formats.
    pub fn end_family(self, out: &mut Vec<u8>) {
        if let Self::ProtobufText { .. } | Self::ProtobufCompact { .. } = self {
            out.push(b'\n');
        }
    }

    /// Appends what stands behind the last family: `# EOF` in OpenMetrics, nothing in the other formats.
    pub fn end(self, out: &mut Vec<u8>) {
        if let Self::OpenMetrics { .. } = self {
            out.extend_from_slice(b"# EOF\n");
        }
    }

    /// The families as a whole exposition, in the given order; those without samples are left out.
    #[must_use]
    pub fn encode(self, families: &[Family]) -> Vec<u8> {
        let mut out = Vec::new();
        for family in families.iter().filter(|family| !family.samples.is_empty()) {
            let head = Head { name: &family.name, help: &family.help, kind: family.kind };
            self.begin(&mut out, &head, family.samples.iter().map(Sample::as_ref));
            for sample in &family.samples {
                self.sample(&mut out, &head, &sample.as_ref());
            }
            self.end_family(&mut out);
        }
        self.end(&mut out);
        out
    }
}

/// The pairs of a list as what [`SampleRef`] takes for labels.
fn pairs<'b, N: AsRef<str> + 'b>(
    labels: &'b [(N, &'b str)],
) -> impl Iterator<Item = (&'b str, &'b str)> + Clone {
    labels.iter().map(|(name, value)| (name.as_ref(), *value))
}

impl<'a, L> SampleRef<'a, L> {
    fn with_labels<'b, M>(&self, labels: M) -> SampleRef<'b, M>
    where
        'a: 'b,
    {
        let SampleRef { value, extra, timestamp, .. } = *self;
        SampleRef { labels, value, extra, timestamp }
    }
}

impl Sample {
    /// The sample as [`Format`] takes it.
    pub fn as_ref(&self) -> SampleRef<'_, impl Iterator<Item = (&str, &str)> + Clone> {
        let labels = self.labels.iter().map(|(name, value)| (name.as_str(), value.as_str()));
        SampleRef { labels, value: &self.value, extra: self.extra.as_deref(), timestamp: self.timestamp }
    }
}

/// A buffer of bytes as one of text.
struct Sink<'a>(&'a mut Vec<u8>);

impl std::fmt::Write for Sink<'_> {
    #[inline]
    fn write_str(&mut self, text: &str) -> std::fmt::Result {
        self.0.extend_from_slice(text.as_bytes());
        Ok(())
    }

    #[inline]
    fn write_char(&mut self, c: char) -> std::fmt::Result {
        if c.is_ascii() {
            self.0.push(c as u8);
            return Ok(());
        }
        self.write_str(c.encode_utf8(&mut [0; 4]))
    }
}
