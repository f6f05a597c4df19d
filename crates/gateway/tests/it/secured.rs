//! Under a web configuration: a real Prometheus scrapes over TLS with a password, and nobody else comes in.

use gateway::Config;
use rcgen::{CertifiedKey, generate_simple_self_signed};
use tempfile::TempDir;
use web::ConfigFile;

use crate::scraped::{EACH_SECOND, Found, Prometheus, series};
use crate::server::Server;

const PASSWORD: &str = "correct horse";

/// Writes the configuration of a gateway, and what its clients need, into the folder.
fn configure(folder: &TempDir) -> ConfigFile {
    let CertifiedKey { cert, signing_key } =
        generate_simple_self_signed(["gateway.example".to_owned()]).unwrap();
    let hash = bcrypt::hash(PASSWORD, 4).unwrap();
    let web = "tls_server_config: {cert_file: cert.pem, key_file: key.pem}\n";
    for (name, text) in [
        ("cert.pem", cert.pem()),
        ("key.pem", signing_key.serialize_pem()),
        ("password", PASSWORD.to_owned()),
        ("web.yml", format!("{web}basic_auth_users: {{prometheus: '{hash}'}}\n")),
    ] {
        std::fs::write(folder.path().join(name), text).unwrap();
    }
    ConfigFile::open(folder.path().join("web.yml")).unwrap()
}

#[tokio::test]
async fn prometheus_scrapes_over_tls_with_its_password_and_no_one_without() {
    let folder = TempDir::new().unwrap();
    let config = Config { web_config: Some(configure(&folder)), ..Config::default() };
    let server = Server::with(config).await;
    let target = server.client.0.to_string();
    let scrapes = format!(
        "{EACH_SECOND}\
         - {{job_name: known, scheme: https, tls_config: {{ca_file: cert.pem, server_name: gateway.example}}, \
         basic_auth: {{username: prometheus, password_file: password}}, static_configs: [{{targets: ['{target}']}}]}}\n\
         - {{job_name: unknown, scheme: https, tls_config: {{ca_file: cert.pem, server_name: gateway.example}}, \
         basic_auth: {{username: prometheus, password: wrong}}, static_configs: [{{targets: ['{target}']}}]}}\n\
         - {{job_name: plain, static_configs: [{{targets: ['{target}']}}]}}\n"
    );
    let prometheus = Prometheus::with_config(folder, &scrapes).await;
    let up = |job: &str, up| (series("up", &[&[("job", job), ("instance", &target)]]), up);
    prometheus.wait_for("up", &Found::from([up("known", 1.0), up("unknown", 0.0), up("plain", 0.0)])).await;
    let text = server.gateway.expose();
    for line in [
        "pushgateway_http_refused_total{reason=\"unauthorized\"} ",
        "pushgateway_http_refused_total{reason=\"handshake\"} ",
    ] {
        let counted = text.lines().find_map(|found| found.strip_prefix(line)).unwrap();
        assert_ne!(counted, "0", "{line}");
    }
    server.client.send("GET", "/metrics", "").await.is(400);
    server.stop().await.unwrap();
}
