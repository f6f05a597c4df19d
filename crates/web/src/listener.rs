//! Where connections come from.

use std::future::poll_fn;
use std::io;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr};
use std::sync::Arc;

use rustls_pki_types::CertificateDer;
use tokio::net::{TcpListener, UnixListener};
use tokio_vsock::{VMADDR_CID_ANY, VsockAddr, VsockListener};

use crate::socket::Socket;

/// Where connections come from.
#[derive(Debug)]
pub enum Listener {
    /// An address of the network.
    Tcp(TcpListener),
    /// A path of the file system, as systemd may hand it over.
    Unix(UnixListener),
    /// A port for the virtual machines of this host, or for the host of this virtual machine.
    Vsock(VsockListener),
}

/// Who connected, as far as it matters for dealing out connections.
#[derive(Clone, Copy, Debug, Eq, Hash, PartialEq)]
pub enum Peer {
    /// An address; of IPv6 the network, since whoever has one address has all of its 64 bits.
    Address(IpAddr),
    /// A process on this host.
    Local,
    /// A virtual machine, by its context identifier.
    Machine(u32),
}

/// The certificates that a client showed in its handshake: its own first, which is never missing, then those by which it
/// may be verified. The client has the key of the first. Who signed it was looked at only by a server that was told to.
#[derive(Clone, Debug)]
pub struct PeerCertificates(Arc<[CertificateDer<'static>]>);

impl PeerCertificates {
    /// `None` when there is none.
    #[must_use]
    pub fn new(shown: &[CertificateDer<'_>]) -> Option<Self> {
        let owned = shown.iter().map(|certificate| certificate.clone().into_owned());
        (!shown.is_empty()).then(|| Self(owned.collect()))
    }

    /// The client's own, and the others.
    #[must_use]
    pub fn split(&self) -> Option<(&CertificateDer<'static>, &[CertificateDer<'static>])> {
        self.0.split_first()
    }
}

/// Who is at the other end of a connection.
#[derive(Clone, Debug)]
pub(crate) struct Client {
    pub(crate) peer: Peer,
    pub(crate) certificates: Option<PeerCertificates>,
}

/// Why an address cannot be listened at.
#[derive(Debug, thiserror::Error)]
pub enum ListenError {
    /// It does not have the form of an address.
    #[error(
        "{address:?} is no address to listen at; write HOST:PORT, :PORT for all addresses, or vsock://:PORT"
    )]
    Form {
        /// As it was given.
        address: String,
    },
    /// The system refuses.
    #[error("cannot listen at {address}: {source}; choose another --web.listen-address, or stop what has it")]
    Refused {
        /// As it was given.
        address: String,
        /// Why.
        source: io::Error,
    },
}

impl Peer {
    pub(crate) fn of(address: IpAddr) -> Self {
        const NETWORK: u128 = !0 << 64;
        Peer::Address(match address.to_canonical() {
            IpAddr::V6(address) => IpAddr::V6(Ipv6Addr::from_bits(address.to_bits() & NETWORK)),
            address @ IpAddr::V4(_) => address,
        })
    }
}

impl Listener {
    /// Listens at `HOST:PORT`, at `:PORT` for all addresses of both families, or at `vsock://:PORT`.
    ///
    /// # Errors
    ///
    /// [`ListenError`].
    pub async fn bind(address: &str) -> Result<Self, ListenError> {
        let form = || ListenError::Form { address: address.to_owned() };
        let refused = |source| ListenError::Refused { address: address.to_owned(), source };
        if let Some(rest) = address.strip_prefix("vsock://") {
            let (_, port) = rest.rsplit_once(':').ok_or_else(form)?;
            let port = port.parse().map_err(|_| form())?;
            let bound = VsockListener::bind(VsockAddr::new(VMADDR_CID_ANY, port)).map_err(refused)?;
            return Ok(Listener::Vsock(bound));
        }
        let (host, port) = address.rsplit_once(':').ok_or_else(form)?;
        let port: u16 = port.parse().map_err(|_| form())?;
        if host.is_empty() {
            return everywhere(port).map(Listener::Tcp).map_err(refused);
        }
        TcpListener::bind(address).await.map(Listener::Tcp).map_err(refused)
    }

    /// Where it listens, for a log.
    #[must_use]
    pub fn address(&self) -> String {
        let shown = match self {
            Listener::Tcp(listener) => listener.local_addr().map(|address| address.to_string()),
            Listener::Unix(listener) => listener.local_addr().map(|address| match address.as_pathname() {
                Some(path) => path.display().to_string(),
                None => "a nameless socket".to_owned(),
            }),
            Listener::Vsock(listener) => {
                listener.local_addr().map(|address| format!("vsock://{}:{}", address.cid(), address.port()))
            }
        };
        shown.unwrap_or_else(|error| format!("unknown ({error})"))
    }

    /// The next connection.
    pub(crate) async fn accept(&self) -> io::Result<(Box<dyn Socket>, Peer)> {
        match self {
            Listener::Tcp(listener) => {
                let (stream, peer) = listener.accept().await?;
                // An answer that is written in two pieces must not wait for the client's acknowledgement.
                stream.set_nodelay(true)?;
                Ok((Box::new(stream), Peer::of(peer.ip())))
            }
            Listener::Unix(listener) => {
                let (stream, _) = listener.accept().await?;
                Ok((Box::new(stream), Peer::Local))
            }
            Listener::Vsock(listener) => {
                let (stream, peer) = poll_fn(|cx| listener.poll_accept(cx)).await?;
                Ok((Box::new(stream), Peer::Machine(peer.cid())))
            }
        }
    }
}

/// Both families on one socket; IPv4 alone where there is no IPv6.
fn everywhere(port: u16) -> io::Result<TcpListener> {
    let both = listen(SocketAddr::from((Ipv6Addr::UNSPECIFIED, port)));
    match both {
        Err(error) if !is_taken(&error) => listen(SocketAddr::from((Ipv4Addr::UNSPECIFIED, port))),
        both => both,
    }
}

fn is_taken(error: &io::Error) -> bool {
    matches!(error.kind(), io::ErrorKind::AddrInUse | io::ErrorKind::PermissionDenied)
}

fn listen(address: SocketAddr) -> io::Result<TcpListener> {
    use socket2::{Domain, Protocol, Type};
    /// As many as tokio's own listeners have waiting.
    const BACKLOG: i32 = 1024;
    let socket = socket2::Socket::new(Domain::for_address(address), Type::STREAM, Some(Protocol::TCP))?;
    if address.is_ipv6() {
        socket.set_only_v6(false)?;
    }
    socket.set_reuse_address(true)?;
    socket.set_nonblocking(true)?;
    socket.bind(&address.into())?;
    socket.listen(BACKLOG)?;
    TcpListener::from_std(socket.into())
}
