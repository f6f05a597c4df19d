//! What pages for people share, so that they look and read alike: their style, times and amounts in words, and a
//! refresh that leaves the reader alone.

pub mod words;

use jiff::Timestamp;
use jiff::tz::TimeZone;
use maud::{Markup, html};

/// The style of every page; its own rules come behind it. Colours follow the reader's preference for light or dark.
pub const STYLE: &str = include_str!("style.css");

/// A JavaScript module: `morph(old, fresh)` makes one element equal to another and touches only what differs; `say(text)`
/// tells in the element `#connection` that the page is not up to date.
pub const MORPH: &str = include_str!("morph.js");

/// A page's present, from which relative times count, and the zone of its absolute ones.
#[derive(Clone, Copy, Debug)]
pub struct Clock<'a> {
    /// Now.
    pub now: Timestamp,
    /// The reader's zone, as far as the server knows.
    pub zone: &'a TimeZone,
}

impl Clock<'_> {
    /// `3 minutes ago`, with the absolute time when pointed at.
    #[must_use]
    pub fn time(&self, time: Timestamp) -> Markup {
        html! {
            time datetime=(time) title=(words::absolute(time, self.zone)) { (words::relative(time, self.now)) }
        }
    }
}
