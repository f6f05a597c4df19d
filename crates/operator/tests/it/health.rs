//! Health, and the end.

use crate::server::Running;

#[tokio::test]
async fn readiness_names_what_is_wanting_and_life_does_not_depend_on_it() {
    let server = Running::start(None).await;
    let (leader, restics) = (server.health.check("leader"), server.health.check("restics"));
    leader.set(true, "");
    restics.set(false, "the API server does not answer");
    let (code, text) = server.get("/readyz").await;
    assert_eq!(code, 503);
    assert!(text.contains("[+]leader ok\n"), "{text}");
    assert!(text.contains("[-]restics failed: the API server does not answer\n"), "{text}");
    for path in ["/healthz", "/livez"] {
        assert_eq!(server.get(path).await.0, 200);
    }
    assert!(!server.health.is_ready());
    restics.set(true, "");
    assert_eq!(server.get("/readyz").await.0, 200);
    assert!(server.get("/version").await.1.contains("0.9.0"));
    server.stop().await;
}
