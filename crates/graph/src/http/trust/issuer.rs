//! Reads the issuer's name from a certificate in DER (RFC 5280, 4.1).
//!
//! This module verifies nothing: the names in rejected certificates are only displayed. Malformed
//! input yields no name. A full certificate parser would add ten crates for this one name.

/// The DER tags (X.690) that are needed to find a name.
mod tag {
    pub(super) const INTEGER: u8 = 0x02;
    pub(super) const OID: u8 = 0x06;
    pub(super) const UTF8_STRING: u8 = 0x0c;
    pub(super) const NUMERIC_STRING: u8 = 0x12;
    pub(super) const PRINTABLE_STRING: u8 = 0x13;
    pub(super) const TELETEX_STRING: u8 = 0x14;
    pub(super) const IA5_STRING: u8 = 0x16;
    pub(super) const VISIBLE_STRING: u8 = 0x1a;
    pub(super) const BMP_STRING: u8 = 0x1e;
    pub(super) const SEQUENCE: u8 = 0x30;
    pub(super) const SET: u8 = 0x31;
    pub(super) const VERSION: u8 = 0xa0;
}

/// `id-at-commonName` (2.5.4.3) and `id-at-organizationName` (2.5.4.10), encoded.
const COMMON_NAME: &[u8] = &[0x55, 0x04, 0x03];
const ORGANIZATION: &[u8] = &[0x55, 0x04, 0x0a];

/// Returns the issuer's common name or, failing that, its organisation or its first attribute. The
/// text is not sanitised and may be long.
pub(super) fn issuer(certificate: &[u8]) -> Option<String> {
    let certificate = Reader(certificate).expect(tag::SEQUENCE)?;
    let mut fields = Reader(Reader(certificate).expect(tag::SEQUENCE)?);
    if fields.peek() == Some(tag::VERSION) {
        fields.expect(tag::VERSION)?;
    }
    fields.expect(tag::INTEGER)?; // The serial number.
    fields.expect(tag::SEQUENCE)?; // The signature algorithm.
    let attributes = attributes(fields.expect(tag::SEQUENCE)?);
    let value_of = |wanted: &[u8]| attributes.iter().find(|(oid, _)| *oid == wanted);
    let attribute = value_of(COMMON_NAME).or_else(|| value_of(ORGANIZATION)).or_else(|| attributes.first());
    attribute.map(|(_, value)| value.clone())
}

/// Returns a name's attributes that have a text value, as pairs of encoded type and value.
fn attributes(name: &[u8]) -> Vec<(&[u8], String)> {
    let mut attributes = Vec::new();
    let mut name = Reader(name);
    while let Some(relative) = name.expect(tag::SET) {
        let mut relative = Reader(relative);
        while let Some(attribute) = relative.expect(tag::SEQUENCE) {
            let mut attribute = Reader(attribute);
            let Some(oid) = attribute.expect(tag::OID) else { continue };
            let text = attribute.next().and_then(|(tag, value)| text(tag, value));
            attributes.extend(text.filter(|text| !text.trim().is_empty()).map(|text| (oid, text)));
        }
    }
    attributes
}

/// Decodes a string that has one of the types allowed in names.
fn text(tag: u8, value: &[u8]) -> Option<String> {
    match tag {
        tag::UTF8_STRING => String::from_utf8(value.to_vec()).ok(),
        tag::NUMERIC_STRING | tag::PRINTABLE_STRING | tag::IA5_STRING | tag::VISIBLE_STRING => {
            value.is_ascii().then(|| value.iter().copied().map(char::from).collect())
        }
        // In practice, this is Latin-1.
        tag::TELETEX_STRING => Some(value.iter().copied().map(char::from).collect()),
        tag::BMP_STRING => {
            let (units, rest) = value.as_chunks();
            let units: Vec<u16> = units.iter().map(|unit| u16::from_be_bytes(*unit)).collect();
            if rest.is_empty() { String::from_utf16(&units).ok() } else { None }
        }
        _ => None,
    }
}

/// Reads consecutive DER elements.
struct Reader<'a>(&'a [u8]);

impl<'a> Reader<'a> {
    fn peek(&self) -> Option<u8> {
        self.0.first().copied()
    }

    /// Takes the next element and returns its content if it has this tag.
    fn expect(&mut self, tag: u8) -> Option<&'a [u8]> {
        self.next().filter(|(found, _)| *found == tag).map(|(_, content)| content)
    }

    /// Takes the next element; returns its tag and content.
    fn next(&mut self) -> Option<(u8, &'a [u8])> {
        let (&[tag, length], mut rest) = self.0.split_first_chunk()?;
        let length = match length {
            0..=0x7f => usize::from(length),
            // One or two length bytes; certificates are shorter than 64 KiB.
            0x81 | 0x82 => {
                let (bytes, after) = rest.split_at_checked(usize::from(length & 0x7f))?;
                rest = after;
                bytes.iter().fold(0, |length, byte| length << 8 | usize::from(*byte))
            }
            _ => return None,
        };
        let (content, rest) = rest.split_at_checked(length)?;
        self.0 = rest;
        Some((tag, content))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use alertdeck_testing::Identity;
    use proptest::prelude::*;
    use rcgen::{CertificateParams, DistinguishedName, DnType, DnValue, KeyPair};
    use rstest::rstest;

    fn certificate(attributes: Vec<(DnType, DnValue)>) -> Vec<u8> {
        let mut params = CertificateParams::default();
        params.distinguished_name = DistinguishedName::new();
        for (kind, value) in attributes {
            params.distinguished_name.push(kind, value);
        }
        params.self_signed(&KeyPair::generate().unwrap()).unwrap().der().to_vec()
    }

    fn utf8(text: &str) -> DnValue {
        DnValue::Utf8String(text.into())
    }

    #[rstest]
    #[case::common_name(vec![(DnType::OrganizationName, utf8("Contoso")), (DnType::CommonName, utf8("Contoso CA"))], Some("Contoso CA"))]
    #[case::organisation(vec![(DnType::CountryName, utf8("NL")), (DnType::OrganizationName, utf8("Contoso"))], Some("Contoso"))]
    #[case::other(vec![(DnType::OrganizationalUnitName, utf8("Proxies"))], Some("Proxies"))]
    #[case::blank(vec![(DnType::CommonName, utf8(" ")), (DnType::OrganizationName, utf8("Contoso"))], Some("Contoso"))]
    #[case::printable(vec![(DnType::CommonName, DnValue::PrintableString("A CA".try_into().unwrap()))], Some("A CA"))]
    #[case::ia5(vec![(DnType::CommonName, DnValue::Ia5String("A CA".try_into().unwrap()))], Some("A CA"))]
    #[case::bmp(vec![(DnType::CommonName, DnValue::BmpString("Zoë".try_into().unwrap()))], Some("Zoë"))]
    #[case::long(vec![(DnType::CommonName, utf8(&"n".repeat(300)))], Some(&*"n".repeat(300)))]
    #[case::none(vec![], None)]
    fn the_issuer_is_named(#[case] attributes: Vec<(DnType, DnValue)>, #[case] expected: Option<&str>) {
        assert_eq!(issuer(&certificate(attributes)).as_deref(), expected);
    }

    #[test]
    fn the_issuer_of_a_certificate_by_openssl_is_named() {
        assert_eq!(issuer(&Identity::APP.certificate_der()).unwrap(), "alertdeck test application");
    }

    proptest! {
        #[test]
        fn damaged_certificates_are_survived(at in 0usize..900, byte: u8, cut in 0usize..900) {
            let mut der = Identity::APP.certificate_der();
            let at = at % der.len();
            der[at] = byte;
            let _ = issuer(&der);
            der.truncate(cut);
            let _ = issuer(&der);
        }

        #[test]
        fn arbitrary_bytes_are_survived(bytes: Vec<u8>) {
            let _ = issuer(&bytes);
        }
    }
}
