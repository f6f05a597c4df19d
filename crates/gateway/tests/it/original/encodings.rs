//! Packed bodies and content types.

use std::io::Write;

use flate2::Compression;
use flate2::write::GzEncoder;

use super::pair::{Pair, Request};
use crate::proto::{body, family, gauge};

fn gzip(content: &[u8]) -> Vec<u8> {
    let mut encoder = GzEncoder::new(Vec::new(), Compression::best());
    encoder.write_all(content).unwrap();
    encoder.finish().unwrap()
}

fn snappy(content: &[u8]) -> Vec<u8> {
    let mut encoder = snap::write::FrameEncoder::new(Vec::new());
    encoder.write_all(content).unwrap();
    encoder.into_inner().unwrap()
}

/// A push of each body with each header has the same code and effect. The words about a broken one are those of the
/// library that found it.
async fn same_codes(pair: &Pair, headers: &str, bodies: &[Vec<u8>]) {
    for body in bodies {
        let request = Request { method: "POST", path: "/metrics/job/j", headers, body };
        let (ours, theirs) = pair.send(&request).await;
        assert_eq!(ours.code, theirs.code, "{request}\nours: {}theirs: {}", ours.body, theirs.body);
        if ours.code != 200 {
            ours.refused(400);
            theirs.refused(400);
        }
        pair.hold_the_same(&request.to_string()).await;
    }
}

#[tokio::test]
async fn gzip_is_unpacked_as_by_the_original() {
    let pair = Pair::start().await;
    let text = b"a 1\n# TYPE b gauge\nb{x=\"1\"} 2\n";
    let whole = gzip(text);
    let mut bodies = vec![whole.clone(), gzip(b""), b"".to_vec(), text.to_vec()];
    // Several members, and rubbish behind them.
    bodies.push([gzip(b"c 1\n"), gzip(b"d 1\n")].concat());
    bodies.push([gzip(b"c 1\n"), b"x".to_vec()].concat());
    bodies.push([gzip(b"c 1\n"), vec![0; 20]].concat());
    bodies.push([gzip(b"c"), gzip(b" 1\n")].concat());
    bodies.push(gzip(b"broken\n"));
    // Cut at each length, and each byte altered.
    bodies.extend((0..whole.len()).map(|end| whole[..end].to_vec()));
    for at in 0..whole.len() {
        // Header fields that nobody looks at: flags of text, time, extra flags, system.
        if (4..10).contains(&at) {
            continue;
        }
        let mut altered = whole.clone();
        altered[at] ^= 0x10;
        bodies.push(altered);
    }
    for name in ["gzip", "GZIP", "GZip"] {
        same_codes(&pair, &format!("Content-Encoding: {name}\r\n"), &bodies[..9]).await;
    }
    same_codes(&pair, "Content-Encoding: gzip\r\n", &bodies).await;
    let messages = gzip(&body([&family("m", 1, [gauge(1.0)])]));
    same_codes(&pair, &format!("Content-Encoding: gzip\r\n{}", crate::server::PROTOBUF), &[messages]).await;
}

#[tokio::test]
async fn snappy_is_unpacked_as_by_the_original() {
    let pair = Pair::start().await;
    let text = b"a 1\n# TYPE b gauge\nb{x=\"1\"} 2\n";
    let whole = snappy(text);
    let name = whole[..10].to_vec();
    let mut bodies = vec![whole.clone(), snappy(b""), b"".to_vec(), text.to_vec(), name.clone()];
    let chunks = whole[10..].to_vec();
    let padding = vec![0xfe, 3, 0, 0, 0, 0, 0];
    let skippable = vec![0x80, 1, 0, 0, 7];
    let reserved = vec![0x02, 1, 0, 0, 7];
    bodies.push([name.clone(), padding.clone(), chunks.clone()].concat());
    bodies.push([name.clone(), skippable.clone(), chunks.clone(), name.clone(), padding.clone()].concat());
    bodies.push([name.clone(), reserved, chunks.clone()].concat());
    bodies.push([whole.clone(), snappy(b"c 1\n")].concat());
    bodies.push([padding, whole.clone()].concat());
    bodies.push(chunks);
    // A raw block.
    bodies.push(snap::raw::Encoder::new().compress_vec(text).unwrap());
    bodies.extend((0..whole.len()).map(|end| whole[..end].to_vec()));
    for at in 0..whole.len() {
        let mut altered = whole.clone();
        altered[at] ^= 0x10;
        bodies.push(altered);
    }
    same_codes(&pair, "Content-Encoding: snappy\r\n", &bodies).await;
    same_codes(&pair, "Content-Encoding: Snappy\r\n", &bodies[..5]).await;
}

#[tokio::test]
async fn other_encodings_are_taken_for_none_as_in_the_original() {
    let pair = Pair::start().await;
    let bodies = [b"a 1\n".to_vec(), gzip(b"a 2\n"), snappy(b"a 3\n")];
    for headers in [
        "Content-Encoding: identity\r\n",
        "Content-Encoding: x-gzip\r\n",
        "Content-Encoding: deflate\r\n",
        "Content-Encoding: br\r\n",
        "Content-Encoding: zstd\r\n",
        "Content-Encoding: gzip, gzip\r\n",
        "Content-Encoding: gzip, identity\r\n",
        "Content-Encoding: x-snappy-framed\r\n",
        "Content-Encoding:\r\n",
        "Content-Encoding: \"gzip\"\r\n",
        "Content-Encoding: identity\r\nContent-Encoding: gzip\r\n",
        "Content-Encoding: gzip\r\nContent-Encoding: identity\r\n",
        "Content-Encoding:   gzip  \r\n",
    ] {
        same_codes(&pair, headers, &bodies).await;
    }
}

#[tokio::test]
async fn content_types_are_told_apart_as_by_the_original() {
    let pair = Pair::start().await;
    let bodies = [b"a 1\n".to_vec(), body([&family("m", 1, [gauge(1.0)])])];
    let name = "io.prometheus.client.MetricFamily";
    for content_type in [
        format!("application/vnd.google.protobuf; proto={name}; encoding=delimited"),
        format!("application/vnd.google.protobuf;encoding=delimited;proto={name}"),
        format!("Application/VND.Google.Protobuf; Proto={name}; ENCODING=delimited"),
        format!("application/vnd.google.protobuf ; proto=\"{name}\" ; encoding=\"delimited\""),
        format!("application/vnd.google.protobuf; proto={name}; encoding=delimited; x=y"),
        format!("application/vnd.google.protobuf; proto={name}; encoding=delimited; escaping=values"),
        format!("application/vnd.google.protobuf; proto={name}; encoding=delimited;"),
        format!("application/vnd.google.protobuf; proto={name}; encoding=delimited;;"),
        format!("application/vnd.google.protobuf; proto={name}; encoding=delimited; encoding=text"),
        format!("application/vnd.google.protobuf; proto={name}; encoding=delimited; encoding=delimited"),
        format!("application/vnd.google.protobuf; proto={name}; encoding=Delimited"),
        format!("application/vnd.google.protobuf; proto={name}; encoding=text"),
        format!("application/vnd.google.protobuf; proto={name}; encoding=compact-text"),
        format!("application/vnd.google.protobuf; proto={name}"),
        "application/vnd.google.protobuf; encoding=delimited".to_owned(),
        "application/vnd.google.protobuf; proto=io.prometheus.client.metricfamily; encoding=delimited"
            .to_owned(),
        "application/vnd.google.protobuf; proto=io.prometheus.write.v2.Request; encoding=delimited"
            .to_owned(),
        "application/vnd.google.protobuf".to_owned(),
        format!("application/x-protobuf; proto={name}; encoding=delimited"),
        format!("application/vnd.google.protobuf; proto={name}; encoding=delimited, text/plain"),
        format!("application/vnd.google.protobuf; proto={name}; encoding=de\\limited"),
        format!("application/vnd.google.protobuf; proto={name}; encoding=\"de\\limited\""),
        format!("application/vnd.google.protobuf; proto={name} ; encoding = delimited"),
        format!("application/vnd.google.protobuf proto={name}; encoding=delimited"),
        "application/openmetrics-text; version=1.0.0; charset=utf-8".to_owned(),
        "text/plain; version=0.0.4".to_owned(),
        "text/plain; version=9".to_owned(),
        "application/json".to_owned(),
        "application/x-www-form-urlencoded".to_owned(),
        "multipart/form-data; boundary=x".to_owned(),
        ";;".to_owned(),
        String::new(),
        "nonsense".to_owned(),
        format!(
            "text/plain\r\nContent-Type: application/vnd.google.protobuf; proto={name}; encoding=delimited"
        ),
        format!(
            "application/vnd.google.protobuf; proto={name}; encoding=delimited\r\nContent-Type: text/plain"
        ),
    ] {
        let headers = format!("Content-Type: {content_type}\r\n");
        for body in &bodies {
            pair.alike(&Request { method: "PUT", path: "/metrics/job/j", headers: &headers, body }).await;
        }
    }
}
