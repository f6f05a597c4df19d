//! What the query of an address asks for, and the addresses of all views: one is the inverse of the other.
//!
//! | query | view |
//! |---|---|
//! | `q=…&failed&order=…&page=…` | groups that match, see [`super::filter`] |
//! | `group=job/j/…` | one group, from its family number `from` on |
//! | `group=job/j/…&family=…` | one family of it, from its series number `from` on |
//! | `delete=group&group=…`, `delete=matching&q=…`, `delete=all` | asks before it deletes |
//! | `view=status`, `view=help` | the state of the gateway; how to push |
//!
//! Unknown parameters are ignored, and what makes no sense is replaced by its default, as people edit addresses by hand.

use std::collections::BTreeMap;

use exposition::{GroupingKey, Names};
use form_urlencoded::Serializer;
use percent_encoding::{AsciiSet, NON_ALPHANUMERIC, utf8_percent_encode};

/// Letters of a grouping key's path stay legible in an address.
const PATH: &AsciiSet =
    &NON_ALPHANUMERIC.remove(b'/').remove(b'@').remove(b'-').remove(b'_').remove(b'.').remove(b'~');

/// Which groups are listed, and how.
#[derive(Clone, Debug, Default, Eq, PartialEq)]
pub(super) struct Listing {
    /// In the words of [`super::filter`].
    pub(super) filter: String,
    /// Only groups whose last push failed.
    pub(super) failed: bool,
    pub(super) order: Order,
    /// From 0.
    pub(super) page: usize,
}

#[derive(Clone, Copy, Debug, Default, Eq, PartialEq)]
pub(super) enum Order {
    /// Groups whose last push failed, then the others; each by their labels.
    #[default]
    FailedFirst,
    Labels,
    NewestFirst,
    OldestFirst,
}

impl Order {
    pub(super) const ALL: [Order; 4] =
        [Order::FailedFirst, Order::Labels, Order::NewestFirst, Order::OldestFirst];

    /// In an address.
    pub(super) fn as_str(self) -> &'static str {
        match self {
            Order::FailedFirst => "failed",
            Order::Labels => "labels",
            Order::NewestFirst => "newest",
            Order::OldestFirst => "oldest",
        }
    }

    /// For people.
    pub(super) fn words(self) -> &'static str {
        match self {
            Order::FailedFirst => "failed first",
            Order::Labels => "by labels",
            Order::NewestFirst => "newest push first",
            Order::OldestFirst => "oldest push first",
        }
    }
}

/// What is to be deleted.
#[derive(Clone, Debug, Eq, PartialEq)]
pub(super) enum Target {
    /// The group of this path.
    Group(String),
    /// All groups that this filter lists.
    Matching(String),
    All,
}

/// What is shown.
#[derive(Clone, Debug, Eq, PartialEq)]
pub(super) enum View {
    /// Groups, and how many have just been deleted.
    Groups {
        listing: Listing,
        deleted: Option<u64>,
    },
    Group(String, usize),
    Family(String, String, usize),
    Delete(Target, Listing),
    State,
    Help,
    Unknown(&'static str),
}

type Parameters = BTreeMap<String, String>;

/// Parameters of a query or of a form; of two with one name the first counts.
pub(super) fn parameters(text: &[u8]) -> Parameters {
    let mut parameters = Parameters::new();
    for (name, value) in form_urlencoded::parse(text) {
        parameters.entry(name.into_owned()).or_insert_with(|| value.into_owned());
    }
    parameters
}

impl View {
    pub(super) fn of(query: &str) -> Self {
        let parameters = parameters(query.as_bytes());
        let get = |name: &str| parameters.get(name).map(String::as_str);
        let from = get("from").and_then(|from| from.parse().ok()).unwrap_or_default();
        if get("delete").is_some() {
            return match Target::of(&parameters) {
                Some(target) => View::Delete(target, back(&parameters)),
                None => View::Unknown("The address asks to delete something, but not what."),
            };
        }
        match (get("view"), get("group"), get("family")) {
            (Some("status"), ..) => View::State,
            (Some("help"), ..) => View::Help,
            (Some(_), ..) => View::Unknown("The address asks for a view that there is not."),
            (None, Some(path), Some(family)) => View::Family(path.to_owned(), family.to_owned(), from),
            (None, Some(path), None) => View::Group(path.to_owned(), from),
            (None, None, _) => View::Groups {
                listing: Listing::of(&parameters),
                deleted: get("deleted").and_then(|count| count.parse().ok()),
            },
        }
    }
}

impl Target {
    /// The target in `delete`, with its `group` or `q`.
    pub(super) fn of(parameters: &Parameters) -> Option<Self> {
        match parameters.get("delete")?.as_str() {
            "group" => Some(Target::Group(parameters.get("group")?.clone())),
            "matching" => Some(Target::Matching(parameters.get("q")?.clone())),
            "all" => Some(Target::All),
            _ => None,
        }
    }

    /// The parameters that [`Target::of`] reads.
    pub(super) fn parameters(&self) -> Vec<(&'static str, &str)> {
        match self {
            Target::Group(path) => vec![("delete", "group"), ("group", path)],
            Target::Matching(filter) => vec![("delete", "matching"), ("q", filter)],
            Target::All => vec![("delete", "all")],
        }
    }
}

/// Where a deletion leads back to. It is read as a list of groups, so that no form can lead anywhere else.
pub(super) fn back(parameters: &Parameters) -> Listing {
    let query = parameters.get("back").map(String::as_str).unwrap_or_default();
    Listing::of(&self::parameters(query.as_bytes()))
}

impl Listing {
    fn of(parameters: &Parameters) -> Self {
        let get = |name: &str| parameters.get(name).map(String::as_str);
        let page: usize = get("page").and_then(|page| page.parse().ok()).unwrap_or(1);
        let order = Order::ALL.into_iter().find(|order| get("order") == Some(order.as_str()));
        Self {
            filter: get("q").unwrap_or_default().trim().to_owned(),
            failed: get("failed").is_some(),
            order: order.unwrap_or_default(),
            page: page.saturating_sub(1),
        }
    }

    /// Everything that is not as by default.
    pub(super) fn query(&self) -> String {
        let mut query = Serializer::new(String::new());
        if !self.filter.is_empty() {
            query.append_pair("q", &self.filter);
        }
        if self.failed {
            query.append_pair("failed", "1");
        }
        if self.order != Order::default() {
            query.append_pair("order", self.order.as_str());
        }
        if self.page > 0 {
            query.append_pair("page", &(self.page + 1).to_string());
        }
        query.finish()
    }
}

/// The path of a group as addresses of the page have it: `job/j/instance/i`. It is read back whatever names the gateway
/// takes, since a group may have come from a file.
pub(super) fn path_of(key: &GroupingKey) -> String {
    let path = key.to_path_with(Names::Utf8);
    path.strip_prefix("/metrics/").map(str::to_owned).unwrap_or(path)
}

/// The key in such a path.
pub(super) fn key_of(path: &str) -> Result<GroupingKey, String> {
    let path = format!("/metrics/{path}");
    GroupingKey::from_decoded_path_with(path.as_bytes(), Names::Utf8).map_err(|error| error.to_string())
}

/// Addresses of views and files.
#[derive(Clone, Debug)]
pub(super) struct Links {
    prefix: String,
}

impl Links {
    /// Below `prefix`, in the form of [`crate::Config::external_prefix`].
    pub(super) fn new(prefix: String) -> Self {
        Self { prefix }
    }

    /// Anything below the prefix: `path` begins with a slash.
    pub(super) fn below(&self, path: &str) -> String {
        format!("{}{path}", self.prefix)
    }

    /// The page itself. Not `/`, which belongs to another page when the gateway is a part of a larger program.
    fn page(&self, query: &str) -> String {
        let mark = if query.is_empty() { "" } else { "?" };
        format!("{}/status{mark}{query}", self.prefix)
    }

    pub(super) fn home(&self) -> String {
        self.page("")
    }

    pub(super) fn view(&self, name: &str) -> String {
        self.page(&format!("view={name}"))
    }

    pub(super) fn groups(&self, listing: &Listing) -> String {
        self.page(&listing.query())
    }

    /// Back to `listing` after `count` groups are gone.
    pub(super) fn deleted(&self, listing: &Listing, count: usize) -> String {
        let query = listing.query();
        let and = if query.is_empty() { "" } else { "&" };
        self.page(&format!("{query}{and}deleted={count}"))
    }

    /// The groups that have a label.
    pub(super) fn label(&self, name: &str, value: &str) -> String {
        let filter = super::filter::term(name, value);
        self.groups(&Listing { filter, ..Listing::default() })
    }

    pub(super) fn group(&self, path: &str, from: usize) -> String {
        self.page(&format!("group={}{}", utf8_percent_encode(path, PATH), start(from)))
    }

    pub(super) fn family(&self, path: &str, family: &str, from: usize) -> String {
        let family = utf8_percent_encode(family, PATH);
        self.page(&format!("group={}&family={family}{}", utf8_percent_encode(path, PATH), start(from)))
    }

    /// Where it is asked whether `target` is to be deleted, with the way back to `listing`.
    pub(super) fn confirm(&self, target: &Target, listing: &Listing) -> String {
        let mut query = Serializer::new(String::new());
        query.extend_pairs(target.parameters());
        let back = listing.query();
        if !back.is_empty() {
            query.append_pair("back", &back);
        }
        self.page(&query.finish())
    }
}

fn start(from: usize) -> String {
    if from == 0 { String::new() } else { format!("&from={from}") }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn links() -> Links {
        Links::new("/pg".to_owned())
    }

    fn view(address: &str) -> View {
        let query = address.strip_prefix("/pg/status").unwrap();
        View::of(query.strip_prefix('?').unwrap_or(query))
    }

    #[test]
    fn every_address_leads_to_its_view() {
        let links = links();
        let listing =
            Listing { filter: r#"job="a b&c" ü"#.into(), failed: true, order: Order::OldestFirst, page: 6 };
        assert_eq!(links.home(), "/pg/status");
        assert_eq!(view(&links.view("status")), View::State);
        assert_eq!(view(&links.view("help")), View::Help);
        for listing in [Listing::default(), listing.clone()] {
            let shown = View::Groups { listing: listing.clone(), deleted: None };
            assert_eq!(view(&links.groups(&listing)), shown);
            let shown = View::Groups { listing: listing.clone(), deleted: Some(3) };
            assert_eq!(view(&links.deleted(&listing, 3)), shown);
            for target in
                [Target::Group("job/a+b&c".into()), Target::Matching("x=\"1 2\"".into()), Target::All]
            {
                assert_eq!(view(&links.confirm(&target, &listing)), View::Delete(target, listing.clone()));
            }
        }
        for (path, family) in [("job/a", "up"), ("job@base64/YS9i/x@base64/=", "a b&c=ü?#")] {
            assert_eq!(view(&links.group(path, 0)), View::Group(path.into(), 0));
            assert_eq!(view(&links.group(path, 200)), View::Group(path.into(), 200));
            assert_eq!(view(&links.family(path, family, 7)), View::Family(path.into(), family.into(), 7));
        }
    }

    #[test]
    fn what_makes_no_sense_is_the_default() {
        let default = View::Groups { listing: Listing::default(), deleted: None };
        for query in
            ["", "page=0", "page=-1&order=&deleted=x", "page=99999999999999999999999&unknown=1", "&&="]
        {
            assert_eq!(View::of(query), default, "{query}");
        }
        for query in ["view=nothing", "delete=", "delete=group", "delete=matching", "delete=everything"] {
            assert!(matches!(View::of(query), View::Unknown(_)), "{query}");
        }
    }

    #[test]
    fn a_deletion_leads_back_to_a_list_and_nowhere_else() {
        let View::Delete(_, back) = View::of("delete=all&back=https%3A%2F%2Fevil.example%2F%3Fq%3Dx") else {
            panic!("not a deletion");
        };
        assert!(links().deleted(&back, 1).starts_with("/pg/status?"));
    }
}
