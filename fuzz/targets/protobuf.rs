//! The decoder of messages: any bytes are families or an error, within a limit, and families survive every format.
#![no_main]

use exposition::protobuf::{Decoded, Limits, ProtobufError, decode};
use exposition::{Escaping, Family, Format, OpenMetricsVersion};
use libfuzzer_sys::fuzz_target;

/// Far below what the longest input could hold, so that the limit is reached, too.
const LIMITS: Limits = Limits { parts: 2000 };

fuzz_target!(|data: &[u8]| {
    match decode(data, LIMITS) {
        Ok(decoded) => check(data, &decoded),
        Err(ProtobufError::TooManyParts { limit }) => {
            assert_eq!(limit, LIMITS.parts);
            // It is the same body with a higher limit: well-formed or not, but read.
            let _ = decode(data, Limits::default());
        }
        Err(_) => {}
    }
});

fn check(data: &[u8], decoded: &Decoded) {
    let Decoded { families, problems } = decoded;
    // The parts bound what is made of a body.
    assert!(families.iter().map(parts).sum::<usize>() <= LIMITS.parts);
    assert!(problems.len() <= 10 && problems.iter().all(|problem| problem.len() < 4 * data.len() + 2000));
    if !problems.is_empty() {
        return;
    }
    for family in families {
        assert!(!family.name.is_empty(), "{family:?}");
        assert!(family.samples.iter().all(|sample| family.kind.accepts(&sample.value)), "{family:?}");
    }
    let again = Format::ProtobufDelimited { escaping: Escaping::AllowUtf8 }.encode(families);
    let shown: Vec<&Family> = families.iter().filter(|family| !family.samples.is_empty()).collect();
    match decode(&again, Limits::default()) {
        // NaN differs from itself, so what is printed is compared.
        Ok(back) => {
            assert_eq!(format!("{:?}", back.families), format!("{shown:?}"));
            assert_eq!(back.problems, [""; 0]);
        }
        Err(error) => panic!("{error} in what was written of {shown:?}"),
    }
    for escaping in [Escaping::AllowUtf8, Escaping::Underscores, Escaping::Dots, Escaping::Values] {
        for format in [
            Format::Text { escaping },
            Format::ProtobufDelimited { escaping },
            Format::ProtobufText { escaping },
            Format::ProtobufCompact { escaping },
            Format::OpenMetrics { version: OpenMetricsVersion::V1_0_0, escaping },
        ] {
            let written = format.encode(families);
            if let Format::ProtobufDelimited { .. } = format {
                assert!(decode(&written, Limits::default()).is_ok(), "{format:?} of {families:?}");
            } else {
                assert!(String::from_utf8(written).is_ok(), "{format:?} of {families:?}");
            }
        }
    }
}

fn parts(family: &Family) -> usize {
    use exposition::Value;
    let of_sample = |sample: &exposition::Sample| {
        let of_value = match &sample.value {
            Value::Number(_) => 0,
            Value::Summary(summary) => summary.quantiles.len(),
            Value::Histogram(histogram) => {
                let native = histogram.native.as_ref().map_or(0, |native| {
                    let side = |side: &exposition::NativeBuckets| {
                        side.spans.len() + side.deltas.len() + side.counts.len()
                    };
                    side(&native.negative) + side(&native.positive) + native.exemplars.len()
                });
                histogram.buckets.len() + native
            }
        };
        1 + sample.labels.len() + of_value
    };
    1 + family.samples.iter().map(of_sample).sum::<usize>()
}
