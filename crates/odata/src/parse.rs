//! Parses `$filter` text into an [`Expr`].
//!
//! Operators and property names are case-insensitive. Types and members are checked strictly,
//! because the service responds to a wrong one with a 400 that does not say where the error is
//! (docs/graph-api.md, "Filtering").

use std::ops::Range;

use super::{Expr, Literal, Operator, Property};
use alertdeck_model::Timestamp;

/// The maximum nesting depth of parentheses and `not`.
const MAX_DEPTH: usize = 64;
/// The maximum number of members that an error lists.
const MAX_LISTED: usize = 8;

/// The error returned for text that is not an expression.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{message}")]
pub struct ParseError {
    /// The byte range of the invalid part.
    pub span: Range<usize>,
    /// A description of what is wrong and what was expected.
    pub message: String,
    /// The most similar valid text, if any is similar enough.
    pub suggestion: Option<String>,
    /// The property and the member, if the error is that the property's enumeration does not
    /// declare the member.
    pub undeclared: Option<(Property, String)>,
}

/// Parses an expression.
///
/// # Errors
///
/// Fails at the first syntax or type error, or if the nesting is deeper than 64.
pub fn parse(text: &str) -> Result<Expr, ParseError> {
    let mut parser = Parser { text, position: 0, next: Token::End, span: 0..0 };
    parser.advance()?;
    let expr = parser.or(0)?;
    match parser.next {
        Token::End => Ok(expr),
        _ => Err(parser.expected("`and`, `or` or the end")),
    }
}

#[derive(Clone, Debug, PartialEq, Eq)]
enum Token<'a> {
    Open,
    Close,
    Comma,
    Text(String),
    Word(&'a str),
    End,
}

#[derive(Clone)]
struct Parser<'a> {
    text: &'a str,
    /// The byte position at which `next` ends.
    position: usize,
    next: Token<'a>,
    /// The byte range of `next`.
    span: Range<usize>,
}

impl Parser<'_> {
    fn advance(&mut self) -> Result<(), ParseError> {
        let rest = self.text[self.position..].trim_start();
        let start = self.text.len() - rest.len();
        let (token, length) = match rest.bytes().next() {
            None => (Token::End, 0),
            Some(b'(') => (Token::Open, 1),
            Some(b')') => (Token::Close, 1),
            Some(b',') => (Token::Comma, 1),
            Some(b'\'') => {
                let Some((text, length)) = quoted(rest) else {
                    let span = start..self.text.len();
                    return Err(ParseError { span, ..self.error("this quote is not closed") });
                };
                (Token::Text(text), length)
            }
            Some(_) => {
                let end = rest.find(|c: char| c.is_whitespace() || "(),'".contains(c));
                let word = &rest[..end.unwrap_or(rest.len())];
                (Token::Word(word), word.len())
            }
        };
        (self.next, self.span, self.position) = (token, start..start + length, start + length);
        Ok(())
    }

    fn error(&self, message: impl Into<String>) -> ParseError {
        ParseError { span: self.span.clone(), message: message.into(), suggestion: None, undeclared: None }
    }

    fn expected(&self, what: &str) -> ParseError {
        self.error(match &self.next {
            Token::End => format!("the expression ends here; expected {what}"),
            _ => format!("expected {what}"),
        })
    }

    /// Skips `word` if it comes next. Returns whether it was skipped.
    fn accept_word(&mut self, word: &str) -> Result<bool, ParseError> {
        let found = matches!(self.next, Token::Word(next) if next.eq_ignore_ascii_case(word));
        if found {
            self.advance()?;
        }
        Ok(found)
    }

    /// Skips `token` if it comes next. Otherwise fails with a message that `what` was expected.
    fn require(&mut self, token: &Token<'_>, what: &str) -> Result<(), ParseError> {
        if self.next == *token { self.advance() } else { Err(self.expected(what)) }
    }

    fn or(&mut self, depth: usize) -> Result<Expr, ParseError> {
        let first = self.and(depth)?;
        let mut parts = vec![first];
        while self.accept_word("or")? {
            parts.push(self.and(depth)?);
        }
        Ok(if parts.len() == 1 { parts.remove(0) } else { Expr::Or(parts) })
    }

    fn and(&mut self, depth: usize) -> Result<Expr, ParseError> {
        let first = self.not(depth)?;
        let mut parts = vec![first];
        while self.accept_word("and")? {
            parts.push(self.not(depth)?);
        }
        Ok(if parts.len() == 1 { parts.remove(0) } else { Expr::And(parts) })
    }

    fn not(&mut self, depth: usize) -> Result<Expr, ParseError> {
        if depth >= MAX_DEPTH {
            return Err(self.error(format!("more than {MAX_DEPTH} levels of parentheses")));
        }
        if self.accept_word("not")? {
            return Ok(Expr::Not(Box::new(self.not(depth + 1)?)));
        }
        if self.next == Token::Open {
            self.advance()?;
            let inner = self.or(depth + 1)?;
            self.require(&Token::Close, "`)`")?;
            return Ok(inner);
        }
        self.comparison()
    }

    fn comparison(&mut self) -> Result<Expr, ParseError> {
        if self.is_literal() {
            return self.flipped();
        }
        let property = self.property()?;
        if self.accept_word("in")? {
            self.require(&Token::Open, "`(` and a list of values")?;
            let mut literals = vec![self.literal(property)?];
            while self.next == Token::Comma {
                self.advance()?;
                literals.push(self.literal(property)?);
            }
            self.require(&Token::Close, "`,` or `)`")?;
            return Ok(Expr::In(property, literals));
        }
        let operator = self.operator("one of eq ne gt ge lt le in")?;
        Ok(Expr::Compare(property, operator, self.literal(property)?))
    }

    /// Parses a comparison that starts with the value: `'high' eq severity`.
    fn flipped(&mut self) -> Result<Expr, ParseError> {
        // The type of the value depends on the property, which comes last.
        let mut start = self.clone();
        let is_qualified =
            matches!(self.next, Token::Word(_)) && self.text[self.position..].starts_with('\'');
        self.advance()?;
        if is_qualified {
            self.advance()?;
        }
        let operator = self.operator("one of eq ne gt ge lt le")?;
        let property = self.property()?;
        let literal = start.literal(property)?;
        Ok(Expr::Compare(property, operator.flipped(), literal))
    }

    fn operator(&mut self, expected: &str) -> Result<Operator, ParseError> {
        let Token::Word(word) = self.next else { return Err(self.expected(expected)) };
        let operator = Operator::ALL.into_iter().find(|operator| operator.name().eq_ignore_ascii_case(word));
        let operator = operator.ok_or_else(|| self.expected(expected))?;
        self.advance()?;
        Ok(operator)
    }

    /// Returns whether a value, rather than a property, comes next.
    fn is_literal(&self) -> bool {
        match self.next {
            Token::Text(_) => true,
            Token::Word(word) => {
                word.eq_ignore_ascii_case("null")
                    || word.starts_with(|c: char| c.is_ascii_digit())
                    || self.text[self.position..].starts_with('\'')
            }
            _ => false,
        }
    }

    fn property(&mut self) -> Result<Property, ParseError> {
        let Token::Word(word) = self.next else { return Err(self.expected("a property")) };
        if let Some(property) = Property::ALL.into_iter().find(|p| p.name().eq_ignore_ascii_case(word)) {
            self.advance()?;
            return Ok(property);
        }
        let names = Property::ALL.map(Property::name);
        let [others @ .., last] = names;
        Err(ParseError {
            suggestion: nearest(word, &names).map(str::to_owned),
            ..self.error(format!("Graph can filter alerts only by {} and {last}", others.join(", ")))
        })
    }

    fn literal(&mut self, property: Property) -> Result<Literal, ParseError> {
        let (name, time) = (property.name(), property.is_time());
        let literal = match &self.next {
            Token::Word(word) if word.eq_ignore_ascii_case("null") => Literal::Null,
            Token::Word(word) if self.text[self.position..].starts_with('\'') => {
                return self.qualified(property, word);
            }
            Token::Text(text) if !time => self.text_of(property, text)?,
            Token::Word(word) if time => match Timestamp::parse(word) {
                Some(at) => Literal::Time(at),
                None => return Err(self.expected("a date such as 2026-11-01T00:00:00Z")),
            },
            Token::Text(_) => return Err(self.error(format!("{name} is a date; write it without quotes"))),
            Token::Word(_) => return Err(self.error(format!("{name} is text; write it in 'single quotes'"))),
            _ => return Err(self.expected("a value")),
        };
        self.advance()?;
        Ok(literal)
    }

    /// Parses a member that is qualified by the name of its type:
    /// `microsoft.graph.security.alertSeverity'high'`.
    fn qualified(&mut self, property: Property, type_name: &str) -> Result<Literal, ParseError> {
        let name = type_name.rsplit('.').next().unwrap_or(type_name);
        let Some(expected) = property.enumeration() else {
            return Err(self.error(format!(
                "{} is not an enumeration; write the value without a type name",
                property.name()
            )));
        };
        if !name.eq_ignore_ascii_case(expected) {
            return Err(self.error(format!("the type of {} is {expected}", property.name())));
        }
        self.advance()?;
        let Token::Text(member) = &self.next else { return Err(self.expected("a member")) };
        let literal = self.text_of(property, member)?;
        self.advance()?;
        Ok(literal)
    }

    /// Checks text that is compared with a property. If the property is an enumeration, the
    /// enumeration must declare the text as a member.
    fn text_of(&self, property: Property, text: &str) -> Result<Literal, ParseError> {
        let members = property.members();
        if members.is_empty() || property.rank(text).is_some() {
            return Ok(Literal::Text(text.to_owned()));
        }
        let mut message = format!("{} has no such member", property.name());
        if members.len() <= MAX_LISTED {
            message = format!("{message}; expected one of {}", members.join(", "));
        }
        Err(ParseError {
            suggestion: nearest(text, &members).map(|name| format!("'{name}'")),
            undeclared: Some((property, text.to_owned())),
            ..self.error(message)
        })
    }
}

/// Returns the most similar name, unless more than a third of its letters differ.
fn nearest<'a>(typed: &str, names: &[&'a str]) -> Option<&'a str> {
    let typed = typed.to_lowercase();
    let near = names.iter().map(|name| (strsim::osa_distance(&name.to_lowercase(), &typed), *name)).min();
    near.filter(|(distance, name)| *distance * 3 <= name.len()).map(|(_, name)| name)
}

/// Reads the quoted string at the start of `rest`; returns its content and its length in `rest`.
fn quoted(rest: &str) -> Option<(String, usize)> {
    let mut text = String::new();
    let mut at = 1;
    loop {
        let end = at + rest[at..].find('\'')?;
        text.push_str(&rest[at..end]);
        at = end + 1;
        if !rest[at..].starts_with('\'') {
            return Some((text, at));
        }
        text.push('\'');
        at += 1;
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use rstest::rstest;

    #[rstest]
    #[case::empty("", 0..0, "expected a property")]
    #[case::property("stats eq 'new'", 0..5, "Graph can filter alerts only by")]
    #[case::operator("status is 'new'", 7..9, "expected one of eq")]
    #[case::flipped("'new' is status", 6..8, "expected one of eq ne gt ge lt le")]
    #[case::two_values("'new' eq 'new'", 9..14, "expected a property")]
    #[case::other_type("severity eq alertStatus'new'", 12..23, "the type of severity is alertSeverity")]
    #[case::qualified_text("assignedTo eq x'new'", 14..15, "assignedTo is not an enumeration")]
    #[case::unquoted("status eq new", 10..13, "in 'single quotes'")]
    #[case::quoted_date("createdDateTime ge '2026-01-01'", 19..31, "without quotes")]
    #[case::bad_date("createdDateTime ge soon", 19..23, "a date such as")]
    #[case::no_close("(status eq 'new'", 16..16, "expected `)`")]
    #[case::no_quote("status eq 'new", 10..14, "quote is not closed")]
    #[case::rest("status eq 'new' severity eq 'low'", 16..24, "expected `and`, `or` or the end")]
    #[case::list("status in ('new' 'x')", 17..20, "expected `,` or `)`")]
    #[case::missing("status eq", 9..9, "ends here; expected a value")]
    #[case::member("severity eq 'nonsense'", 12..22, "expected one of unknown, informational, low, medium, high")]
    #[case::blank_member("status eq ''", 10..12, "status has no such member")]
    #[case::listed_member("status in ('new', 'x')", 18..21, "status has no such member")]
    #[case::typed_member("severity eq alertSeverity'x'", 25..28, "severity has no such member")]
    #[case::flipped_member("'x' lt severity", 0..3, "severity has no such member")]
    fn errors_have_a_position_and_a_message(
        #[case] text: &str,
        #[case] span: Range<usize>,
        #[case] message: &str,
    ) {
        let error = parse(text).unwrap_err();
        assert_eq!(error.span, span, "{error}");
        assert!(error.message.contains(message), "{error}");
    }

    #[rstest]
    #[case("'high' eq severity", "severity eq 'high'")]
    #[case("2026-11-01T00:00:00Z le createdDateTime", "createdDateTime ge 2026-11-01T00:00:00Z")]
    #[case("'low' lt severity and null ne assignedTo", "severity gt 'low' and assignedTo ne null")]
    #[case("severity eq microsoft.graph.security.alertSeverity'high'", "severity eq 'high'")]
    #[case("alertStatus'new' eq status", "status eq 'new'")]
    #[case(
        "serviceSource in (serviceSource'microsoftSentinel', 'unknown')",
        "serviceSource in ('microsoftSentinel', 'unknown')"
    )]
    #[case("assignedTo ge 'm'", "assignedTo ge 'm'")]
    fn operands_may_come_in_any_order_and_members_with_their_type(#[case] text: &str, #[case] written: &str) {
        assert_eq!(parse(text).unwrap().to_string(), written);
    }

    #[test]
    fn a_similar_name_is_suggested() {
        let suggestion = |text| parse(text).unwrap_err().suggestion;
        assert_eq!(suggestion("stats eq 'new'").as_deref(), Some("status"));
        assert_eq!(suggestion("title eq 'new'"), None);
        assert_eq!(suggestion("severity eq 'HIHG'").as_deref(), Some("'high'"));
        assert_eq!(suggestion("severity eq 'nonsense'"), None);
    }

    #[test]
    fn members_are_read_in_any_case_and_may_be_newer_than_the_client() {
        for text in ["severity eq 'HIGH'", "serviceSource ne 'unknownFutureValue'"] {
            assert_eq!(parse(text).unwrap().to_string(), text);
        }
    }

    #[rstest]
    #[case("(")]
    #[case("not ")]
    fn deep_nesting_is_an_error_with_a_position(#[case] opening: &str) {
        let error = parse(&opening.repeat(10_000)).unwrap_err();
        assert!(error.message.contains("64 levels"), "{error}");
        assert_eq!(error.span.start, 64 * opening.len());
    }
}
