//! The header `Accept`: any text leads to a format, always the same, and what a format calls itself leads back to it.
#![no_main]

use exposition::Format;
use libfuzzer_sys::fuzz_target;

fuzz_target!(|data: &[u8]| {
    let Ok(accept) = std::str::from_utf8(data) else { return };
    for openmetrics in [false, true] {
        let format = Format::negotiate(Some(accept), openmetrics);
        assert_eq!(Format::negotiate(Some(accept), openmetrics), format);
        let is_openmetrics = matches!(format, Format::OpenMetrics { .. });
        assert!(openmetrics || !is_openmetrics, "{format:?}");
        assert_eq!(Format::negotiate(Some(&format.content_type()), openmetrics), format);
    }
});
