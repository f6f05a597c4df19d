//! What is written is read back as it was.

use exposition::protobuf::{Limits, decode};
use exposition::{Escaping, Format, Kind, Names, encode, parse, parse_with};
use proptest::prelude::*;
use prost::Message;

use crate::proto::MetricFamily;
use crate::strategy::{Carries, KINDS, families};

/// The text format has no word for a gauge histogram.
const TEXT_KINDS: [Kind; 5] = [Kind::Counter, Kind::Gauge, Kind::Summary, Kind::Histogram, Kind::Untyped];
const CLASSIC: Carries = Carries { utf8: false, extras: false, messages: false };
const UTF8: Carries = Carries { utf8: true, ..CLASSIC };
const MESSAGES: Carries = Carries { utf8: true, extras: true, messages: true };

proptest! {
    #[test]
    fn families_come_back_from_their_text(families in families(&TEXT_KINDS, CLASSIC)) {
        prop_assert_eq!(parse(encode(&families)), Ok(families));
    }

    #[test]
    fn families_of_any_name_come_back_from_their_text(families in families(&TEXT_KINDS, UTF8)) {
        prop_assert_eq!(parse_with(encode(&families), Names::Utf8), Ok(families));
    }

    #[test]
    fn families_come_back_from_their_messages(families in families(&KINDS, MESSAGES)) {
        let body = Format::ProtobufDelimited { escaping: Escaping::AllowUtf8 }.encode(&families);
        let decoded = decode(&body, Limits::default()).unwrap();
        prop_assert_eq!(decoded.problems, [""; 0]);
        prop_assert_eq!(decoded.families, families);
    }

    #[test]
    fn another_implementation_reads_the_messages_and_writes_them_so_that_they_come_back(
        families in families(&KINDS, MESSAGES),
    ) {
        let body = Format::ProtobufDelimited { escaping: Escaping::AllowUtf8 }.encode(&families);
        let mut rest = &body[..];
        let mut rewritten = Vec::new();
        while !rest.is_empty() {
            let family = MetricFamily::decode_length_delimited(&mut rest).unwrap();
            rewritten.extend(family.encode_length_delimited_to_vec());
        }
        prop_assert_eq!(rewritten.len(), body.len());
        prop_assert_eq!(decode(&rewritten, Limits::default()).unwrap().families, families);
    }

    #[test]
    fn any_number_comes_back_from_its_text(bits in any::<u64>()) {
        let value = f64::from_bits(bits);
        let text = exposition::number::format(value);
        let back = exposition::number::parse(&text).unwrap();
        prop_assert!(back == value || (back.is_nan() && value.is_nan()), "{}", text);
        prop_assert_eq!(exposition::number::format(back), text);
    }
}
