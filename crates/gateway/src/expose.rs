//! GET /metrics: all groups and the gateway's own metrics, as one snapshot.
//!
//! The answer is written piece by piece while the client takes it: memory does not grow with what is held, the first
//! bytes leave at once, and pushes go on meanwhile.

use std::convert::Infallible;
use std::sync::Arc;

use axum::body::{Body, Bytes};
use axum::extract::State;
use axum::response::{IntoResponse, Response};
use exposition::{Escaping, Family, Format, Head, Kind};
use futures_util::stream;
use http::header::{ACCEPT, ACCEPT_ENCODING, CONTENT_ENCODING, CONTENT_TYPE, VARY};
use http::{HeaderMap, HeaderValue};
use imbl::OrdSet;
use meter::compress::{self, Gzip};

use crate::Gateway;
use crate::store::Index;
use crate::store::series::{Series, Shapes, pairs};

/// Pieces have at least this many bytes, except the last.
const PIECE: usize = 64 * 1024;

pub(crate) async fn scrape(State(gateway): State<Gateway>, headers: HeaderMap) -> Response {
    let header = |name| headers.get(name).and_then(|value| value.to_str().ok());
    let format = Format::negotiate(header(ACCEPT), false);
    let exposition = Exposition::new(&gateway, format);
    let accepted = headers.get_all(ACCEPT_ENCODING).iter().filter_map(|value| value.to_str().ok());
    let gzip = compress::prefers_gzip(accepted).then(Gzip::default);
    let is_compressed = gzip.is_some();
    let pieces = stream::unfold(Some((exposition, gzip)), |state| async move {
        let (mut exposition, mut gzip) = state?;
        // One scrape of many megabytes must not keep a thread from the pushes.
        tokio::task::yield_now().await;
        let mut piece = Vec::new();
        let mut more = true;
        while more && piece.len() < PIECE / 2 {
            let mut plain = Vec::with_capacity(PIECE + 4096);
            more = exposition.write(&mut plain);
            match &mut gzip {
                Some(gzip) => gzip.write(&plain, &mut piece),
                None => piece = plain,
            }
        }
        if !more && let Some(gzip) = gzip.take() {
            gzip.finish(&mut piece);
        }
        let next = more.then_some((exposition, gzip));
        Some((Ok::<_, Infallible>(Bytes::from(piece)), next))
    });
    let mut response = ([(CONTENT_TYPE, format.content_type())], Body::from_stream(pieces)).into_response();
    response.headers_mut().insert(VARY, HeaderValue::from_static("Accept, Accept-Encoding"));
    if is_compressed {
        response.headers_mut().insert(CONTENT_ENCODING, HeaderValue::from_static("gzip"));
    }
    response
}

/// The whole exposition in one piece, as text.
pub(crate) fn render(gateway: &Gateway) -> String {
    let mut out = Vec::new();
    let mut exposition = Exposition::new(gateway, Format::Text { escaping: Escaping::AllowUtf8 });
    while exposition.write(&mut out) {}
    // Names, labels and help texts are UTF-8, and so is what is put between them.
    String::from_utf8_lossy(&out).into_owned()
}

/// A snapshot on its way out: own families and pushed ones, sorted by name; samples sorted by number of labels, then
/// by their values in order of their names. A pushed family with the name of an own one is shown with it, under the
/// own help text.
struct Exposition {
    format: Format,
    families: std::vec::IntoIter<Shown>,
    /// The family that is being written, and the last series of it that was.
    current: Option<(Shown, Option<Arc<Series>>)>,
}

struct Shown {
    name: Arc<str>,
    help: Arc<str>,
    kind: Kind,
    series: OrdSet<Arc<Series>>,
}

impl Exposition {
    fn new(gateway: &Gateway, format: Format) -> Self {
        let store = gateway.snapshot();
        let own = gateway.own_families(&store);
        let mut own = own.into_iter().filter(|family| !family.samples.is_empty()).peekable();
        let mut families = Vec::new();
        for (name, index) in store.families() {
            while let Some(family) = own.next_if(|family| *family.name < **name) {
                families.push(Shown::own(family));
            }
            families.push(match own.next_if(|family| *family.name == **name) {
                Some(family) => Shown::own(family).and(index),
                None => Shown {
                    name: Arc::clone(name),
                    help: index.help(),
                    kind: index.kind,
                    series: index.series.clone(),
                },
            });
        }
        families.extend(own.map(Shown::own));
        Self { format, families: families.into_iter(), current: None }
    }

    /// Appends the next piece and says whether there is more.
    fn write(&mut self, out: &mut Vec<u8>) -> bool {
        let (format, end) = (self.format, out.len() + PIECE);
        while out.len() < end {
            let (family, last) = match self.current.take() {
                Some((family, last)) => (family, last),
                None => {
                    let Some(family) = self.families.next() else {
                        format.end(out);
                        return false;
                    };
                    format.begin(out, &family.head(), family.series.iter().map(|series| series.as_sample()));
                    (family, None)
                }
            };
            let mut written = None;
            for series in family.behind(last.as_ref()) {
                format.sample(out, &family.head(), &series.as_sample());
                written = Some(series);
                if out.len() >= end {
                    break;
                }
            }
            if out.len() >= end
                && let Some(last) = written.map(Arc::clone)
            {
                self.current = Some((family, Some(last)));
            } else {
                format.end_family(out);
            }
        }
        true
    }
}

impl Shown {
    fn head(&self) -> Head<'_> {
        Head { name: &self.name, help: &self.help, kind: self.kind }
    }

    fn own(family: Family) -> Self {
        let mut shapes = Shapes::default();
        let series = family.samples.into_iter().map(|sample| {
            let labels = shapes.label_set(pairs(&sample.labels));
            Arc::new(Series { labels, value: sample.value, extra: sample.extra })
        });
        let series = series.collect();
        Self { name: family.name.into(), help: family.help.into(), kind: family.kind, series }
    }

    /// Own series and pushed ones. Pushed ones have a job, own ones have not, so that none is lost.
    fn and(mut self, pushed: &Index) -> Self {
        let mut series = pushed.series.clone();
        for own in &self.series {
            series.insert(Arc::clone(own));
        }
        self.series = series;
        self
    }

    /// The series behind `last`; all when there is none.
    fn behind(&self, last: Option<&Arc<Series>>) -> impl Iterator<Item = &Arc<Series>> {
        use std::ops::Bound::{Excluded, Unbounded};
        self.series.range::<_, Arc<Series>>((last.map_or(Unbounded, Excluded), Unbounded))
    }
}
