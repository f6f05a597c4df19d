//! The page: over HTTP here, in a real browser in the modules.

mod looks;
mod sample;
mod seen;
mod site;

use gateway::Config;

use crate::server::{Answer, Server};

/// A header line of a form that our own page has sent.
const OWN: &str = "Origin: http://test\r\nContent-Type: application/x-www-form-urlencoded\r\n";

async fn submit(server: &Server, headers: &str, form: &str) -> Answer {
    server.client.send_with("POST", "/status/delete", headers, form.as_bytes()).await
}

async fn groups(server: &Server) -> usize {
    server.get("/api/v1/metrics").await.json()["data"].as_array().unwrap().len()
}

#[tokio::test]
async fn the_page_is_one_document_at_two_addresses() {
    let server = Server::start().await;
    server.put("/metrics/job/j/zone/z", "a 1\n").await.is(200);
    for path in ["/", "/status"] {
        let answer = server.get(path).await;
        answer.is(200);
        assert_eq!(answer.header("content-type"), Some("text/html; charset=utf-8"));
        assert_eq!(answer.header("cache-control"), Some("no-store"));
        assert_eq!(answer.header("x-content-type-options"), Some("nosniff"));
        let policy = answer.header("content-security-policy").unwrap();
        assert!(
            policy.starts_with("default-src 'none'; script-src 'self'; ") && !policy.contains("unsafe"),
            "{policy}"
        );
        assert!(answer.body.starts_with("<!DOCTYPE html>") && answer.body.ends_with("</html>"));
        let head = server.client.send("HEAD", path, "").await;
        head.is(200);
        assert_eq!(head.body, "");
        assert_eq!(head.header("content-type"), answer.header("content-type"));
        server.put(path, "").await.is(405);
    }
    server.get("/status/delete").await.is(405);
    let text = server.get("/metrics").await.body;
    let line = r#"pushgateway_http_requests_total{code="200",handler="status",method="get"} 2"#;
    assert!(text.contains(line), "{text}");
}

#[tokio::test]
async fn it_is_compressed_for_whoever_wants_that() {
    let server = Server::start().await;
    let mut stream = tokio::net::TcpStream::connect(server.client.0).await.unwrap();
    let request =
        "GET / HTTP/1.1\r\nHost: test\r\nConnection: close\r\nAccept-Encoding: gzip, deflate, br\r\n\r\n";
    tokio::io::AsyncWriteExt::write_all(&mut stream, request.as_bytes()).await.unwrap();
    let mut answer = Vec::new();
    tokio::io::AsyncReadExt::read_to_end(&mut stream, &mut answer).await.unwrap();
    let end = answer.windows(4).position(|window| window == b"\r\n\r\n").unwrap();
    let head = String::from_utf8(answer[..end].to_vec()).unwrap().to_lowercase();
    assert!(head.contains("content-encoding: gzip") && head.contains("vary: accept-encoding"), "{head}");
    let mut document = String::new();
    std::io::Read::read_to_string(&mut flate2::read::GzDecoder::new(&answer[end + 4..]), &mut document)
        .unwrap();
    assert!(document.contains("Nothing has been pushed yet."), "{document}");
}

#[tokio::test]
async fn its_files_are_kept_by_browsers_until_they_change() {
    let server = Server::with(Config { route_prefix: Some("/pg".into()), ..Config::default() }).await;
    let document = server.get("/pg/").await.body;
    for (name, kind) in [("page.css", "text/css"), ("page.js", "text/javascript")] {
        let (_, rest) = document.split_once(&format!("\"/pg/static/{name}?v=")).unwrap();
        let (fingerprint, _) = rest.split_once('"').unwrap();
        let answer = server.get(&format!("/pg/static/{name}?v={fingerprint}")).await;
        answer.is(200);
        assert_eq!(answer.header("content-type"), Some(format!("{kind}; charset=utf-8").as_str()));
        assert_eq!(answer.header("cache-control"), Some("public, max-age=31536000, immutable"));
        let tag = answer.header("etag").unwrap().to_owned();
        let other = server.get(&format!("/pg/static/{name}?v=0")).await;
        assert_eq!(other.header("cache-control"), Some("no-cache"));
        assert_eq!(other.body, answer.body);
        for known in [tag.clone(), format!("\"x\", W/{tag}")] {
            let headers = format!("If-None-Match: {known}\r\n");
            let same = server.client.send_with("GET", &format!("/pg/static/{name}"), &headers, b"").await;
            same.is(304);
            assert_eq!(same.body, "");
        }
    }
    server.get("/pg/static/morph.js").await.is(200);
    for path in ["", "other.js", "page.css/", "..%2f..%2fetc%2fpasswd", "page.css%00"] {
        let answer = server.get(&format!("/pg/static/{path}")).await;
        assert!(matches!(answer.code, 301 | 404), "{path}: {}", answer.code);
    }
}

#[tokio::test]
async fn a_form_deletes_what_its_button_says() {
    let server = Server::with(Config { enable_admin_api: true, ..Config::default() }).await;
    for path in ["job/a", "job/a/n/1", "job/a/n/2", "job/b/n/1", "job/c", "job@base64/YS9i/x@base64/="] {
        server.put(&format!("/metrics/{path}"), "m 1\n").await.is(200);
    }
    for (form, location, left) in [
        ("delete=group&group=job%40base64%2FYS9i%2Fx%40base64%2F%3D", "/status?deleted=1", 5),
        ("delete=group&group=job/a&back=q%3Da%26page%3D2", "/status?q=a&page=2&deleted=1", 4),
        ("delete=group&group=job/a", "/status?deleted=0", 4),
        ("delete=matching&q=n%3D1+job%3Da&back=//evil.example", "/status?deleted=1", 3),
        ("delete=all", "/status?deleted=3", 0),
    ] {
        let answer = submit(&server, OWN, form).await;
        answer.is(303);
        assert_eq!(answer.header("location"), Some(location), "{form}");
        assert_eq!(groups(&server).await, left, "{form}");
    }
    assert!(server.get("/status?deleted=3").await.body.contains("3 groups deleted."));
}

#[tokio::test]
async fn groups_with_names_of_any_kind_are_found_and_deleted() {
    for (enable_utf8_names, path) in [
        (true, "/metrics/job/j/a.b/1"),
        (true, "/metrics/job/j/%C3%A4%20%22/1"),
        // It looks escaped, and is a name like others where nothing is unescaped.
        (false, "/metrics/job/j/U__a_2e_b/1"),
        (true, "/metrics/job/j/U__U____a__2e__b/1"),
    ] {
        let server = Server::with(Config { enable_utf8_names, ..Config::default() }).await;
        server.put(path, "m 1\n").await.is(200);
        let document = server.get("/").await.body;
        let (_, rest) = document.split_once("<li id=\"group:").unwrap();
        let group = rest.split('"').next().unwrap();
        let unfolded = server.get(&format!("/status?group={group}")).await;
        unfolded.is(200);
        // The address is the one that clients push to.
        let (_, rest) = unfolded.body.split_once("<dt>Address</dt>").unwrap();
        let (_, rest) = rest.split_once("/metrics/").unwrap();
        let address = format!("/metrics/{}", rest.split('<').next().unwrap());
        server.post(&address, "n 1\n").await.is(200);
        assert_eq!(groups(&server).await, 1, "{path}: {address}");
        let answer = submit(&server, OWN, &format!("delete=group&group={group}")).await;
        assert_eq!(answer.header("location"), Some("/status?deleted=1"), "{path}");
    }
}

#[tokio::test]
async fn forms_of_other_sites_delete_nothing() {
    let server = Server::with(Config { enable_admin_api: true, ..Config::default() }).await;
    server.put("/metrics/job/a", "m 1\n").await.is(200);
    for headers in [
        "",
        "Origin: null\r\n",
        "Origin: http://evil.example\r\n",
        "Origin: http://test:8080\r\n",
        "Sec-Fetch-Site: cross-site\r\nOrigin: http://test\r\n",
        "Sec-Fetch-Site: same-site\r\nOrigin: http://test\r\n",
    ] {
        for form in ["delete=group&group=job/a", "delete=matching&q=job%3Da", "delete=all"] {
            submit(&server, headers, form).await.refused(403);
        }
    }
    assert_eq!(groups(&server).await, 1);
}

#[tokio::test]
async fn a_form_that_says_too_little_deletes_nothing() {
    let server = Server::start().await;
    server.put("/metrics/job/a", "m 1\n").await.is(200);
    for form in [
        "",
        "delete=",
        "delete=group",
        "delete=group&group=a",
        "delete=matching&q=",
        "delete=matching&q=a",
        "delete=matching",
    ] {
        submit(&server, OWN, form).await.refused(400);
    }
    submit(&server, OWN, "delete=all").await.refused(403);
    submit(&server, OWN, &format!("delete=group&group=job/a&x={}", "x".repeat(2 << 20))).await.refused(400);
    assert_eq!(groups(&server).await, 1);
}

#[tokio::test]
async fn pushes_go_on_while_somebody_reads() {
    let server = Server::start().await;
    server.put("/metrics/job/a", "m 1\n").await.is(200);
    let mut slow = tokio::net::TcpStream::connect(server.client.0).await.unwrap();
    tokio::io::AsyncWriteExt::write_all(&mut slow, b"GET / HTTP/1.1\r\nHost: test\r\n\r\n").await.unwrap();
    server.put("/metrics/job/b", "m 1\n").await.is(200);
    assert!(server.get("/").await.body.contains("2 groups"));
    drop(slow);
}
