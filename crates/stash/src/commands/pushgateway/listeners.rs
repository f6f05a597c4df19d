//! Where the gateway listens: at the addresses of its flags, or on what systemd hands over.

use anyhow::{Context, bail};
use listenfd::ListenFd;
use tokio::net::{TcpListener, UnixListener};
use web::Listener;

use super::flags::Listening;

pub(super) async fn listen(flags: &Listening) -> anyhow::Result<Vec<Listener>> {
    if flags.systemd_socket {
        return handed_over(ListenFd::from_env());
    }
    let mut listeners = Vec::new();
    for address in &flags.listen_address {
        listeners.push(Listener::bind(address).await?);
    }
    Ok(listeners)
}

fn handed_over(mut sockets: ListenFd) -> anyhow::Result<Vec<Listener>> {
    if sockets.len() == 0 {
        bail!(
            "--web.systemd-socket: systemd handed over no sockets; start the gateway by a unit with a .socket unit \
             beside it, or leave the flag out"
        );
    }
    let mut listeners = Vec::new();
    for index in 0..sockets.len() {
        let of_network = sockets.take_tcp_listener(index).map_err(anyhow::Error::from).and_then(|socket| {
            let Some(socket) = socket else { bail!("it was taken already") };
            socket.set_nonblocking(true)?;
            Ok(Listener::Tcp(TcpListener::from_std(socket)?))
        });
        // One that is not of the network may be of the file system.
        let listener = of_network.or_else(|_| {
            let socket = sockets.take_unix_listener(index)?.context("it was taken already")?;
            socket.set_nonblocking(true)?;
            anyhow::Ok(Listener::Unix(UnixListener::from_std(socket)?))
        });
        listeners.push(listener.with_context(|| {
            format!(
                "--web.systemd-socket: socket {index} of systemd is no stream that listens; use ListenStream= in the \
                 .socket unit"
            )
        })?);
    }
    Ok(listeners)
}
