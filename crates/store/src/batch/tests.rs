use proptest::prelude::*;
use serde_json::{Value, json};

use super::*;
use crate::{
    Column, DateColumn,
    tests::{FEED, another, batch, json, raw, terms},
};

/// Describes everything that the store knows about each alert in a batch.
fn described(batch: Batch) -> Vec<(Vec<String>, Vec<String>, RawAlert, bool)> {
    let mut store = Store::default();
    // Add another alert first, so that values have different codes in the store and in the batch.
    store.absorb(FEED, crate::tests::batch(&[another()]));
    let rows = store.absorb(FEED, batch).seen;
    let describe = |row| {
        let mut columns: Vec<_> =
            Column::ALL.iter().map(|(_, column)| store.cell(row, *column).text()).collect();
        columns.extend(DateColumn::ALL.iter().map(|date| format!("{:?}", store.facts(row).date(*date))));
        columns.push(store.has_odd_date(row).to_string());
        (columns, terms(&store, row), store.stored(row).read(), store.is_readable(row))
    };
    rows.into_iter().map(describe).collect()
}

fn encoded(alerts: &[Value]) -> EncodedBatch {
    batch(alerts).encode().unwrap()
}

fn several() -> Vec<Value> {
    let mut alerts: Vec<_> = (0..40)
        .map(|at| {
            json!({"id": format!("ID-{at}"), "title": format!("Größe {}", at % 3), "createdDateTime": "2026-11-01T00:00:00Z",
                "lastUpdateDateTime": format!("2026-11-01T00:00:{at:02}Z"), "severity": "new member", "pad": "x".repeat(at * 900)})
        })
        .collect();
    alerts.push(another());
    alerts
}

#[test]
fn a_batch_with_its_serialised_form_keeps_it() {
    let batch = batch(&several());
    assert!(batch.encoded().is_none());
    let expected = batch.encode().unwrap();
    assert_eq!(**batch.with_encoded().encoded().unwrap(), expected);
}

#[test]
fn alert_states_tell_alerts_and_states_apart() {
    let alert = |id: &str, updated: u32| json!({"id": id, "createdDateTime": "2026-11-01T00:00:00Z", "lastUpdateDateTime": format!("2026-11-02T00:00:{updated:02}Z")});
    let states = encoded(&[alert("a", 1), alert("b", 1), alert("a", 2), json!({})]).alerts;
    assert_eq!(states[0].id, states[2].id);
    assert!(states[0].id != states[1].id && states[0].updated < states[2].updated);
    assert!(states[0].created.is_some() && states[3].created.is_none());
}

#[test]
fn the_json_of_a_batch_is_as_received() {
    let spaced = RawAlert("{ \"id\": \"spaced\" }".into());
    let unreadable = RawAlert("[1]".into());
    let mut alerts: Vec<_> = several().iter().map(raw).collect();
    alerts.extend([spaced, unreadable]);
    let batch = Batch::decode(&alerts);
    for batch in [batch.encode().unwrap().decode().unwrap(), batch] {
        for (at, alert) in alerts.iter().enumerate() {
            assert_eq!(batch.json(at).as_ref(), Some(alert));
        }
        assert_eq!(batch.json(alerts.len()), None);
    }
}

#[test]
fn a_flipped_bit_anywhere_is_noticed() {
    let encoded = encoded(&several()[..9]);
    assert_eq!(described(encoded.decode().unwrap()), described(batch(&several()[..9])));
    for at in 0..encoded.data.len() {
        let mut damaged = encoded.clone();
        damaged.data[at] ^= 1 << (at % 8);
        assert_eq!(damaged.decode().unwrap_err(), DamagedBatch, "byte {at}");
    }
    for cut in 0..encoded.data.len() {
        let data = encoded.data[..cut].to_vec();
        assert!(EncodedBatch { data, ..encoded.clone() }.decode().is_err(), "{cut} bytes");
    }
}

#[test]
fn another_format_is_not_read() {
    let mut encoded = encoded(&several()[..2]);
    encoded.data[0] += 1;
    assert!(encoded.decode().is_err());
}

proptest! {
    #[test]
    fn a_batch_is_read_as_it_was_written(alerts in prop::collection::vec(json(), 0..6)) {
        let alerts: Vec<_> = alerts.into_iter().chain([another()]).collect();
        let encoded = encoded(&alerts);
        prop_assert_eq!(encoded.alerts.len(), alerts.len());
        prop_assert_eq!(described(encoded.decode().unwrap()), described(batch(&alerts)));
    }

    #[test]
    fn states_in_any_order_end_in_the_newest(order in Just((0..12_u32).collect::<Vec<_>>()).prop_shuffle()) {
        let state = |updated: u32| json!({"id": "a", "title": format!("state {updated}"), "lastUpdateDateTime": format!("2026-11-02T00:00:{updated:02}Z")});
        let mut store = Store::default();
        for updated in order {
            store.absorb(FEED, encoded(&[state(updated)]).decode().unwrap());
        }
        let title = store.cell(Row(0), Column::Title).text();
        prop_assert_eq!((store.len(), title.as_str()), (1, "state 11"));
    }

    /// An attacker who can write to the file can also compute a valid checksum.
    #[test]
    fn forged_data_is_refused_or_usable(
        alerts in prop::collection::vec(json(), 1..3),
        changes in prop::collection::vec((any::<prop::sample::Index>(), any::<u8>()), 1..4),
    ) {
        let encoded = encoded(&alerts);
        let mut wire = encode::unseal(&encoded.data).unwrap();
        for (at, byte) in changes {
            let at = at.index(wire.len());
            wire[at] = byte;
        }
        let data = encode::seal(&wire).unwrap();
        if let Ok(batch) = (EncodedBatch { data, ..encoded }).decode() {
            let _ = batch.encode();
            let _ = batch.json(0);
            let _ = described(batch);
        }
    }
}
