//! Tickets, read with a Markdown parser: all parts are in their sections, and hostile text does not
//! form Markdown constructs.

use std::collections::HashSet;

use alertdeck::report::markdown;
use alertdeck_evidence::Tree;
use alertdeck_model::{Evidence, SafeText, Timestamp, defang::refang};
use alertdeck_simulator::{Settings, Simulator};
use pulldown_cmark::{Event, LinkType, Tag, TagEnd};
use serde_json::{Value, json};

use super::{decode, parse, report};

const SECTIONS: [&str; 11] = [
    "Details",
    "Description",
    "Evidence",
    "Indicators",
    "Timeline",
    "Links",
    "Recommended actions",
    "Comments",
    "Custom details",
    "Additional data",
    "All other values",
];

/// Hostile strings; `{}` is replaced by the original value.
const HOSTILE: [&str; 26] = [
    "{} | a | b",
    "{}\\| x \\|",
    "{} \\",
    "`{}` ``x`` ```",
    "```\n# {}\n```",
    "# {}",
    "{}\n# heading\n\n---\n- [ ] item\n> quote",
    "</td><script>alert(1)</script><b>{}",
    "<!-- {}",
    "[{}](https://evil.example/)",
    "![{}](https://evil.example/x.png)",
    "<https://evil.example/{}>",
    "https://evil.example/{} www.evil.example a@evil.example",
    "**{}** __x__ *y* _z_ ~~w~~ ^u^ ~v~",
    "$x$ {} $$y$$",
    "[^1] {} [^1]: note",
    "1. {}",
    "    {}",
    "\t{}",
    "{}\r\n| --- | --- |\r\n| x |",
    "&lt;{}&#35;&amp;",
    "  {}  ",
    "`",
    "{}\u{202e}\u{200b}\u{1b}[31m",
    ": {}\n===\n---\n+++\n~~~",
    "[[{}]] || {} || > [!NOTE]",
];

/// Puts hostile text into all strings, links and names of custom properties.
fn poison(value: &mut Value, name: &str, count: &mut usize) {
    match value {
        Value::String(text) if !name.starts_with('@') && !name.ends_with("DateTime") => {
            *count += 1;
            *text = HOSTILE[*count % HOSTILE.len()].replace("{}", text);
        }
        Value::Array(items) => items.iter_mut().for_each(|item| poison(item, name, count)),
        Value::Object(map) => {
            for (name, inner) in map.iter_mut() {
                poison(inner, name, count);
            }
            if name == "customDetails" {
                *count += 1;
                map.insert(HOSTILE[*count % HOSTILE.len()].replace("{}", "key"), "value".into());
            }
        }
        _ => {}
    }
}

fn alerts() -> Vec<Value> {
    let now = Timestamp::parse("2026-11-20T12:00:00Z").unwrap();
    let tenant = Simulator::start(Settings { alerts: 1_000, ..Settings::new(now) }).unwrap();
    let mut alerts = tenant.alerts();
    let mut count = 0;
    for (at, alert) in alerts.iter_mut().enumerate() {
        if at % 2 == 1 {
            let link = alert["alertWebUrl"].clone();
            poison(alert, "", &mut count);
            if at % 4 == 1 {
                alert["alertWebUrl"] = link;
            }
            alert["comments"] = json!([{"comment": HOSTILE[at % HOSTILE.len()].replace("{}", "c"),
                "createdByDisplayName": HOSTILE[(at + 7) % HOSTILE.len()].replace("{}", "b")}]);
        }
    }
    alerts
}

/// Counts the cells of a table row. Unescaped bars separate cells.
fn cells(line: &str) -> usize {
    let mut bars = 0;
    let mut escaped = false;
    for c in line.chars() {
        bars += usize::from(c == '|' && !escaped);
        escaped = c == '\\' && !escaped;
    }
    bars - 1
}

fn same(shown: &str, expected: &str) -> bool {
    refang(shown).trim() == refang(expected).trim()
}

/// The parsed parts of a ticket.
#[derive(Default)]
struct Read {
    sections: Vec<String>,
    title: String,
    /// The table rows, by section.
    rows: Vec<(String, Vec<String>)>,
    /// The code spans of "All other values", by section.
    spans: Vec<(String, String)>,
    blocks: Vec<(String, String)>,
    links: Vec<String>,
}

fn read(ticket: &str) -> Read {
    let mut read = Read::default();
    let (mut section, mut text) = (String::new(), String::new());
    let (mut row, mut columns, mut heading) = (Vec::new(), 0, None);
    for (event, range) in parse(ticket).into_offset_iter() {
        let start = |tag: &Tag<'_>| match tag {
            Tag::CodeBlock(_) => assert!(["Evidence", "As received"].contains(&&*section), "{ticket}"),
            Tag::List(None) | Tag::Item => {
                assert!(["Links", "All other values"].contains(&&*section), "a list in {section}\n{ticket}");
            }
            Tag::BlockQuote(None) => assert_eq!(section, "Comments", "{ticket}"),
            Tag::Heading { .. }
            | Tag::Paragraph
            | Tag::Link { .. }
            | Tag::Table(_)
            | Tag::TableHead
            | Tag::TableRow
            | Tag::TableCell => {}
            other => panic!("{other:?} in {section}\n{ticket}"),
        };
        match event {
            Event::Start(tag) => {
                start(&tag);
                match tag {
                    Tag::Heading { level, id, classes, attrs } => {
                        assert!(id.is_none() && classes.is_empty() && attrs.is_empty(), "{ticket}");
                        heading = Some(level as usize);
                        text.clear();
                    }
                    Tag::Table(alignments) => {
                        columns = alignments.len();
                        // The parser drops surplus cells, so count the cells in the text.
                        for line in ticket[range].lines() {
                            assert_eq!(cells(line), columns, "{line}\n{ticket}");
                        }
                    }
                    Tag::TableCell | Tag::CodeBlock(_) => text.clear(),
                    Tag::Link { link_type, dest_url, .. } => {
                        assert_eq!((link_type, &*section), (LinkType::Autolink, "Links"), "{ticket}");
                        read.links.push(dest_url.into_string());
                    }
                    _ => {}
                }
            }
            Event::End(tag) => match tag {
                TagEnd::Heading(_) => match heading.take() {
                    Some(1) => {
                        assert!(read.title.is_empty() && section.is_empty(), "{ticket}");
                        read.title.clone_from(&text);
                    }
                    Some(2) => {
                        section.clone_from(&text);
                        read.sections.push(text.clone());
                    }
                    level => panic!("a heading of level {level:?}\n{ticket}"),
                },
                TagEnd::TableCell => row.push(std::mem::take(&mut text)),
                TagEnd::TableRow => {
                    assert_eq!(row.len(), columns);
                    read.rows.push((section.clone(), std::mem::take(&mut row)));
                }
                TagEnd::TableHead => row.clear(),
                TagEnd::CodeBlock => read.blocks.push((section.clone(), std::mem::take(&mut text))),
                _ => {}
            },
            Event::Text(shown) => text.push_str(&shown),
            Event::Code(shown) => {
                text.push_str(&shown);
                if section == "All other values" {
                    read.spans.push((section.clone(), shown.into_string()));
                }
            }
            Event::SoftBreak | Event::HardBreak => text.push('\n'),
            other => panic!("{other:?} in {section}\n{ticket}"),
        }
    }
    read
}

#[test]
fn tickets_have_the_expected_structure() {
    for alert in alerts() {
        let decoded = decode(&alert);
        let tree = Tree::new(&decoded.evidence);
        let report = report(&alert);
        let ticket = report.markdown();
        let read = read(&ticket);

        let title = decoded.title.as_ref().filter(|title| !title.is_blank());
        let title = title.map_or_else(|| "(blank title)".into(), SafeText::line);
        assert!(same(&read.title, &title), "{} is not {title}", read.title);
        let places: Vec<_> =
            read.sections.iter().map(|name| SECTIONS.iter().position(|known| known == name)).collect();
        assert!(places.iter().all(Option::is_some) && places.is_sorted(), "{:?}", read.sections);
        assert_eq!(places.iter().collect::<HashSet<_>>().len(), places.len());

        let [(section, block)] = &read.blocks[..] else { panic!("{} blocks\n{ticket}", read.blocks.len()) };
        assert_eq!(section, "Evidence");
        assert!(same(block, &tree.text()), "{block}\nis not\n{}", tree.text());

        let rows = |of: &str| {
            read.rows.iter().filter(|(section, _)| section == of).map(|(_, row)| row).collect::<Vec<_>>()
        };
        let indicators = rows("Indicators");
        assert_eq!(indicators.len(), report.indicators().len());
        let defanged = report.indicator_lines(true);
        for ((row, sighting), value) in indicators.iter().zip(report.indicators()).zip(defanged.lines()) {
            assert_eq!(
                (&*row[0], row[1].trim()),
                (sighting.indicator.kind.field(), value.trim()),
                "{ticket}"
            );
            assert!(same(&row[2], &sighting.location), "{} is not {}", row[2], sighting.location);
        }
        let custom = rows("Custom details");
        let set = decoded
            .custom_details
            .iter()
            .filter_map(|property| Some((&property.path, property.value.as_ref()?)));
        assert_eq!(custom.len(), set.clone().count());
        for (row, (path, value)) in custom.iter().zip(set) {
            assert!(same(&row[0], &path.line()) && same(&row[1], &value.line()), "{row:?} {path} {value}");
        }

        let items = decoded.evidence.iter().flat_map(Evidence::properties);
        let known: HashSet<String> = items
            .chain(decoded.properties())
            .filter_map(|property| Some(refang(&property.value?.line())))
            .chain(["\"\"".to_owned()])
            .collect();
        assert!(!read.spans.is_empty());
        for (_, span) in &read.spans {
            assert!(known.contains(&refang(span)), "{span:?} is not a value\n{ticket}");
        }
        for link in &read.links {
            assert!(link.starts_with("https://security.microsoft.com/"), "{link}");
        }
        // Some programs turn bare addresses into links. There must be no bare addresses other than
        // the links.
        let bare = read
            .links
            .iter()
            .fold(ticket.to_lowercase(), |text, link| text.replacen(&link.to_lowercase(), "", 1));
        for link in ["https://", "http://"] {
            let found = bare.find(link).map(|at| &bare[at..(at + 60).min(bare.len())]);
            assert!(found.is_none(), "{found:?}");
        }
    }
}

#[test]
fn hostile_cells_do_not_break_a_markdown_table() {
    for hostile in HOSTILE {
        let cell = SafeText::new(&hostile.replace("{}", "x")).line();
        let table =
            markdown::head(["title", "id"]) + &markdown::row(&[markdown::text(&cell), "1".to_owned()]);
        let read = read(&table);
        let [(_, row)] = &read.rows[..] else { panic!("{table}") };
        assert_eq!((&*row[0], &*row[1]), (cell.trim(), "1"), "{table}");
        assert!(read.links.is_empty() && table.lines().all(|line| cells(line) == 2), "{table}");
    }
}
