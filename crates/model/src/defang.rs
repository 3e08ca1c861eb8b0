//! Addresses written so that nobody follows them by accident, and back.
//!
//! `https://evil.example/a.exe` becomes `hxxps://evil[.]example/a.exe`: what a ticket, a chat or a
//! mail program would make a link of is broken, names of files and the rest stay readable.
//! [`refang`] undoes what is done here, and the other usual ways of writing it.

use std::{borrow::Cow, net::Ipv6Addr, sync::LazyLock};

use regex::{Captures, Regex};

/// Schemes that programs make links of, each with what takes its place.
const SCHEMES: [(&str, &str); 4] = [("https", "hxxps"), ("http", "hxxp"), ("ftps", "fxps"), ("ftp", "fxp")];

/// Endings of names that are hosts rather than files, beside the countries' of two letters: the old
/// ones, and of the new ones (IANA's list of top-level domains) those that are cheap and much used.
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

/// Endings of domains that are kinds of files too, or words of programs: with one label before them,
/// a file is meant.
#[rustfmt::skip]
const FILES: [&str; 25] = [
    "ai", "cc", "cs", "date", "db", "group", "gz", "host", "hs", "js", "md", "ml", "mov", "name", "pl", "pm",
    "ps", "py", "rb", "rs", "sh", "so", "stream", "vb", "zip",
];

/// What stands between the labels of a domain; browsers take the full stops of other scripts as
/// one (UTS 46).
const DOTS: [char; 4] = ['.', '．', '。', '｡'];

/// A scheme before slashes; browsers take a single one too, and those that lean back.
static SCHEME: LazyLock<Regex> = LazyLock::new(|| compile(r"(?i)(https?|ftps?)(:[/\\]+)"));
/// What an address in running text may be, once its scheme is broken.
static ADDRESS: LazyLock<Regex> = LazyLock::new(|| {
    compile(concat!(
        r#"(?:(?i:hxxps?|fxps?):[/\\]+|://)(?P<authority>[^\s/?#\\"'<>`|,;(){}]*)"#,
        r#"|(?P<share>(?:^|[\s"'=(,])\\\\[\w-]+(?:\.[\w-]+)+)"#,
        r"|(?P<mail>[\w.!%+'-]{1,64}@[\w-]+(?:[.．。｡][\w-]+)+)",
        r"|(?P<dotted>[\w-]+(?:[.．。｡][\w-]+)+)",
        r"|(?P<colons>[[:xdigit:]]+:[[:xdigit:]:]*:[[:xdigit:]:]*)",
    ))
});
/// The parts of a link: scheme, what stands between it and the authority, authority, rest.
static LINK: LazyLock<Regex> =
    LazyLock::new(|| compile(r"(?s)^(\s*(?:[A-Za-z][A-Za-z0-9+-]*)?)(:?[/\\]*)([^/?#\\]*)(.*)$"));
static BROKEN_SCHEME: LazyLock<Regex> = LazyLock::new(|| compile(r"(?i)(hxxps?|fxps?):"));
/// A dot that is not broken yet; a broken one matches whole.
static DOT: LazyLock<Regex> = LazyLock::new(|| compile(r"\[[.．。｡]\]|[.．。｡]"));

#[expect(clippy::expect_used, reason = "constant patterns; every one is compiled by a test")]
fn compile(pattern: &str) -> Regex {
    Regex::new(pattern).expect("a constant pattern")
}

/// Makes ready what everything here needs: once, and for longer than a frame of the screen takes.
/// Else the first that is defanged waits for it.
pub fn prepare() {
    prose("");
    for pattern in [&LINK, &BROKEN_SCHEME, &DOT] {
        LazyLock::force(pattern);
    }
}

/// Defangs a web address, with a scheme or without.
pub fn link(text: &str) -> String {
    let Some(parts) = LINK.captures(text) else { return text.to_owned() };
    let (start, slashes, inner, rest) = (&parts[1], &parts[2], &parts[3], &parts[4]);
    // Something stands before the scheme.
    if inner.ends_with(':') && rest.starts_with(['/', '\\']) {
        return prose(text);
    }
    let scheme = start.trim_start();
    // Without a colon behind it, it is the beginning of the host.
    let head =
        if slashes.starts_with(':') { start.replace(scheme, &broken(scheme)) } else { start.to_owned() };
    format!("{head}{slashes}{}{}", authority(inner), links(rest))
}

/// Defangs a domain or the name of a host.
pub fn host(text: &str) -> String {
    let schemes = schemes(text);
    let broken = |found: &Captures<'_>| match &found[0] {
        broken if broken.starts_with('[') => broken.to_owned(),
        dot => format!("[{dot}]"),
    };
    DOT.replace_all(&schemes, broken).into_owned()
}

/// Defangs an IP address of either version.
pub fn address(text: &str) -> String {
    host(&text.replace("[:]", ":").replace(':', "[:]"))
}

/// Defangs a mail address; of anything else, what is an address in it.
pub fn mail(text: &str) -> String {
    match text.rsplit_once('@') {
        Some((name, domain)) if !text.contains(char::is_whitespace) => {
            format!("{}[@]{}", links(name), host(domain))
        }
        _ => prose(text),
    }
}

/// Defangs every address in running text: links, mail addresses, hosts, IP addresses. Names of
/// files and paths stay as they are.
pub fn prose(text: &str) -> String {
    prose_but(text, &|_| false)
}

/// As [`prose`], but for the mail addresses and names of hosts that `own` tells to be one's own.
/// Links are never kept.
pub fn prose_but(text: &str, own: &dyn Fn(&str) -> bool) -> String {
    replace(text, true, own)
}

/// Defangs the links with a scheme in a text that is a name or a path rather than prose.
pub fn links(text: &str) -> String {
    replace(text, false, &|_| false)
}

fn replace(text: &str, names: bool, own: &dyn Fn(&str) -> bool) -> String {
    let text = &*schemes(text);
    let replaced = ADDRESS.replace_all(text, |found: &Captures<'_>| {
        let whole = &found[0];
        if let Some(inner) = found.name("authority") {
            let head = &whole[..whole.len() - inner.len()];
            return format!("{head}{}", authority(inner.as_str()));
        }
        if !names || own(whole) {
            return whole.to_owned();
        }
        let at = found.get(0).map_or(0..0, |found| found.range());
        let (before, after) = (&text[..at.start], &text[at.end..]);
        // What hangs on a path is a file or a folder, unless the path is that of a link.
        let in_a_path = before.ends_with(['/', '\\']) && !before.ends_with("//");
        let stands_alone = || {
            let is_word = |c: char| c.is_alphanumeric() || c == '_';
            !before.ends_with(is_word) && !after.starts_with(is_word)
        };
        if found.name("mail").is_some() {
            mail(whole)
        } else if found.name("share").is_some() {
            host(whole)
        } else if is_version_6(whole) && stands_alone() {
            address(whole)
        } else {
            named(whole, in_a_path)
        }
    });
    replaced.into_owned()
}

/// Breaks the hosts and addresses of version 4 in what is joined by dots.
fn named(text: &str, in_a_path: bool) -> String {
    let is_one = |name: &str| is_version_4(name) || is_host(name) && !in_a_path;
    if is_one(text) {
        return host(text);
    }
    // Where words stand without blanks between them, what joins them may be the end of a sentence,
    // and words of another script may be part of none of the labels.
    let each = text.split_inclusive(['。', '｡']).map(|part| {
        let name = part.trim_matches(|c: char| !c.is_ascii_alphanumeric());
        if is_one(name) { part.replacen(name, &host(name), 1) } else { part.to_owned() }
    });
    each.collect()
}

/// Breaks the schemes of all links.
fn schemes(text: &str) -> Cow<'_, str> {
    SCHEME.replace_all(text, |found: &Captures<'_>| format!("{}{}", broken(&found[1]), &found[2]))
}

/// Breaks what stands before the path of a link: user, host and port.
fn authority(text: &str) -> String {
    let (user, place) = text.rsplit_once('@').map_or((None, text), |(user, place)| (Some(user), place));
    let place = match place.find(']') {
        // An address of version 6 stands in brackets.
        Some(end) if place.starts_with('[') && !place.contains("[.]") => {
            format!("{}{}", address(&place[..end]), host(&place[end..]))
        }
        _ => host(place),
    };
    user.map_or(place.clone(), |user| format!("{}[@]{place}", host(user)))
}

fn is_version_4(name: &str) -> bool {
    let parts: Vec<_> = name.split(DOTS).collect();
    parts.len() == 4 && parts.iter().all(|part| part.len() <= 3 && part.parse::<u8>().is_ok())
}

/// Words of hexadecimal letters alone are more likely names in a program: `A::Add`.
fn is_version_6(name: &str) -> bool {
    name.parse::<Ipv6Addr>().is_ok() && name.contains(|c: char| c.is_ascii_digit())
}

fn is_host(name: &str) -> bool {
    let labels: Vec<_> = name.split(DOTS).map(str::to_ascii_lowercase).collect();
    let Some(last) = labels.last() else { return false };
    let country = last.len() == 2 && last.bytes().all(|b| b.is_ascii_lowercase());
    let file = labels.len() == 2 && FILES.contains(&last.as_str());
    !file && (country || DOMAINS.contains(&last.as_str()) || last.starts_with("xn--"))
}

/// A scheme that is no link any more; one that never was stays.
fn broken(scheme: &str) -> String {
    let known = SCHEMES.iter().find(|(plain, _)| plain.eq_ignore_ascii_case(scheme));
    known.map_or_else(|| scheme.to_owned(), |(_, broken)| like(scheme, broken))
}

/// Writes `other` in capitals where `word` is.
fn like(word: &str, other: &str) -> String {
    if word.bytes().any(|b| b.is_ascii_lowercase()) { other.to_owned() } else { other.to_ascii_uppercase() }
}

/// Undoes the usual ways of writing an address so that nobody follows it by accident.
pub fn refang(text: &str) -> String {
    const BROKEN: [(&str, &str); 11] = [
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
    let text = BROKEN.iter().fold(text.to_owned(), |text, (broken, plain)| text.replace(broken, plain));
    let text = BROKEN_SCHEME.replace_all(&text, |found: &Captures<'_>| {
        let plain = SCHEMES.iter().find(|(_, broken)| broken.eq_ignore_ascii_case(&found[1]));
        plain.map_or_else(|| found[0].to_owned(), |(plain, _)| format!("{}:", like(&found[1], plain)))
    });
    // Half a link, as it is typed.
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
    fn links_lead_nowhere(#[case] text: &str, #[case] broken: &str) {
        assert_eq!(link(text), broken);
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
    fn each_kind_in_its_way(#[case] broken: String, #[case] expected: &str) {
        assert_eq!(broken, expected);
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
    fn addresses_in_prose_lead_nowhere_and_files_stay(#[case] text: &str, #[case] broken: &str) {
        assert_eq!(prose(text), broken);
    }

    #[test]
    fn what_is_ones_own_stays_readable_but_in_links() {
        let own = |name: &str| ["ana@contoso.com", "pc1.contoso.com"].contains(&name);
        assert_eq!(
            prose_but("ana@contoso.com on pc1.contoso.com, bob@contoso.com: http://pc1.contoso.com", &own),
            "ana@contoso.com on pc1.contoso.com, bob[@]contoso[.]com: hxxp://pc1[.]contoso[.]com"
        );
    }

    #[rstest]
    #[case("hxxps://evil[.]com/a", "https://evil.com/a")]
    #[case("hXXp[://]evil(.)com", "http://evil.com")]
    #[case("a[@]evil[dot]com", "a@evil.com")]
    #[case("10[.]0[.]0[.]1", "10.0.0.1")]
    #[case("hxxp", "http")]
    #[case("see hxxp://a[.]b and FXP://c[.]d", "see http://a.b and FTP://c.d")]
    #[case("plain é", "plain é")]
    fn defanged_text_is_mended(#[case] typed: &str, #[case] meant: &str) {
        assert_eq!(refang(typed), meant);
    }

    const DOMAIN: &str = "[a-z0-9-]{1,8}(\\.[a-z]{2,6}){1,3}";

    proptest! {
        #[test]
        fn links_come_back(
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
        fn domains_addresses_and_mail_come_back(domain in DOMAIN, name in "[a-z.+]{1,9}", four: [u8; 4], six: [u16; 8]) {
            let six = Ipv6Addr::from(six).to_string();
            let four = std::net::Ipv4Addr::from(four).to_string();
            prop_assert_eq!(refang(&host(&domain)), domain.clone());
            prop_assert_eq!(refang(&address(&four)), four);
            prop_assert_eq!(refang(&address(&six)), six);
            let address = format!("{name}@{domain}");
            prop_assert_eq!(refang(&mail(&address)), address);
        }

        #[test]
        fn prose_comes_back_and_holds_no_link(text in "(\\PC| |http://|https://|a\\.example|@|://|\\\\|/){0,30}") {
            let broken = prose(&text);
            prop_assert!(!broken.to_lowercase().contains("http://") && !broken.to_lowercase().contains("https://"));
            prop_assume!(refang(&text) == text);
            prop_assert_eq!(refang(&broken), text);
        }
    }
}
