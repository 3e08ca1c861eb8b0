//! Tests that text split into chunks yields the same alerts as the whole text.

use super::*;
use proptest::prelude::*;
use rstest::rstest;

fn alert(number: usize, pad: usize) -> String {
    format!(
        r#"{{"id":"{number}","title":"[\"é\\","severity":"high","status":"new","x":"{}"}}"#,
        "y".repeat(pad)
    )
}

/// Returns everything that a splitter finds in text that arrives in pieces, and the number of
/// chunks.
fn split(text: &[u8], piece: usize) -> (Found, usize) {
    let (mut splitter, mut all, mut chunks) = (Splitter::default(), Found::default(), 0);
    let mut add = |chunk: Chunk| {
        chunks += 1;
        let found = chunk.find();
        all.alerts.extend(found.alerts);
        all.errors.extend(found.errors);
        all.has_next |= found.has_next;
        all.has_last |= found.has_last;
        all.count = all.count.max(found.count);
    };
    for piece in text.chunks(piece) {
        splitter.text().extend_from_slice(piece);
        while let Some(chunk) = splitter.next_chunk() {
            add(chunk);
        }
    }
    while let Some(chunk) = splitter.finish() {
        add(chunk);
    }
    assert!(splitter.next_chunk().is_none());
    (all, chunks)
}

fn texts(found: &Found) -> Vec<&str> {
    found.alerts.iter().map(|raw| std::str::from_utf8(&raw.0).unwrap()).collect()
}

/// Returns three megabytes of alerts, one of which is too large to be read in one piece.
fn alerts() -> Vec<String> {
    (0..90).map(|number| alert(number, if number == 70 { 1 << 20 } else { number * 500 })).collect()
}

#[rstest]
#[case::lines("", "\n", "\n")]
#[case::lines_with_a_mark("\u{feff}", "\r\n", "")]
#[case::array("[", ",\n", "]")]
#[case::page(r#"{"@odata.context":"x]","@odata.count":90,"value":["#, ",", r#"],"a":[{"b":1}]}"#)]
#[case::pretty_page("{\n  \"@odata.count\": 90,\n  \"value\": [\n    ", ",\n    ", "\n  ]\n}\n")]
#[case::arrays_of_pages(r#"[[{"value":["#, r#"]},{"value":["#, "]}]]")]
#[case::pages_as_lines(r#"{"value":["#, "]}\n{\"value\":[", "]}")]
#[case::glued("", "", "")]
#[case::reply("HTTP/2 200\r\na: b\r\n\r\n[", ",", "]")]
fn the_alerts_of_large_texts_are_found_in_chunks(
    #[case] start: &str,
    #[case] between: &str,
    #[case] end: &str,
    #[values(1 << 20, 70_001)] piece: usize,
) {
    let alerts = alerts();
    let text = format!("{start}{}{end}", alerts.join(between));
    let (found, chunks) = split(text.as_bytes(), piece);
    assert_eq!(texts(&found), alerts);
    assert!(found.errors.is_empty(), "{:?}", found.errors);
    assert!(chunks > 1, "{chunks} chunks");
    let whole = find(text.into());
    assert_eq!((found.has_next, found.has_last, found.count), (whole.has_next, whole.has_last, whole.count));
}

#[test]
fn a_page_on_one_line_is_cut_and_the_next_line_is_read() {
    let page = format!("{{\"value\":[{}],\"@odata.nextLink\":\"https://x\"}}", alerts().join(","));
    let broken = &page[..page.len() - 500_000];
    let text = format!("{}\n{page}\n{broken}\n{}\n{}", alert(1, 0), alert(2, 0), alert(3, 0));
    let (found, _) = split(text.as_bytes(), 1 << 20);
    let ids: Vec<_> = texts(&found)[found.alerts.len() - 2..].iter().map(|text| &text[..8]).collect();
    assert_eq!(ids, [r#"{"id":"2"#, r#"{"id":"3"#]);
    assert!(found.alerts.len() > 150 && found.has_next, "{}", found.alerts.len());
    let errors = found.errors.lines();
    assert!(errors.len() == 1 && errors[0].contains("(line 3,"), "{errors:?}");
}

#[rstest]
#[case::within_an_item(8)]
#[case::between_items(0)]
fn the_items_of_a_list_without_an_end_are_read(#[case] cut: usize) {
    for start in ["[", "{\"value\":["] {
        let alerts = alerts();
        let text = format!("{start}\n{}", alerts.join(",\n"));
        let text = &text[..text.len() - cut];
        let (found, _) = split(text.as_bytes(), 1 << 20);
        assert_eq!(found.alerts.len(), alerts.len() - cut.min(1));
        let errors = found.errors.lines();
        let what = if cut > 0 {
            "the text ends unexpectedly (line 91, column"
        } else {
            "the list is not closed (line 91)"
        };
        assert!(errors.len() == 1 && errors[0].starts_with(what), "{errors:?}");
    }
}

#[test]
fn a_long_text_without_json_is_reported_once_and_what_follows_is_read() {
    let junk = "b,{c".repeat(1 << 20);
    let text = format!("{}\n{junk}\n{junk}\n{}", alert(1, 2 << 20), alert(2, 0));
    for piece in [1 << 20, 100_000] {
        let (found, _) = split(text.as_bytes(), piece);
        assert_eq!(found.alerts.len(), 2);
        let errors = found.errors.lines();
        assert!(errors.len() == 1 && errors[0].contains("(line 2,"), "{errors:?}");
    }
    let mut splitter = Splitter::default();
    for _ in 0..8 {
        splitter.text().extend_from_slice(junk.as_bytes());
        while splitter.next_chunk().is_some() {}
        assert!(splitter.text.is_empty());
    }
}

#[test]
fn a_value_that_never_ends_is_given_up() {
    let mut splitter = Splitter::default();
    splitter.text().extend_from_slice(b"\n{\"a\":\"");
    let found = loop {
        let text = splitter.text();
        text.resize(text.len() + (64 << 20), b'x');
        if let Some(chunk) = splitter.next_chunk() {
            break chunk.find();
        }
        assert!(splitter.text.len() <= MAX_VALUE + 100);
    };
    assert_eq!(found.errors.lines(), ["reading stopped: the value on line 2 exceeds 256 MB"]);
    assert!(splitter.is_over() && splitter.finish().is_none());
}

#[rstest]
#[case::lines("", "\n", "\n")]
#[case::array("[", ",", "]")]
fn outlines_are_those_of_the_alerts(#[case] start: &str, #[case] between: &str, #[case] end: &str) {
    let names = ["id", "status"];
    let deep = format!(
        r#"{{"id":"d","title":"d","severity":"high","evidence":{}{}}}"#,
        "[".repeat(200),
        "]".repeat(200)
    );
    let foreign = r#"{"Id":"a","Title":"t","Severity":"high","Status":"new"}"#.to_owned();
    let text =
        format!("{start}{}{end}", [alert(1, 0), deep, foreign, r#"{"id":"x"}"#.to_owned()].join(between));
    let mut splitter = Splitter::default();
    splitter.text().extend_from_slice(text.as_bytes());
    let chunk = splitter.finish().unwrap();
    let found = Chunk { kind: if between == "\n" { Kind::Lines } else { chunk.kind }, ..chunk }
        .find_with_outlines(&names);
    let expected: Vec<_> =
        found.alerts.iter().map(|alert| alert.outline(&names).unwrap_or_else(|| alert.clone())).collect();
    assert_eq!(found.outlines, expected);
    assert_eq!((found.outlines.len(), &found.outlines[0].0[..]), (4, &br#"{"id":"1","status":"new"}"#[..]));
    assert_eq!(found.outlines[1], found.alerts[1]);
}

#[test]
fn an_alert_is_never_cut() {
    let items = format!("[{}]", vec!["{\"@odata.type\":\"x\"}"; 70_000].join(","));
    let text = format!(r#"[{{"id":"a","title":"a","severity":"high","evidence":{items}}},{}]"#, alert(1, 9));
    let (found, _) = split(text.as_bytes(), 1 << 20);
    assert_eq!((found.alerts.len(), found.errors.len()), (2, 0));
    assert!(texts(&found)[0].ends_with("}]}"));
}

proptest! {
    #[test]
    fn any_text_is_split_without_a_panic(text in "[\\[\\]{}\",:\\\\a\n ]{0,60}", piece in 1usize..9) {
        split(text.as_bytes(), piece);
        for format in [Format::Lines, Format::Values] {
            let mut splitter = Splitter { format, patience: 4, ..Splitter::default() };
            for piece in text.as_bytes().chunks(piece) {
                splitter.text().extend_from_slice(piece);
                // Cut each list as soon as possible.
                while { splitter.patience = 1; splitter.next_chunk() }.is_some() {}
            }
            while splitter.finish().is_some() {}
        }
    }
}
