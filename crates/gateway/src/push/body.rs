//! Read a body and unpack it, each step under its limit and within the memory there is.

use std::io::{Cursor, Read};

use axum::body::{Body, Bytes};
use flate2::read::MultiGzDecoder;
use futures_util::StreamExt;
use http::HeaderMap;
use http::header::{CONTENT_ENCODING, CONTENT_LENGTH};
use snap::read::FrameDecoder;

use super::budget::{FREE, Reservation};
use super::refusal::Refusal;
use crate::config::Limits;

/// The body as it was sent.
pub(super) async fn read(
    body: Body,
    headers: &HeaderMap,
    limits: &Limits,
    memory: &mut Reservation,
) -> Result<Bytes, Refusal> {
    let too_large = || Refusal::TooLarge { limit: limits.body_bytes };
    // Said before the client sends it, when it asks by `Expect: 100-continue`.
    if let Some(declared) = declared(headers) {
        let length = usize::try_from(declared).ok().filter(|length| *length <= limits.body_bytes);
        // All at once: of two that hold a half each and wait for the other, none would go on.
        memory.cover(length.ok_or_else(too_large)?).await?;
    }
    let mut frames = body.into_data_stream();
    let mut first = Bytes::new();
    let mut whole: Vec<u8> = Vec::new();
    loop {
        let next = tokio::select! {
            biased;
            next = frames.next() => next,
            refusal = memory.must_give_way() => return Err(refusal),
        };
        let Some(frame) = next else { break };
        let frame =
            frame.map_err(|error| if web::too_slow(&error) { Refusal::Slow } else { Refusal::Cut })?;
        let length = first.len() + whole.len() + frame.len();
        if length > limits.body_bytes {
            return Err(too_large());
        }
        memory.cover(length).await?;
        // Most bodies come in one piece, which is not copied.
        if first.is_empty() && whole.is_empty() {
            first = frame;
        } else {
            if whole.is_empty() {
                whole = std::mem::take(&mut first).into();
            }
            whole.extend_from_slice(&frame);
        }
    }
    Ok(if whole.is_empty() { first } else { whole.into() })
}

fn declared(headers: &HeaderMap) -> Option<u64> {
    headers.get(CONTENT_LENGTH)?.to_str().ok()?.parse().ok()
}

/// The encodings that are undone. Only the exact names count, in any case; with any other the body is taken as it
/// is. Of two headers the first counts.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
enum Encoding {
    Gzip,
    /// The framing format, not raw blocks.
    Snappy,
}

impl Encoding {
    fn of(headers: &HeaderMap) -> Option<Self> {
        let name = headers.get(CONTENT_ENCODING)?.to_str().ok()?;
        match name.to_ascii_lowercase().as_str() {
            "gzip" => Some(Encoding::Gzip),
            "snappy" => Some(Encoding::Snappy),
            _ => None,
        }
    }
}

/// The body as it was before it was packed.
pub(super) async fn unpack(
    body: Bytes,
    headers: &HeaderMap,
    limits: &Limits,
    memory: &mut Reservation,
) -> Result<Bytes, Refusal> {
    let Some(encoding) = Encoding::of(headers) else { return Ok(body) };
    let packed = body.len();
    let source = Cursor::new(body);
    let decoder: Box<dyn Read + Send> = match encoding {
        Encoding::Gzip if packed == 0 => return Err(Refusal::Encoding("EOF".to_owned())),
        Encoding::Gzip => Box::new(MultiGzDecoder::new(source)),
        Encoding::Snappy => Box::new(FrameDecoder::new(source)),
    };
    let mut unpacking = Unpacking { decoder, unpacked: Vec::new(), limit: limits.unpacked_bytes };
    // What costs no more than a small push is done at once; after that each step is paid for, then done elsewhere.
    let mut ended = unpacking.until(FREE).map_err(|error| wrong(&error))?;
    while !ended {
        let next = unpacking.unpacked.len().saturating_mul(2);
        memory.cover(packed + next.min(limits.unpacked_bytes)).await?;
        let step = tokio::task::spawn_blocking(move || {
            let ended = unpacking.until(next);
            (unpacking, ended)
        });
        let (stepped, result) = step.await.map_err(|_| Refusal::Internal)?;
        unpacking = stepped;
        ended = result.map_err(|error| wrong(&error))?;
    }
    if unpacking.unpacked.len() > limits.unpacked_bytes {
        return Err(Refusal::UnpackedTooLarge { limit: limits.unpacked_bytes });
    }
    Ok(unpacking.unpacked.into())
}

struct Unpacking {
    decoder: Box<dyn Read + Send>,
    unpacked: Vec<u8>,
    limit: usize,
}

impl Unpacking {
    /// Unpacks until there are `bytes`, or one more than is allowed, or the end; says whether it is the end.
    fn until(&mut self, bytes: usize) -> std::io::Result<bool> {
        let wanted = bytes.min(self.limit.saturating_add(1)).saturating_sub(self.unpacked.len());
        self.unpacked.reserve_exact(wanted);
        let read = self.decoder.by_ref().take(wanted as u64).read_to_end(&mut self.unpacked)?;
        Ok(read < wanted || self.unpacked.len() > self.limit)
    }
}

fn wrong(error: &std::io::Error) -> Refusal {
    if error.kind() == std::io::ErrorKind::UnexpectedEof {
        return Refusal::Cut;
    }
    Refusal::Encoding(format!("the body is not what its Content-Encoding says: {error}"))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::push::budget::Budget;
    use flate2::write::GzEncoder;
    use http::HeaderValue;
    use std::io::Write;

    fn gzip(content: &[u8]) -> Vec<u8> {
        let mut encoder = GzEncoder::new(Vec::new(), flate2::Compression::fast());
        encoder.write_all(content).unwrap();
        encoder.finish().unwrap()
    }

    fn snappy(content: &[u8]) -> Vec<u8> {
        let mut encoder = snap::write::FrameEncoder::new(Vec::new());
        encoder.write_all(content).unwrap();
        encoder.into_inner().unwrap()
    }

    async fn unpacked(encoding: &'static str, body: Vec<u8>) -> Result<Bytes, Refusal> {
        let limits = Limits { unpacked_bytes: 1_000_000, ..Limits::default() };
        let headers = HeaderMap::from_iter([(CONTENT_ENCODING, HeaderValue::from_static(encoding))]);
        let mut memory = Budget::new(&limits).reservation(web::Peer::Local);
        unpack(body.into(), &headers, &limits, &mut memory).await
    }

    #[tokio::test]
    async fn small_and_large_bodies_are_unpacked() {
        for size in [0, 1, FREE - 1, FREE, FREE + 1, 2 * FREE, 999_999, 1_000_000] {
            let content: Vec<u8> = (0..size).map(|n| (n % 251) as u8).collect();
            assert_eq!(unpacked("GZip", gzip(&content)).await.unwrap(), content, "{size}");
            assert_eq!(unpacked("snappy", snappy(&content)).await.unwrap(), content, "{size}");
        }
    }

    #[tokio::test]
    async fn what_unpacks_to_too_much_is_refused() {
        let content = vec![0; 1_000_001];
        for (encoding, body) in [("gzip", gzip(&content)), ("snappy", snappy(&content))] {
            assert!(matches!(unpacked(encoding, body).await, Err(Refusal::UnpackedTooLarge { .. })));
        }
    }

    #[tokio::test]
    async fn several_members_are_one_body_and_rubbish_behind_them_is_refused() {
        let mut body = gzip(b"a 1\n");
        body.extend(gzip(b"b 2\n"));
        assert_eq!(unpacked("gzip", body.clone()).await.unwrap(), "a 1\nb 2\n");
        body.extend(b"rubbish, and more than a header of it");
        assert!(matches!(unpacked("gzip", body).await, Err(Refusal::Encoding(_))));
    }

    #[tokio::test]
    async fn broken_bodies_are_refused() {
        let body = gzip(b"a 1\n");
        let mut wrong_sum = body.clone();
        let at = wrong_sum.len() - 6;
        wrong_sum[at] ^= 1;
        for broken in [b"".to_vec(), b"a 1\n".to_vec(), wrong_sum, body[..body.len() - 3].to_vec()] {
            assert!(unpacked("gzip", broken).await.is_err());
        }
        assert!(unpacked("snappy", b"a 1\n".to_vec()).await.is_err());
        assert_eq!(unpacked("snappy", Vec::new()).await.unwrap(), "");
    }

    #[tokio::test]
    async fn other_encodings_are_ignored() {
        for name in ["identity", "x-gzip", "deflate", "gzip, gzip", "br"] {
            assert_eq!(unpacked(name, b"a 1\n".to_vec()).await.unwrap(), "a 1\n");
        }
    }
}
