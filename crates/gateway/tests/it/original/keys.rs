//! Grouping keys are read alike.

use gateway::Config;

use super::pair::Pair;

/// The part of the path behind `/metrics`.
const KEYS: &[&str] = &[
    "/job/j",
    "/job/j/",
    "/job/",
    "/job",
    "/job@base64/",
    "/job@base64",
    "/job@base64/ag",
    "/job@base64/ag=",
    "/job@base64/ag==",
    "/job@base64/ag====",
    "/job@base64/=",
    "/job@base64/==",
    "/job@base64/a",
    "/job@base64/ab%0A",
    "/job@base64/a%0D%0Ag",
    "/job@base64/a+b",
    "/job@base64/a*b",
    "/job@base64/ag=a",
    "/job@base64/%FF",
    "/job@base64/Zm8",
    "/job@base64/Zm-",
    "/job%40base64/ag",
    "/job@Base64/ag",
    "/job@base64/L2E/x@base64/YiBj/y@base64/=",
    "/job@base64/ag/x/1",
    "/job/j/x/1",
    "/job/j/x/1/",
    "/job/j/x/1/y",
    "/job/j/x/1/y/2",
    "/job/j/y/2/x/1",
    "/job/j/x/",
    "/job/j/x",
    "/job/j/x/1/x/2",
    "/job/j/job/k",
    "/job/j/instance/1",
    "/job/j/instance/1/instance/2",
    "/job/f%20g/x/%C3%A4/",
    "/job/f%20g/x/%C3%A4",
    "/job/a+b/x/+",
    "/job/\u{e4}/x/\u{f6}",
    "/job/g%2Fx%2F1",
    "/job/a%2Fb",
    "/job/%00/x/%0A",
    "/job/%22%5C/x/%22%5C",
    "/job/j/a-b/1",
    "/job/j/a.b/1",
    "/job/j/1a/1",
    "/job/j/%C3%A4/1",
    "/job/j/%20/1",
    "/job/j/__a/1",
    "/job/j/__/1",
    "/job/j/_/1",
    "/job/j/_a_/1",
    "/job/j/__name__/1",
    "/job/j/le/1",
    "/job/j/quantile/1",
    "/job/j/x@base64/MQ",
    "/job/j/x@base64/MQ==",
    "/job/j/x@base64/MR",
    "/job/j/x@base64/M",
    "/job/j/x@base64/MQ/y@base64/Mg",
    "/job/j/x@base64/=/y/1",
    "/job/j/x@base64/",
    "/job/j/x@base64/a+b",
    "/job/j/x@base64/ab%2Fc",
    "/job/j/x@base64@base64/MQ",
    "/job/j/@base64/MQ",
    "/job/j/x@BASE64/MQ",
    "/job/j/x%40base64/MQ",
    "/job/j/U__foo_2e_bar/1",
    "/job/j/U__foo_2E_bar/1",
    "/job/j/U__foo_bar/1",
    "/job/j/U__a__b/1",
    "/job/j/U__a_zz_b/1",
    "/job/j/U__a_d800_b/1",
    "/job/j/U__a_000041_b/1",
    "/job/j/U__/1",
    "/job/j/U__a_2e_b@base64/MQ",
    "/job/j/U__l_65_/1",
    "/jobs/j",
    "/job/j?x=1",
    "/job/j/x/1?/y/2",
    "/job/%zz",
    "/job/%2",
    "/job/%",
    "/job/j/x/%g0",
];

async fn all_alike(pair: &Pair) {
    for key in KEYS {
        let path = format!("/metrics{key}");
        pair.text("PUT", &path, "k 1\n").await;
        pair.text("POST", &path, "k 2\n").await;
        // A failure is remembered, or there is no such group.
        pair.text("POST", &path, "k 2 5\n").await;
        pair.text("DELETE", &path, "").await;
    }
}

#[tokio::test]
async fn keys_are_read_as_in_the_original() {
    all_alike(&Pair::start().await).await;
}

#[tokio::test]
async fn keys_with_names_of_any_kind_are_read_as_in_the_original() {
    let config = Config { enable_utf8_names: true, ..Config::default() };
    let pair = Pair::with(config, &["--push.enable-utf8-names"]).await;
    all_alike(&pair).await;
    // One group, however its name is written.
    pair.text("PUT", "/metrics/job/j/U__foo_2e_bar/1", "k{x=\"1\"} 1\n").await;
    pair.text("POST", "/metrics/job/j/foo.bar/1", "l{\"foo.bar\"=\"2\"} 1\n").await;
    pair.text("PUT", "/metrics/job/j/%C3%A4%20/1", "k{x=\"1\"} 1\n").await;
    pair.look_the_same().await;
    pair.text("DELETE", "/metrics/job/j/foo.bar@base64/MQ", "").await;
    pair.text("DELETE", "/metrics/job/j/U___e4__20_/1", "").await;
}

#[tokio::test]
async fn spellings_of_one_key_are_one_group() {
    let pair = Pair::start().await;
    for (n, path) in [
        "/metrics/job/j/x/1/y/2",
        "/metrics/job/j/y/2/x/1",
        "/metrics/job@base64/ag/y@base64/Mg==/x/%31",
        "/metrics/job/j%2Fx/1/y%2F2",
        "/Metrics/job/j/x/1/y/2",
    ]
    .iter()
    .enumerate()
    {
        pair.text("POST", path, &format!("a{n} 1\n")).await;
    }
    pair.text("DELETE", "/metrics/job/j/y@base64/Mg/x/1", "").await;
}
