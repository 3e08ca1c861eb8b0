//! Decodes the bytes that a terminal sends into events, and recognises pastes. This module reads
//! neither the terminal nor a clock.
//!
//! Pasted text never acts as keys, whatever it contains. Terminals mark the start and the end of a
//! paste, but the text itself may contain an end marker, an end marker may be lost, and some
//! programs paste without markers. Therefore, a pause also ends a paste, text that follows an end
//! marker without a pause belongs to the paste, and many keys at once are treated as a paste.

use std::time::{Duration, Instant};

use terminput::{Event, KeyCode, KeyEvent, KeyModifiers};

/// The maximum number of keys in one read that are treated as typed. More keys are treated as a
/// paste.
const MAX_TYPED: usize = 16;
/// The time after the end of a paste during which more text still belongs to it.
const PAUSE: Duration = Duration::from_millis(25);
/// How long a paste waits for more text or for its end marker. Typed keys do not extend the wait.
const MAX_WAIT: Duration = Duration::from_secs(2);
/// How long to wait before a lone escape character is treated as the Esc key.
const ESCAPE: Duration = Duration::from_millis(25);
/// How long to wait for the rest of a sequence that is split between reads.
const SPLIT: Duration = Duration::from_millis(500);
/// The maximum length of a sequence in bytes. Longer ones are skipped.
const MAX_SEQUENCE: usize = 64;

const PASTE_START: &[u8] = b"\x1b[200~";
const PASTE_END: &[u8] = b"\x1b[201~";
const CTRL_C: &[u8] = b"\x03";
/// The start of a reply about the terminal itself (ECMA-48, operating system command). On its own,
/// this is Alt-].
const REPLY: &[u8] = b"\x1b]";
/// The start of the reply with the background colour (xterm control sequences, OSC 11).
const BACKGROUND: &[u8] = b"\x1b]11;";

/// Decodes terminal input and keeps its state between reads.
#[derive(Debug, Default)]
pub(super) struct Decoder {
    /// The start of an incomplete sequence or character. The wait for the rest ends at
    /// `pending_ends`.
    pending: Vec<u8>,
    pending_ends: Option<Instant>,
    paste: Option<Paste>,
    /// Whether the background colour reported by the terminal is light.
    light: Option<bool>,
}

/// Text that is being pasted.
#[derive(Debug)]
struct Paste {
    text: Vec<u8>,
    /// Whether the end marker is still missing.
    is_open: bool,
    /// When the paste ends, unless more text arrives.
    ends: Instant,
}

impl Decoder {
    /// Returns when to call [`Decoder::expire`] if no bytes arrive before then.
    pub(super) fn deadline(&self) -> Option<Instant> {
        self.pending_ends.into_iter().chain(self.paste.as_ref().map(|paste| paste.ends)).min()
    }

    /// Takes the terminal's reply about its background, if one has arrived. Returns whether the
    /// background is light.
    pub(super) fn take_background(&mut self) -> Option<bool> {
        self.light.take()
    }

    /// Returns the events that are due because time has passed.
    pub(super) fn expire(&mut self, now: Instant) -> Vec<Event> {
        let mut events = Vec::new();
        if self.pending_ends.is_some_and(|ends| ends <= now) {
            self.pending_ends = None;
            let pending = std::mem::take(&mut self.pending);
            if pending == b"\x1b" && self.paste.is_none() {
                events.push(Event::Key(KeyCode::Esc.into()));
            } else if pending == REPLY && self.paste.is_none() {
                events.push(Event::Key(KeyEvent::new(KeyCode::Char(']')).modifiers(KeyModifiers::ALT)));
            }
        }
        if let Some(paste) = self.paste.take_if(|paste| paste.ends <= now) {
            events.extend(paste.into_event());
        }
        events
    }

    /// Decodes the bytes read at time `now`. Returns the completed events.
    pub(super) fn read(&mut self, bytes: &[u8], now: Instant) -> Vec<Event> {
        let mut events = self.expire(now);
        if bytes == CTRL_C && self.paste.take_if(|paste| paste.is_open).is_some() {
            // Ctrl-C was pressed while the end marker of a paste was missing.
            return vec![Event::Key(KeyEvent::new(KeyCode::Char('c')).modifiers(KeyModifiers::CTRL))];
        }
        let mut keys = Vec::new();
        for byte in bytes {
            if let Some(paste) = self.paste.as_mut().filter(|paste| paste.is_open) {
                paste.text.push(*byte);
                if paste.text.ends_with(PASTE_END) {
                    paste.text.truncate(paste.text.len() - PASTE_END.len());
                    (paste.is_open, paste.ends) = (false, now + PAUSE);
                }
                continue;
            }
            self.pending.push(*byte);
            if self.pending == PASTE_START {
                self.pending.clear();
                let ends = now + MAX_WAIT;
                match &mut self.paste {
                    Some(paste) => (paste.is_open, paste.ends) = (true, ends),
                    None => self.paste = Some(Paste { text: Vec::new(), is_open: true, ends }),
                }
            } else if self.pending.starts_with(REPLY) {
                let is_over = self.pending.ends_with(b"\x07") || self.pending.ends_with(b"\x1b\\");
                if is_over || self.pending.len() == MAX_SEQUENCE {
                    self.light = is_light(&std::mem::take(&mut self.pending)).or(self.light);
                }
            } else if self.pending != b"\x1b" {
                // Only more bytes can tell an escape sequence from the Esc key.
                self.decode(&mut keys, now);
            }
        }
        let wait = if bytes == b"\x1b" { ESCAPE } else { SPLIT };
        self.pending_ends = (!self.pending.is_empty()).then_some(now + wait);
        if bytes.len() > MAX_TYPED
            && let Some(paste) = self.paste.as_mut().filter(|paste| paste.is_open)
        {
            paste.ends = now + MAX_WAIT;
        }
        if keys.iter().filter(|key| key.is_plain()).count() > MAX_TYPED {
            let text = keys.iter().filter(|key| key.is_plain()).flat_map(|key| key.bytes.clone()).collect();
            events.extend(keys.into_iter().map(|key| key.event).filter(Event::is_mouse));
            self.paste = Some(Paste { text, is_open: false, ends: now + PAUSE });
        } else {
            events.extend(keys.into_iter().map(|key| key.event));
        }
        events
    }

    /// Decodes the pending bytes as a key, if they are complete.
    fn decode(&mut self, keys: &mut Vec<Decoded>, now: Instant) {
        let event = match Event::parse_from(&self.pending) {
            Ok(None) if self.pending.len() < MAX_SEQUENCE => return,
            Ok(event) => event,
            // A reply from the terminal, or the rest of a sequence that was cut off.
            Err(_) => None,
        };
        let bytes = std::mem::take(&mut self.pending);
        let Some(event) = event else { return };
        let key = Decoded { event, bytes };
        match &mut self.paste {
            Some(paste) if !key.event.is_mouse() => {
                if key.is_plain() {
                    paste.text.extend(key.bytes);
                }
                paste.ends = now + PAUSE;
            }
            _ => keys.push(key),
        }
    }
}

/// Parses a reply with the background colour, such as `11;rgb:ffff/ffff/dddd`. Returns whether the
/// colour is light; `None` for any other reply.
fn is_light(reply: &[u8]) -> Option<bool> {
    let text = std::str::from_utf8(reply.strip_prefix(BACKGROUND)?).ok()?;
    let text = text.trim_end_matches(['\u{7}', '\u{1b}', '\\']);
    let colour = text.strip_prefix("rgb:").or_else(|| text.strip_prefix("rgba:"))?;
    // Each channel has one to four hexadecimal digits.
    let channel = |digits: &str| {
        let most = 16_u32.checked_pow(u32::try_from(digits.len()).ok()?)?.checked_sub(1)?;
        Some(f64::from(u32::from_str_radix(digits, 16).ok()?) / f64::from(most.max(1)))
    };
    let channels: Vec<_> = colour.split('/').map(channel).collect::<Option<_>>()?;
    let [red, green, blue, ..] = channels.as_slice() else { return None };
    // The ITU-R BT.709 weights are close enough to tell a light background from a dark one.
    Some(0.2126 * red + 0.7152 * green + 0.0722 * blue > 0.5)
}

impl Paste {
    fn into_event(self) -> Option<Event> {
        let text = String::from_utf8_lossy(&self.text).into_owned();
        (!text.is_empty()).then_some(Event::Paste(text))
    }
}

/// An event and the bytes that encode it.
struct Decoded {
    event: Event,
    bytes: Vec<u8>,
}

impl Decoded {
    /// Returns whether the event was sent as a character, like pasted text. Keys such as arrows,
    /// which repeat while they are held, are sent as sequences.
    fn is_plain(&self) -> bool {
        !self.bytes.starts_with(b"\x1b")
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::fmt::Write as _;

    use proptest::prelude::*;
    use rstest::rstest;

    /// Decodes parts, each a given number of milliseconds after the previous part, and then waits.
    /// Returns the events as text, with `<` and `>` around pastes.
    fn decoded(parts: &[(u64, &str)]) -> String {
        let (mut decoder, mut now, mut text) = (Decoder::default(), Instant::now(), String::new());
        let mut add = |events: Vec<Event>| {
            for event in events {
                match event {
                    Event::Paste(pasted) => write!(text, "<{pasted}>").unwrap(),
                    Event::Key(KeyEvent { code: KeyCode::Char(c), modifiers, .. }) => {
                        text.extend(
                            modifiers.contains(KeyModifiers::CTRL).then_some('^').into_iter().chain([c]),
                        );
                    }
                    Event::Key(key) => write!(text, "{:?}", key.code).unwrap(),
                    other => write!(text, "{other:?}").unwrap(),
                }
            }
        };
        for (after, part) in parts {
            let next = now + Duration::from_millis(*after);
            while let Some(due) = decoder.deadline().filter(|due| *due <= next) {
                add(decoder.expire(due));
            }
            now = next;
            add(decoder.read(part.as_bytes(), now));
        }
        while let Some(due) = decoder.deadline() {
            add(decoder.expire(due));
        }
        text
    }

    #[rstest]
    #[case::keys(&[(0, "jk"), (9, "\r"), (9, "\u{3}")], "jkEnter^c")]
    #[case::arrows(&[(0, "\x1b[B\x1b[B\x1b[B")], "DownDownDown")]
    #[case::split_sequence(&[(0, "\x1b"), (5, "[B")], "Down")]
    #[case::escape_key(&[(0, "\x1b"), (30, "q")], "Escq")]
    #[case::split_burst(&[(0, "\x1b[B\x1b"), (300, "[B")], "DownDown")]
    #[case::split_character(&[(0, "é")], "é")]
    #[case::unknown_sequence(&[(0, "\x1b[?62;4c"), (9, "j")], "j")]
    #[case::paste(&[(0, "\x1b[200~a\rq\x1b[201~")], "<a\rq>")]
    #[case::paste_in_parts(&[(0, "j\x1b[20"), (1, "0~a"), (900, "b\x1b[201"), (1, "~"), (30, "k")], "j<ab>k")]
    #[case::no_end(&[(0, "\x1b[200~a"), (1_900, "q"), (200, "j")], "<aq>j")]
    #[case::typing_does_not_extend_it(&[(0, "\x1b[200~"), (900, "q"), (900, "q"), (300, "j")], "<qq>j")]
    #[case::text_extends_it(
        &[(0, "\x1b[200~"), (1_500, "12345678901234567"), (1_500, "x\x1b[201~"), (90, "j")],
        "<12345678901234567x>j"
    )]
    #[case::ctrl_c_without_an_end(&[(0, "\x1b[200~abc"), (100, "\u{3}"), (9, "j")], "^cj")]
    #[case::ctrl_c_within_a_paste(&[(0, "\x1b[200~ab\u{3}q\x1b[201~")], "<ab\u{3}q>")]
    #[case::early_end(&[(0, "\x1b[200~ab\x1b[201~q\rq\x1b[201~")], "<abq\rq>")]
    #[case::early_end_in_parts(&[(0, "\x1b[200~ab\x1b[201~"), (5, "q"), (5, "q\x1b[201~")], "<abqq>")]
    #[case::sixteen_keys(&[(0, "jjjjjjjjjjjjjjjj")], "jjjjjjjjjjjjjjjj")]
    #[case::burst(&[(0, "jjjjjjjjjjjjjjjjq"), (5, "q"), (100, "k")], "<jjjjjjjjjjjjjjjjqq>k")]
    #[case::two_pastes(&[(0, "\x1b[200~a\x1b[201~\x1b[200~b\x1b[201~")], "<ab>")]
    #[case::mouse(&[(0, "\x1b[<0;3;4M")], "Mouse(MouseEvent { kind: Down(Left), column: 2, row: 3, modifiers: KeyModifiers(0x0) })")]
    fn keys_and_pastes_are_told_apart(#[case] parts: &[(u64, &str)], #[case] expected: &str) {
        assert_eq!(decoded(parts), expected);
    }

    #[rstest]
    #[case::white("\x1b]11;rgb:ffff/ffff/ffff\x1b\\", Some(true))]
    #[case::solarized("\x1b]11;rgb:fdfd/f6f6/e3e3\x07", Some(true))]
    #[case::black("\x1b]11;rgb:0000/0000/0000\x07", Some(false))]
    #[case::short("\x1b]11;rgb:1e/1e/2e\x1b\\", Some(false))]
    #[case::alpha("\x1b]11;rgba:ffff/ffff/ffff/8000\x07", Some(true))]
    #[case::foreground("\x1b]10;rgb:ffff/ffff/ffff\x07", None)]
    #[case::junk("\x1b]11;rgb:zz//\x07", None)]
    fn reply_about_the_background_is_no_key(#[case] reply: &str, #[case] light: Option<bool>) {
        // Split the reply at every position, with typed keys before and after it.
        for at in 1..reply.len() {
            let (mut decoder, now) = (Decoder::default(), Instant::now());
            let mut events = decoder.read(format!("j{}", &reply[..at]).as_bytes(), now);
            events.extend(decoder.read(format!("{}k", &reply[at..]).as_bytes(), now));
            assert_eq!(events, ['j', 'k'].map(|c| Event::Key(KeyCode::Char(c).into())), "{at}");
            assert_eq!(decoder.take_background(), light, "{at}");
        }
    }

    #[test]
    fn alt_bracket_is_a_key() {
        let (mut decoder, now) = (Decoder::default(), Instant::now());
        assert_eq!(decoder.read(b"\x1b]", now), []);
        let expected = KeyEvent::new(KeyCode::Char(']')).modifiers(KeyModifiers::ALT);
        assert_eq!(decoder.expire(now + SPLIT), [Event::Key(expected)]);
    }

    #[test]
    fn a_held_arrow_is_no_paste() {
        assert_eq!(decoded(&[(0, &"\x1b[B".repeat(17))]), "Down".repeat(17));
    }

    proptest! {
        #[test]
        fn a_paste_never_acts(text in "[a-zé\r\u{3}\u{1b}\\[~0-9]{17,60}", cut in 0usize..40) {
            // A paste must stay text wherever it is split into reads, and whatever markers it
            // contains.
            let marked = format!("\x1b[200~{text}\x1b[201~");
            let at = (0..=cut.min(marked.len())).rev().find(|at| marked.is_char_boundary(*at)).unwrap();
            let (one, other) = marked.split_at(at.max(6));
            let shown = decoded(&[(0, one), (1, other)]);
            prop_assert!(shown.starts_with('<') && shown.ends_with('>'), "{shown}");
        }

        #[test]
        fn bytes_are_read_without_a_panic(parts in prop::collection::vec(prop::collection::vec(any::<u8>(), 0..40), 0..8)) {
            let (mut decoder, mut now) = (Decoder::default(), Instant::now());
            for part in parts {
                now += Duration::from_millis(7);
                decoder.read(&part, now);
            }
            // Keys work again after two seconds.
            now += Duration::from_millis(2_100);
            decoder.expire(now);
            prop_assert_eq!(decoder.read(b"j", now).len(), 1);
        }
    }
}
