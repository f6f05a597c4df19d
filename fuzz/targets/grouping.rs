//! The path of a group: any bytes are a key or an error, and a key survives its own path.
#![no_main]

use exposition::{GroupingKey, Names};
use libfuzzer_sys::fuzz_target;

fuzz_target!(|data: &[u8]| {
    // Over the wire a path is ASCII, but nothing keeps a client from sending more.
    if let Ok(path) = std::str::from_utf8(data) {
        check(GroupingKey::from_path(path), Names::Legacy);
    }
    for names in [Names::Legacy, Names::Utf8] {
        check(GroupingKey::from_decoded_path_with(data, names), names);
    }
});

fn check<E>(key: Result<GroupingKey, E>, names: Names) {
    let Ok(key) = key else { return };
    assert!(!key.job().is_empty());
    let path = key.to_path_with(names);
    assert!(path.bytes().all(|byte| byte.is_ascii_graphic() && byte != b'%'), "{path:?}");
    assert!(!path.contains("//") && !path.contains("/./") && !path.contains("/../"), "{path:?}");
    match GroupingKey::from_decoded_path_with(path.as_bytes(), names) {
        Ok(back) => assert_eq!(back, key, "{path:?}"),
        Err(error) => panic!("the path {path:?} of a key is refused: {error}"),
    }
    let labels = key.labels().iter().filter(|(name, _)| name.as_str() != "job");
    match GroupingKey::new_with(key.job(), labels.map(|(name, value)| (name.clone(), value.clone())), names) {
        Ok(made) => assert_eq!(made, key),
        Err(error) => panic!("the labels of a key are refused: {error}"),
    }
}
