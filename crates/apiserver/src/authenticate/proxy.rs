//! For whom a proxy speaks: its headers, which are nothing without its certificate.

use std::collections::BTreeMap;

use http::{HeaderMap, HeaderName};
use percent_encoding::percent_decode_str;

use crate::trust::Proxy;
use crate::user::User;

impl Proxy {
    /// Takes out of the headers whatever tells for whom they are. `None` when they name nobody.
    pub(super) fn take(&self, headers: &mut HeaderMap) -> Option<User> {
        let name = take_all(headers, &self.user_headers).into_iter().find(|name| !name.is_empty());
        let uid = take_all(headers, &self.uid_headers).into_iter().next().unwrap_or_default();
        let groups = take_all(headers, &self.group_headers);
        let mut extra: BTreeMap<String, Vec<String>> = BTreeMap::new();
        for prefix in &self.extra_prefixes {
            let names: Vec<HeaderName> =
                headers.keys().filter(|name| name.as_str().starts_with(prefix.as_str())).cloned().collect();
            for name in names {
                let key = name.as_str().get(prefix.len()..).unwrap_or_default();
                let key = percent_decode_str(key).decode_utf8_lossy().to_lowercase();
                extra.entry(key).or_default().extend(take_all(headers, &[name]));
            }
        }
        Some(User { name: name?, uid, groups, extra })
    }
}

/// All values of the headers. One that is no text says nothing.
fn take_all(headers: &mut HeaderMap, names: &[HeaderName]) -> Vec<String> {
    let mut values = Vec::new();
    for name in names {
        let texts = headers.get_all(name).iter().filter_map(|value| str::from_utf8(value.as_bytes()).ok());
        values.extend(texts.map(str::to_owned));
        headers.remove(name);
    }
    values
}
