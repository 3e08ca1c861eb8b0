//! Writes alerts as received. Values are never parsed and reserialised, so they cannot change.

use std::io::{Result, Write};

use alertdeck_model::RawAlert;

/// Writes the alerts as a JSON array.
pub(super) fn array(alerts: impl Iterator<Item = RawAlert>, out: &mut dyn Write) -> Result<()> {
    out.write_all(b"[")?;
    let mut separator: &[u8] = b"\n";
    for alert in alerts {
        out.write_all(separator)?;
        out.write_all(&alert.0)?;
        separator = b",\n";
    }
    let end: &[u8] = if separator == b"\n" { b"]\n" } else { b"\n]\n" };
    out.write_all(end)
}

/// Writes one alert per line. If an alert contains line breaks, removes only the white space
/// outside its strings.
pub(super) fn lines(alerts: impl Iterator<Item = RawAlert>, out: &mut dyn Write) -> Result<()> {
    for alert in alerts {
        if alert.0.iter().any(|byte| matches!(byte, b'\n' | b'\r')) {
            out.write_all(&compact(&alert.0))?;
        } else {
            out.write_all(&alert.0)?;
        }
        out.write_all(b"\n")?;
    }
    Ok(())
}

/// Removes white space outside strings.
fn compact(json: &[u8]) -> Vec<u8> {
    let (mut in_string, mut escaped) = (false, false);
    let mut kept = json.to_vec();
    kept.retain(|byte| {
        let is_blank = !in_string && matches!(byte, b' ' | b'\t' | b'\n' | b'\r');
        in_string ^= *byte == b'"' && !escaped;
        escaped = *byte == b'\\' && !escaped;
        !is_blank
    });
    kept
}

#[cfg(test)]
mod tests {
    use super::*;
    use bytes::Bytes;
    use proptest::prelude::*;
    use serde_json::{Value, value::RawValue};

    fn written(texts: &[&str], write: impl Fn(&[RawAlert], &mut Vec<u8>) -> Result<()>) -> String {
        let alerts: Vec<_> =
            texts.iter().map(|text| RawAlert(Bytes::copy_from_slice(text.as_bytes()))).collect();
        let mut out = Vec::new();
        write(&alerts, &mut out).unwrap();
        String::from_utf8(out).unwrap()
    }

    fn as_array(texts: &[&str]) -> String {
        written(texts, |alerts, out| array(alerts.iter().cloned(), out))
    }

    fn as_lines(texts: &[&str]) -> String {
        written(texts, |alerts, out| lines(alerts.iter().cloned(), out))
    }

    #[test]
    fn an_array_contains_the_alerts_unchanged() {
        assert_eq!(as_array(&[]), "[]\n");
        let odd = "{ \"n\" : 1.50e+3,\n  \"s\":\"\\u00e9\\/\" }";
        assert_eq!(as_array(&[odd, "{}"]), format!("[\n{odd},\n{{}}\n]\n"));
    }

    #[test]
    fn each_line_is_an_alert_and_only_white_space_changes() {
        let text = "{ \"a b\" :\r\n\t[ 1.50e+3, \"x \\\" \\\\\" ,\n\"\\n y\" ] }";
        assert_eq!(as_lines(&[text, "{ }"]), "{\"a b\":[1.50e+3,\"x \\\" \\\\\",\"\\n y\"]}\n{ }\n");
    }

    proptest! {
        #[test]
        fn compacting_preserves_every_value(text in "\\PC*", number in any::<f64>()) {
            let value = serde_json::json!({"a": [text.clone(), {"b\\": number}], "\"": text});
            let pretty = serde_json::to_string_pretty(&value).unwrap();
            let line = as_lines(&[&pretty]);
            prop_assert_eq!(line.lines().count(), 1);
            prop_assert_eq!(serde_json::from_str::<Value>(&line).unwrap(), value);
            let array: Vec<Box<RawValue>> = serde_json::from_str(&as_array(&[&pretty])).unwrap();
            prop_assert_eq!(array[0].get(), pretty);
        }
    }
}
