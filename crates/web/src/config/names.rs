//! The names a certificate stands for: its subject alternative names, RFC 5280, section 4.2.1.6.

use std::net::IpAddr;

use yasna::models::ObjectIdentifier;
use yasna::tags::TAG_OCTETSTRING;
use yasna::{ASN1Result, BERReader, BERReaderSeq, Tag};

/// The extension's identifier.
const SUBJECT_ALT_NAME: [u64; 4] = [2, 5, 29, 17];

/// Kinds of names that are compared: addresses of mail, names of hosts, URIs, addresses of the network.
const EMAIL: u64 = 1;
const DNS: u64 = 2;
const URI: u64 = 6;
const IP: u64 = 7;

/// All names of a certificate in DER, as text; `None` when it is none.
pub(super) fn names(certificate: &[u8]) -> Option<Vec<String>> {
    yasna::parse_der(certificate, |reader| {
        reader.read_sequence(|reader| {
            let names = reader.next().read_sequence(of_content);
            // The signature, which was checked by whom it matters to.
            reader.next().read_der()?;
            reader.next().read_der()?;
            names
        })
    })
    .ok()
}

fn of_content(reader: &mut BERReaderSeq<'_, '_>) -> ASN1Result<Vec<String>> {
    reader.read_optional(|reader| reader.read_tagged(Tag::context(0), |reader| reader.read_i64()))?;
    // Serial number, signature algorithm, issuer, validity, subject, key.
    for _ in 0..6 {
        reader.next().read_der()?;
    }
    for unique in [1, 2] {
        reader.read_optional(|reader| {
            reader.read_tagged_implicit(Tag::context(unique), |reader| reader.read_bitvec_bytes())
        })?;
    }
    let mut names = Vec::new();
    reader.read_optional(|reader| {
        reader.read_tagged(Tag::context(3), |reader| {
            reader.read_sequence_of(|reader| {
                if let Some(value) = extension(reader)? {
                    names.extend(yasna::parse_der(&value, general_names)?);
                }
                Ok(())
            })
        })
    })?;
    Ok(names)
}

/// The value of an extension, when it is the one that is looked for.
fn extension(reader: BERReader<'_, '_>) -> ASN1Result<Option<Vec<u8>>> {
    reader.read_sequence(|reader| {
        let id = reader.next().read_oid()?;
        // Whether whoever does not know the extension must refuse the certificate.
        reader.read_optional(|reader| reader.read_bool())?;
        let value = reader.next().read_tagged_der()?;
        let is_names =
            id == ObjectIdentifier::from_slice(&SUBJECT_ALT_NAME) && value.tag() == TAG_OCTETSTRING;
        Ok(is_names.then(|| value.value().to_vec()))
    })
}

fn general_names(reader: BERReader<'_, '_>) -> ASN1Result<Vec<String>> {
    let mut names = Vec::new();
    reader.read_sequence_of(|reader| {
        let tag = reader.lookahead_tag()?;
        let read = reader.read_tagged_der()?;
        names.extend(if tag.tag_class == yasna::TagClass::ContextSpecific {
            name(tag.tag_number, read.value())
        } else {
            None
        });
        Ok(())
    })?;
    Ok(names)
}

fn name(kind: u64, value: &[u8]) -> Option<String> {
    match kind {
        EMAIL | DNS | URI => String::from_utf8(value.to_vec()).ok(),
        IP => {
            let address = match value.len() {
                4 => <[u8; 4]>::try_from(value).map(IpAddr::from),
                _ => <[u8; 16]>::try_from(value).map(IpAddr::from),
            };
            address.ok().map(|address| address.to_string())
        }
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;
    use rcgen::{CertificateParams, KeyPair, SanType};

    fn certificate(names: Vec<SanType>) -> Vec<u8> {
        let mut params = CertificateParams::default();
        params.subject_alt_names = names;
        let certificate = params.self_signed(&KeyPair::generate().unwrap()).unwrap();
        certificate.der().to_vec()
    }

    #[test]
    fn all_kinds_of_names_are_read() {
        let der = certificate(vec![
            SanType::DnsName("a.example".try_into().unwrap()),
            SanType::Rfc822Name("ann@a.example".try_into().unwrap()),
            SanType::URI("spiffe://a/b".try_into().unwrap()),
            SanType::IpAddress("192.0.2.1".parse().unwrap()),
            SanType::IpAddress("2001:db8::1".parse().unwrap()),
        ]);
        let expected = ["a.example", "ann@a.example", "spiffe://a/b", "192.0.2.1", "2001:db8::1"];
        assert_eq!(names(&der).unwrap(), expected);
        assert_eq!(names(&certificate(Vec::new())).unwrap(), Vec::<String>::new());
    }

    #[test]
    fn what_is_cut_off_is_no_certificate() {
        let der = certificate(vec![SanType::DnsName("a.example".try_into().unwrap())]);
        assert!((0..der.len()).all(|length| names(&der[..length]).is_none()));
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(64))]
        #[test]
        fn names_are_read_as_they_are_written(hosts in prop::collection::vec("[a-z]{1,20}\\.[a-z]{2,5}", 1..20)) {
            let der = certificate(hosts.iter().map(|host| SanType::DnsName(host.as_str().try_into().unwrap())).collect());
            prop_assert_eq!(names(&der).unwrap(), hosts);
        }

        #[test]
        fn damage_is_no_panic(changes in prop::collection::vec((any::<prop::sample::Index>(), any::<u8>()), 1..10)) {
            let mut der = certificate(vec![SanType::DnsName("a.example".try_into().unwrap())]);
            for (at, byte) in changes {
                let at = at.index(der.len());
                der[at] = byte;
            }
            let _ = names(&der);
        }
    }
}
