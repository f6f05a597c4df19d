//! Without the consistency check.

use gateway::Config;

use super::pair::{Pair, Request};
use crate::proto::{body, family, gauge};
use crate::server::PROTOBUF;

#[tokio::test]
async fn pushes_are_answered_as_by_the_original_when_nothing_is_checked() {
    let config = Config { disable_consistency_check: true, ..Config::default() };
    let pair = Pair::with(config, &["--push.disable-consistency-check"]).await;
    let messages = body([&family("m", 1, [gauge(1.0)])]);
    let cut = &messages[..messages.len() - 1];
    for (method, path, headers, body) in [
        ("PUT", "/metrics/job/a", "", &b"a 1\n"[..]),
        ("POST", "/metrics/job/a", "", b"b 1\n"),
        ("PUT", "/metrics/job/b", "", b"# TYPE h histogram\nh_count 1\n"),
        ("PUT", "/metrics/job/c", "", b""),
        ("PUT", "/metrics/job/d", "", b"broken"),
        ("PUT", "/metrics/job/d/x", "", b""),
        ("PUT", "/metrics/job/e", "", b"a 1 1\n"),
        ("POST", "/metrics/job/a", "", b"a 1 1\n"),
        ("PUT", "/metrics/job/f", PROTOBUF, &messages),
        ("PUT", "/metrics/job/g", PROTOBUF, cut),
        ("DELETE", "/metrics/job/f", "", b""),
    ] {
        pair.answers_alike(&Request { method, path, headers, body }).await;
        pair.come_to_hold_the_same(path).await;
    }
    pair.look_the_same().await;
}
