//! Bodies that are complete but invalid JSON.

use bytes::Bytes;

/// A way to turn a complete response's body into invalid JSON.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Corruption {
    /// The first title contains a byte that is not UTF-8.
    Encoding,
    /// The first title contains a control byte.
    Control,
    /// The list has a trailing comma.
    Comma,
    /// Only the first half is sent, with a matching `Content-Length`.
    Half,
    /// The body is empty.
    Empty,
}

impl Corruption {
    pub(super) fn apply(self, body: &Bytes) -> Bytes {
        const TITLE: &[u8] = b"\"title\":\"";
        let insert = |position: usize, byte: u8| {
            let mut bytes = body.to_vec();
            bytes.insert(position, byte);
            bytes.into()
        };
        let end = body.len().saturating_sub(1);
        match self {
            Self::Encoding | Self::Control => {
                let title = body.windows(TITLE.len()).position(|window| window == TITLE);
                let byte = if self == Self::Control { 0x01 } else { 0xff };
                insert(title.map_or(end, |at| at + TITLE.len()), byte)
            }
            Self::Comma => insert(body.iter().rposition(|byte| *byte == b']').unwrap_or(end), b','),
            Self::Half => body.slice(..body.len() / 2),
            Self::Empty => Bytes::new(),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn corrupt_bodies_are_invalid_json() {
        let list = Bytes::from_static(br#"{"value":[{"id":"a","title":"b","evidence":[]}]}"#);
        let empty = Bytes::from_static(br#"{"value":[]}"#);
        assert!(serde_json::from_slice::<serde_json::Value>(&list).is_ok());
        for corruption in [
            Corruption::Encoding,
            Corruption::Control,
            Corruption::Comma,
            Corruption::Half,
            Corruption::Empty,
        ] {
            for body in [&list, &empty] {
                let corrupt = corruption.apply(body);
                assert!(serde_json::from_slice::<serde_json::Value>(&corrupt).is_err(), "{corruption:?}");
            }
        }
        let replaced = String::from_utf8_lossy(&Corruption::Encoding.apply(&list)).into_owned();
        let alert: serde_json::Value = serde_json::from_str(&replaced).unwrap();
        assert_eq!(alert["value"][0]["id"], "a", "ids are intact");
    }
}
