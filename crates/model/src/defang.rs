//! Defangs addresses so that nobody follows them by accident, and restores defanged ones.
//!
//! `https://evil.example/a.exe` becomes `hxxps://evil[.]example/a.exe`. Everything that a ticketing
//! system, chat client or mail client would turn into a link is defanged; file names and other text
//! stay readable. [`refang`] reverses this and also understands the other common notations.

mod alert;

use std::{borrow::Cow, net::Ipv6Addr, sync::LazyLock};

use regex::{Captures, Regex};

pub use alert::Defanger;

/// Schemes that programs turn into links, each with its defanged form.
const SCHEMES: [(&str, &str); 4] = [("https", "hxxps"), ("http", "hxxp"), ("ftps", "fxps"), ("ftp", "fxp")];

/// Top-level domains that, like two-letter country codes, mark a name as a host rather than a file:
/// the original ones, and the cheap and widely used ones among IANA's newer domains.
#[rustfmt::skip]
const DOMAINS: [&str; 109] = [
    "com", "net", "org", "info", "biz", "edu", "gov", "mil", "int", "arpa", "name", "mobi", "asia", "tel",
    "onion", "example", "test", "invalid",
    "academy", "agency", "app", "art", "autos", "bar", "beauty", "best", "bid", "blog", "boats", "bond",
    "business", "buzz", "cam", "capital", "center", "cfd", "chat", "click", "cloud", "club", "company",
    "cyou", "date", "dev", "digital", "direct", "download", "email", "exchange", "expert", "finance",
    "fun", "fund", "group", "guru", "hair", "help", "homes", "host", "icu", "industries", "institute",
    "life", "link", "live", "loan", "lol", "makeup", "management", "media", "men", "mom", "money",
    "monster", "mov", "network", "news", "ninja", "one", "online", "page", "party", "press", "pro", "quest",
    "rest", "rocks", "sbs", "services", "shop", "site", "skin", "solutions", "space", "store", "stream",
    "support", "tech", "today", "top", "vip", "website", "win", "work", "world", "wtf", "xyz", "zip", "zone",
];

/// Top-level domains that are also file extensions or common words in code. A name with only one
/// label before one of these domains counts as a file.
#[rustfmt::skip]
const FILES: [&str; 25] = [
    "ai", "cc", "cs", "date", "db", "group", "gz", "host", "hs", "js", "md", "ml", "mov", "name", "pl", "pm",
    "ps", "py", "rb", "rs", "sh", "so", "stream", "vb", "zip",
];

/// The separators between domain labels. Browsers treat the full stops of other scripts as dots
/// (UTS 46).
const DOTS: [char; 4] = ['.', '．', '。', '｡'];

/// A scheme followed by slashes. Browsers also accept a single slash or backslashes.
static SCHEME: LazyLock<Regex> = LazyLock::new(|| compile(r"(?i)(https?|ftps?)(:[/\\]+)"));
/// Candidate addresses in running text. Schemes must already be defanged.
static ADDRESS: LazyLock<Regex> = LazyLock::new(|| {
    compile(concat!(
        r#"(?:(?i:hxxps?|fxps?):[/\\]+|://)(?P<authority>[^\s/?#\\"'<>`|,;(){}]*)"#,
        r#"|(?P<share>(?:^|[\s"'=(,])\\\\[\w-]+(?:\.[\w-]+)+)"#,
        r"|(?P<mail>[\w.!%+'-]{1,64}@[\w-]+(?:[.．。｡][\w-]+)+)",
        r"|(?P<dotted>[\w-]+(?:[.．。｡][\w-]+)+)",
        r"|(?P<colons>[[:xdigit:]]+:[[:xdigit:]:]*:[[:xdigit:]:]*)",
    ))
});
/// The parts of a link: scheme, separator, authority, rest.
static LINK: LazyLock<Regex> =
    LazyLock::new(|| compile(r"(?s)^(\s*(?:[A-Za-z][A-Za-z0-9+-]*)?)(:?[/\\]*)([^/?#\\]*)(.*)$"));
static DEFANGED_SCHEME: LazyLock<Regex> = LazyLock::new(|| compile(r"(?i)(hxxps?|fxps?):"));
/// A dot, including the brackets if it is already defanged.
static DOT: LazyLock<Regex> = LazyLock::new(|| compile(r"\[[.．。｡]\]|[.．。｡]"));

#[expect(clippy::expect_used, reason = "constant patterns; every one is compiled by a test")]
fn compile(pattern: &str) -> Regex {
    Regex::new(pattern).expect("a constant pattern")
}

/// Compiles this module's patterns.
///
/// Compilation takes longer than drawing a frame. Without this call, it would delay the first text
/// to be defanged.
pub fn prepare() {
    prose("");
    for pattern in [&LINK, &DEFANGED_SCHEME, &DOT] {
        LazyLock::force(pattern);
    }
}

/// A judgment about a name, based on the evidence.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Judgment {
    /// The name stays readable, except in links.
    Keep,
    /// The name is an address, whatever it looks like.
    Defang,
}

/// Judges names. `None` means that nothing is known about a name, so its form decides.
type Judge<'a> = &'a dyn Fn(&str) -> Option<Judgment>;

/// Defangs a web address, with or without a scheme.
pub fn link(text: &str) -> String {
    link_with(text, &|_| None)
}

fn link_with(text: &str, judge: Judge<'_>) -> String {
    let Some(parts) = LINK.captures(text) else { return text.to_owned() };
    let (start, slashes, inner, rest) = (&parts[1], &parts[2], &parts[3], &parts[4]);
    // The scheme is preceded by other text.
    if inner.ends_with(':') && rest.starts_with(['/', '\\']) {
        return replace(text, true, judge);
    }
    let scheme = start.trim_start();
    // Without a colon, this is not a scheme but the start of the host.
    let head = if slashes.starts_with(':') {
        start.replace(scheme, &defanged_scheme(scheme))
    } else {
        start.to_owned()
    };
    format!("{head}{slashes}{}{}", authority(inner), replace(rest, true, judge))
}

/// Defangs a domain or a host name.
pub fn host(text: &str) -> String {
    let schemes = schemes(text);
    let defanged = |found: &Captures<'_>| match &found[0] {
        defanged if defanged.starts_with('[') => defanged.to_owned(),
        dot => format!("[{dot}]"),
    };
    DOT.replace_all(&schemes, defanged).into_owned()
}

/// Defangs an IPv4 or IPv6 address.
pub fn address(text: &str) -> String {
    host(&text.replace("[:]", ":").replace(':', "[:]"))
}

/// Defangs an email address, or the addresses in any other text.
pub fn mail(text: &str) -> String {
    match text.rsplit_once('@') {
        Some((name, domain)) if !text.contains(char::is_whitespace) => {
            format!("{}[@]{}", links(name), host(domain))
        }
        _ => prose(text),
    }
}

/// Defangs every address in running text: links, email addresses, hosts and IP addresses. File
/// names and paths are kept.
pub fn prose(text: &str) -> String {
    replace(text, true, &|_| None)
}

/// Defangs only links that have a scheme. Intended for names and paths, which are not prose.
pub fn links(text: &str) -> String {
    replace(text, false, &|_| None)
}

/// Defangs links and, if `names` is true, all other addresses. `judge` decides what counts as an
/// address; if it returns `None`, the form of the text decides.
fn replace(text: &str, names: bool, judge: Judge<'_>) -> String {
    let text = &*schemes(text);
    let replaced = ADDRESS.replace_all(text, |found: &Captures<'_>| {
        let whole = &found[0];
        if let Some(inner) = found.name("authority") {
            let head = &whole[..whole.len() - inner.len()];
            return format!("{head}{}", authority(inner.as_str()));
        }
        // The match for a share includes the characters before the share's name.
        let judged = found
            .name("share")
            .map_or(whole, |share| share.as_str().trim_start_matches(|c: char| !c.is_alphanumeric()));
        let judgment = judge(judged);
        if !names || judgment == Some(Judgment::Keep) {
            return whole.to_owned();
        }
        let is_known = judgment == Some(Judgment::Defang);
        let at = found.get(0).map_or(0..0, |found| found.range());
        let (before, after) = (&text[..at.start], &text[at.end..]);
        // A name after a separator is a file or a folder, unless it is a link's host.
        let in_a_path = before.ends_with(['/', '\\']) && !before.ends_with("//");
        let stands_alone = || {
            let is_word = |c: char| c.is_alphanumeric() || c == '_';
            !before.ends_with(is_word) && !after.starts_with(is_word)
        };
        if found.name("mail").is_some() {
            mail(whole)
        } else if found.name("share").is_some() {
            host(whole)
        } else if is_known && !in_a_path || is_ipv6(whole) && stands_alone() {
            address(whole)
        } else {
            dotted(whole, in_a_path)
        }
    });
    replaced.into_owned()
}

/// Defangs the hosts and IPv4 addresses in words joined by dots.
fn dotted(text: &str, in_a_path: bool) -> String {
    let is_address = |name: &str| is_ipv4(name) || is_host(name) && !in_a_path;
    if is_address(text) {
        return host(text);
    }
    // In scripts without spaces between words, a full stop may end a sentence, and the text next to
    // it may not belong to a label.
    let each = text.split_inclusive(['。', '｡']).map(|part| {
        let name = part.trim_matches(|c: char| !c.is_ascii_alphanumeric());
        if is_address(name) { part.replacen(name, &host(name), 1) } else { part.to_owned() }
    });
    each.collect()
}

/// Defangs the schemes of all links.
fn schemes(text: &str) -> Cow<'_, str> {
    SCHEME.replace_all(text, |found: &Captures<'_>| format!("{}{}", defanged_scheme(&found[1]), &found[2]))
}

/// Defangs the authority of a link: user, host and port.
fn authority(text: &str) -> String {
    let (user, host_port) = text.rsplit_once('@').map_or((None, text), |(user, rest)| (Some(user), rest));
    let host_port = match host_port.find(']') {
        // IPv6 addresses are in brackets.
        Some(end) if host_port.starts_with('[') && !host_port.contains("[.]") => {
            format!("{}{}", address(&host_port[..end]), host(&host_port[end..]))
        }
        _ => host(host_port),
    };
    user.map_or(host_port.clone(), |user| format!("{}[@]{host_port}", host(user)))
}

fn is_ipv4(name: &str) -> bool {
    let parts: Vec<_> = name.split(DOTS).collect();
    parts.len() == 4 && parts.iter().all(|part| part.len() <= 3 && part.parse::<u8>().is_ok())
}

/// Returns whether a name is an IPv6 address. Hexadecimal letters without any digits, such as
/// `A::Add`, do not count: they are more likely to be identifiers in code.
fn is_ipv6(name: &str) -> bool {
    name.parse::<Ipv6Addr>().is_ok() && name.contains(|c: char| c.is_ascii_digit())
}

fn is_host(name: &str) -> bool {
    let labels: Vec<_> = name.split(DOTS).map(str::to_ascii_lowercase).collect();
    let Some(last) = labels.last() else { return false };
    let country = last.len() == 2 && last.bytes().all(|b| b.is_ascii_lowercase());
    let file = labels.len() == 2 && FILES.contains(&last.as_str());
    !file && (country || DOMAINS.contains(&last.as_str()) || last.starts_with("xn--"))
}

/// Returns the defanged form of a scheme. Schemes that programs do not turn into links are returned
/// unchanged.
fn defanged_scheme(scheme: &str) -> String {
    let known = SCHEMES.iter().find(|(plain, _)| plain.eq_ignore_ascii_case(scheme));
    known.map_or_else(|| scheme.to_owned(), |(_, defanged)| match_case(scheme, defanged))
}

/// Returns `other`, converted to upper case if `model` is in upper case.
fn match_case(model: &str, other: &str) -> String {
    if model.bytes().any(|b| b.is_ascii_lowercase()) { other.to_owned() } else { other.to_ascii_uppercase() }
}

/// Restores an address that was defanged in any of the common notations.
pub fn refang(text: &str) -> String {
    const DEFANGED: [(&str, &str); 11] = [
        ("[.]", "."),
        ("[．]", "．"),
        ("[。]", "。"),
        ("[｡]", "｡"),
        ("(.)", "."),
        ("[dot]", "."),
        ("[:]", ":"),
        ("[://]", "://"),
        ("[@]", "@"),
        ("[at]", "@"),
        ("[/]", "/"),
    ];
    let text = DEFANGED.iter().fold(text.to_owned(), |text, (defanged, plain)| text.replace(defanged, plain));
    let text = DEFANGED_SCHEME.replace_all(&text, |found: &Captures<'_>| {
        let plain = SCHEMES.iter().find(|(_, defanged)| defanged.eq_ignore_ascii_case(&found[1]));
        plain.map_or_else(|| found[0].to_owned(), |(plain, _)| format!("{}:", match_case(&found[1], plain)))
    });
    // Handle an incomplete link that is still being typed.
    match text.get(..4) {
        Some(head) if head.eq_ignore_ascii_case("hxxp") => format!("http{}", &text[4..]),
        _ => text.into_owned(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;
    use rstest::rstest;

    #[rstest]
    #[case("https://evil.example/a.exe?x=1.2", "hxxps://evil[.]example/a.exe?x=1.2")]
    #[case("HTTP://EVIL.EXAMPLE", "HXXP://EVIL[.]EXAMPLE")]
    #[case("ftp://u:p@files.evil.example:21/x", "fxp://u:p[@]files[.]evil[.]example:21/x")]
    #[case("https://[2001:db8::1]:8443/a.b", "hxxps://[2001[:]db8[:][:]1]:8443/a.b")]
    #[case("evil.example/x.php", "evil[.]example/x.php")]
    #[case("evil.example:8080/x.php", "evil[.]example:8080/x.php")]
    #[case("//evil.example", "//evil[.]example")]
    #[case("https:evil.example", "hxxps:evil[.]example")]
    #[case("https://a.example/?u=http://b.example/", "hxxps://a[.]example/?u=hxxp://b[.]example/")]
    #[case("hxxps://evil[.]example/", "hxxps://evil[.]example/")]
    #[case("$ https://evil.example/", "$ hxxps://evil[.]example/")]
    #[case(": https://evil.example/", ": hxxps://evil[.]example/")]
    #[case(" https://evil.example/", " hxxps://evil[.]example/")]
    #[case("", "")]
    fn links_are_defanged(#[case] text: &str, #[case] defanged: &str) {
        assert_eq!(link(text), defanged);
    }

    #[rstest]
    #[case::mail(mail("ceo.x@evil.example"), "ceo.x[@]evil[.]example")]
    #[case::subject(mail("Your invoice at evil.example"), "Your invoice at evil[.]example")]
    #[case::message_id(mail("<1.2@mx.example>"), "<1.2[@]mx[.]example>")]
    #[case::domain(host("a.b.example"), "a[.]b[.]example")]
    #[case::no_domain(host("(http://a.example)"), "(hxxp://a[.]example)")]
    #[case::bracket(host("a.]b[.]c[."), "a[.]]b[.]c[[.]")]
    #[case::v4(address("10.0.0.1"), "10[.]0[.]0[.]1")]
    #[case::v6(address("fe80::1"), "fe80[:][:]1")]
    #[case::path(links(r"C:\Temp\evil.com"), r"C:\Temp\evil.com")]
    #[case::name(links("evil.com http://evil.com"), "evil.com hxxp://evil[.]com")]
    fn each_kind_of_value_is_defanged(#[case] defanged: String, #[case] expected: &str) {
        assert_eq!(defanged, expected);
    }

    #[rstest]
    #[case(
        "evil.exe -u http://evil.example/a.exe 1.2.3.4",
        "evil.exe -u hxxp://evil[.]example/a.exe 1[.]2[.]3[.]4"
    )]
    #[case(r"C:\Windows\more.com run.sh setup.py", r"C:\Windows\more.com run.sh setup.py")]
    #[case(
        r"copy \\files.evil.example\a\b.js C:\\evil.com",
        r"copy \\files[.]evil[.]example\a\b.js C:\\evil.com"
    )]
    #[case("ping evil.com; curl cdn.evil.sh/x.sh", "ping evil[.]com; curl cdn[.]evil[.]sh/x.sh")]
    #[case("[System.IO.File]::Add(1) 12:30:45 std::a1", "[System.IO.File]::Add(1) 12:30:45 std::a1")]
    #[case("to 2001:db8::7, from a@b.example.", "to 2001[:]db8[:][:]7, from a[@]b[.]example.")]
    #[case("10.0.19041.1 v1.2 3.14", "10.0.19041.1 v1.2 3.14")]
    #[case("tcp://evil.example:443 file:///C:/a.com", "tcp://evil[.]example:443 file:///C:/a.com")]
    #[case("'http:\\\\evil.example\\x'", "'hxxp:\\\\evil[.]example\\x'")]
    #[case("hxxp://evil[.]example 1[.]2[.]3[.]4", "hxxp://evil[.]example 1[.]2[.]3[.]4")]
    #[case("curl http:/evil.example/x", "curl hxxp:/evil[.]example/x")]
    #[case("ping evil．example or evil。com", "ping evil[．]example or evil[。]com")]
    #[case("我们发现 evil.com。请立即隔离", "我们发现 evil[.]com。请立即隔离")]
    #[case("通信先 10.0.0.1。確認", "通信先 10[.]0[.]0[.]1。確認")]
    #[case("evil.com。evil2.com。请 1。2。3。4", "evil[.]com。evil2[.]com。请 1[。]2[。]3[。]4")]
    #[case("下载evil.com文件 _evil.com_ bücher.com", "下载evil[.]com文件 _evil[.]com_ bücher[.]com")]
    #[case("get cdn.evil.zip and evil.tech, not a.zip", "get cdn[.]evil[.]zip and evil[.]tech, not a.zip")]
    fn prose_defangs_addresses_and_keeps_file_names(#[case] text: &str, #[case] defanged: &str) {
        assert_eq!(prose(text), defanged);
    }

    #[rstest]
    #[case("hxxps://evil[.]com/a", "https://evil.com/a")]
    #[case("hXXp[://]evil(.)com", "http://evil.com")]
    #[case("a[@]evil[dot]com", "a@evil.com")]
    #[case("10[.]0[.]0[.]1", "10.0.0.1")]
    #[case("hxxp", "http")]
    #[case("see hxxp://a[.]b and FXP://c[.]d", "see http://a.b and FTP://c.d")]
    #[case("plain é", "plain é")]
    fn refang_restores_defanged_text(#[case] typed: &str, #[case] restored: &str) {
        assert_eq!(refang(typed), restored);
    }

    const DOMAIN: &str = "[a-z0-9-]{1,8}(\\.[a-z]{2,6}){1,3}";

    proptest! {
        #[test]
        fn refang_restores_links(
            scheme in prop::sample::select(vec!["http://", "https://", "HTTPS://", "ftp://", "ftps://", "tcp://", ""]),
            user in "([a-z.]{1,5}(:[a-z]{1,3})?@)?",
            domain in DOMAIN,
            port in "(:[0-9]{1,5})?",
            rest in "([/?#][ -Z^-~]{0,30})?",
        ) {
            let text = format!("{scheme}{user}{domain}{port}{rest}");
            prop_assume!(refang(&text) == text);
            prop_assert_eq!(refang(&link(&text)), text);
        }

        #[test]
        fn a_link_is_defanged_as_in_text(
            scheme in prop::sample::select(vec!["http://", "https://", "ftp://", "tcp://"]),
            domain in DOMAIN,
            rest in "([/?](%2F|[a-z]{1,4}|[.@=&/]|b\\.example){0,10})?",
        ) {
            let text = format!("{scheme}{domain}{rest}");
            prop_assert_eq!(prose(&text), link(&text));
        }

        #[test]
        fn refang_restores_domains_addresses_and_mail(domain in DOMAIN, name in "[a-z.+]{1,9}", four: [u8; 4], six: [u16; 8]) {
            let six = Ipv6Addr::from(six).to_string();
            let four = std::net::Ipv4Addr::from(four).to_string();
            prop_assert_eq!(refang(&host(&domain)), domain.clone());
            prop_assert_eq!(refang(&address(&four)), four);
            prop_assert_eq!(refang(&address(&six)), six);
            let address = format!("{name}@{domain}");
            prop_assert_eq!(refang(&mail(&address)), address);
        }

        #[test]
        fn defanged_prose_has_no_link_and_is_restored(text in "(\\PC| |http://|https://|a\\.example|@|://|\\\\|/){0,30}") {
            let defanged = prose(&text);
            let lower = defanged.to_lowercase();
            prop_assert!(!lower.contains("http://") && !lower.contains("https://"));
            prop_assume!(refang(&text) == text);
            prop_assert_eq!(refang(&defanged), text);
        }
    }
}
