//! The page's own server with a state that the test decides.

use std::net::SocketAddr;
use std::sync::{Arc, Mutex, PoisonError};

use standalone::page::model::PageModel;
use standalone::page::{PageSource, router};
use tokio::net::TcpListener;
use tokio::runtime::Runtime;

struct Fake(Mutex<PageModel>);

impl PageSource for Fake {
    fn model(&self) -> PageModel {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }
}

pub(super) struct Server {
    source: Arc<Fake>,
    address: SocketAddr,
    /// With its connections; dropping only the task of `axum::serve` would leave those open.
    runtime: Option<Runtime>,
}

impl Server {
    pub(super) fn start(model: PageModel) -> Self {
        let address = SocketAddr::from(([127, 0, 0, 1], 0));
        let mut server = Self { source: Arc::new(Fake(Mutex::new(model))), address, runtime: None };
        server.restart();
        server
    }

    /// Serves again, at the same address.
    pub(super) fn restart(&mut self) {
        let runtime = tokio::runtime::Builder::new_multi_thread()
            .worker_threads(1)
            .enable_all()
            .build()
            .expect("a runtime for the server");
        let listener = runtime.block_on(TcpListener::bind(self.address)).expect("the address to be free");
        self.address = listener.local_addr().expect("a bound listener has an address");
        let source: Arc<dyn PageSource> = self.source.clone();
        runtime.spawn(async move { axum::serve(listener, router(source)).await });
        self.runtime = Some(runtime);
    }

    /// Ends the listener and every connection.
    pub(super) fn stop(&mut self) {
        if let Some(runtime) = self.runtime.take() {
            runtime.shutdown_background();
        }
    }

    pub(super) fn change(&self, change: impl FnOnce(&mut PageModel)) {
        change(&mut self.source.0.lock().unwrap_or_else(PoisonError::into_inner));
    }

    pub(super) fn origin(&self) -> String {
        format!("http://{}/", self.address)
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        self.stop();
    }
}
