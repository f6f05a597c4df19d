//! Compressed scrapes.

use std::io::Write;

use flate2::Compression;
use flate2::write::GzEncoder;

/// Compresses piece by piece. The lowest level already makes an exposition twenty times smaller; more would cost
/// more than writing the text did.
pub(crate) struct Gzip(GzEncoder<Vec<u8>>);

impl Default for Gzip {
    fn default() -> Self {
        Self(GzEncoder::new(Vec::new(), Compression::fast()))
    }
}

impl Gzip {
    /// Appends to `out` what `text` adds; that may be nothing yet.
    pub(crate) fn write(&mut self, text: &[u8], out: &mut Vec<u8>) {
        // Writing into a Vec cannot fail.
        let _ = self.0.write_all(text);
        out.append(self.0.get_mut());
    }

    /// Appends to `out` what is left.
    pub(crate) fn finish(self, out: &mut Vec<u8>) {
        out.append(&mut self.0.finish().unwrap_or_default());
    }
}

/// Whether an `Accept-Encoding` prefers gzip to identity, as the original decides: identity is preferred when both are
/// named with one weight, and `*` means identity.
pub(crate) fn prefers_gzip(accepted: &str) -> bool {
    let (mut identity, mut gzip) = (-1.0, -1.0);
    for choice in accepted.split(',') {
        let mut parts = choice.split(';').map(str::trim);
        let name = parts.next().unwrap_or_default();
        let weight = parts.find_map(|parameter| parameter.strip_prefix("q="));
        let weight = weight.map_or(1.0, |weight| weight.parse::<f64>().unwrap_or(0.0));
        if matches!(name, "identity" | "*") {
            identity = weight.max(identity);
        }
        if matches!(name, "gzip" | "*") {
            gzip = weight.max(gzip);
        }
    }
    gzip > 0.0 && gzip > identity
}

#[cfg(test)]
mod tests {
    use super::prefers_gzip;

    #[test]
    fn gzip_has_to_be_preferred_to_identity() {
        for accepted in ["gzip", "deflate, gzip;q=1.0", "gzip, identity;q=0.5", "gzip;q=0.1", "*;q=0.2,gzip"]
        {
            assert!(prefers_gzip(accepted), "{accepted}");
        }
        for accepted in
            ["", "identity", "gzip;q=0", "gzip;q=0.5, identity", "*", "zstd", "br, deflate", "gzip, identity"]
        {
            assert!(!prefers_gzip(accepted), "{accepted}");
        }
    }
}
