//! `stash pushgateway`: the gateway alone, and sessions that push to it.

use std::process::Command;

use crate::kit::{Folder, PROGRAM, gateway, metric, run};

#[test]
fn a_session_pushes_to_a_gateway_elsewhere_which_keeps_it_over_a_restart() {
    let folder = Folder::with_demo("@every 1h");
    let file = folder.path("gateway.json");
    let server = gateway(&file);
    let push = |url: &str| {
        let mut command = Command::new(PROGRAM);
        command.arg("standalone").arg(folder.objects()).args(["--once", "--host-name", "tester"]);
        run(command.args(["--pushgateway-url", url]))
    };
    push(&format!("http://{}", server.address())).expect(0);
    let demo = [("stash_config", "demo"), ("session", "backup")];
    assert_eq!(metric(&server.metrics(), "restic_session_success", &demo), Some(1.0));
    let (code, said) = server.stop();
    assert_eq!(code, 0, "{said}");
    let server = gateway(&file);
    assert_eq!(metric(&server.metrics(), "restic_session_success", &demo), Some(1.0));
}

#[test]
fn a_gateway_that_is_gone_fails_no_backup_and_is_said() {
    let folder = Folder::with_demo("@every 1h");
    let server = gateway(&folder.path("gateway.json"));
    let address = server.address().to_owned();
    server.stop();
    let mut command = Command::new(PROGRAM);
    command.arg("standalone").arg(folder.objects()).args(["--once", "--pushgateway-url", &address]);
    run(&mut command).expect(0).says(&["did not arrive at the gateway", &address, "does not answer"]);
}

#[test]
fn an_address_that_is_taken_ends_with_an_error() {
    let folder = Folder::new();
    let server = gateway(&folder.path("gateway.json"));
    run(Command::new(PROGRAM).args(["pushgateway", "--web.listen-address", server.address()]))
        .expect(1)
        .says(&["cannot listen at", "choose another"]);
}
