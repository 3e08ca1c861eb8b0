//! Parses a `$filter` string into an expression.
//!
//! ```text
//! or      = and { "or" and }
//! and     = unary { "and" unary }
//! unary   = "not" unary | "(" or ")" | PROPERTY operator
//! operator = ("eq" | "ne" | "gt" | "ge" | "lt" | "le") LITERAL | "in" "(" LITERAL { "," LITERAL } ")"
//! ```
//!
//! Names and operators must be spelled as in the OData ABNF, so that a spelling that only lenient
//! services accept is detected. `not` requires parentheses: without them, OData applies it to the
//! property instead of the comparison.

use super::{Cell, Domain, Entity, Expr, FilterError, Operator, Property};
use alertdeck_model::Timestamp;

/// The maximum nesting depth of parentheses and `not`. The service's limit is undocumented; this
/// one exceeds what alertdeck sends (docs/filter-language.md, "Limits").
const MAX_DEPTH: usize = 100;

#[derive(Clone, Copy, Debug, PartialEq)]
enum Token<'a> {
    /// A property, an operator, `null`, a number or a time.
    Word(&'a str),
    /// The content of a string literal, with quotes still doubled.
    Quoted(&'a str),
    Open,
    Close,
    Comma,
    End,
}

pub(super) fn parse(text: &str, entity: Entity) -> Result<Expr, FilterError> {
    let mut parser = Parser { text, entity, at: 0, token: Token::End, start: 0, depth: 0 };
    parser.advance()?;
    let expr = parser.or()?;
    match parser.token {
        Token::End => Ok(expr),
        _ => Err(parser.error("Syntax error: expected 'and', 'or' or the end")),
    }
}

struct Parser<'a> {
    text: &'a str,
    entity: Entity,
    /// The position after `token`.
    at: usize,
    token: Token<'a>,
    /// The position of `token`.
    start: usize,
    depth: usize,
}

impl Parser<'_> {
    fn error(&self, reason: impl Into<String>) -> FilterError {
        FilterError { reason: reason.into(), position: self.start }
    }

    /// Reads the next token.
    fn advance(&mut self) -> Result<(), FilterError> {
        let rest = self.text[self.at..].trim_ascii_start();
        self.start = self.text.len() - rest.len();
        let (token, length) = match rest.chars().next() {
            None => (Token::End, 0),
            Some('(') => (Token::Open, 1),
            Some(')') => (Token::Close, 1),
            Some(',') => (Token::Comma, 1),
            Some('\'') => {
                let inside = &rest[1..];
                let length =
                    closing_quote(inside).ok_or_else(|| self.error("Unterminated string literal"))?;
                (Token::Quoted(&inside[..length]), length + 2)
            }
            Some(_) => {
                let length = rest
                    .find(|c: char| !c.is_ascii_alphanumeric() && !matches!(c, '_' | '-' | ':' | '.' | '+'))
                    .unwrap_or(rest.len());
                if length == 0 || rest[length..].starts_with('/') {
                    return Err(
                        self.error("Syntax error: paths, functions and lambdas cannot be filtered on")
                    );
                }
                (Token::Word(&rest[..length]), length)
            }
        };
        self.token = token;
        self.at = self.start + length;
        Ok(())
    }

    /// Consumes the token if it is this word; returns whether it was.
    fn take_word(&mut self, word: &str) -> Result<bool, FilterError> {
        let found = self.token == Token::Word(word);
        if found {
            self.advance()?;
        }
        Ok(found)
    }

    fn expect(&mut self, token: Token<'_>, name: &str) -> Result<(), FilterError> {
        if self.token != token {
            return Err(self.error(format!("Syntax error: expected '{name}'")));
        }
        self.advance()
    }

    fn or(&mut self) -> Result<Expr, FilterError> {
        let mut terms = vec![self.and()?];
        while self.take_word("or")? {
            terms.push(self.and()?);
        }
        Ok(single(terms, Expr::Or))
    }

    fn and(&mut self) -> Result<Expr, FilterError> {
        let mut terms = vec![self.unary()?];
        while self.take_word("and")? {
            terms.push(self.unary()?);
        }
        Ok(single(terms, Expr::And))
    }

    fn unary(&mut self) -> Result<Expr, FilterError> {
        self.depth += 1;
        if self.depth > MAX_DEPTH {
            return Err(self.error("The recursion limit has been exceeded"));
        }
        let expr = match self.token {
            Token::Open => {
                self.advance()?;
                let inner = self.or()?;
                self.expect(Token::Close, ")")?;
                inner
            }
            Token::Word("not") => {
                self.advance()?;
                if !matches!(self.token, Token::Open | Token::Word("not")) {
                    return Err(self.error("A unary operator with an incompatible type was detected: 'not'"));
                }
                Expr::Not(Box::new(self.unary()?))
            }
            Token::Word(name) => self.comparison(name)?,
            _ => return Err(self.error("Syntax error: expected a property, 'not' or '('")),
        };
        self.depth -= 1;
        Ok(expr)
    }

    fn comparison(&mut self, name: &str) -> Result<Expr, FilterError> {
        let Some(property) = self.entity.property(name) else {
            return Err(self.error(format!("Invalid filter clause: property '{name}' cannot be filtered on")));
        };
        self.advance()?;
        let operator = match self.token {
            Token::Word("eq") => Operator::Eq,
            Token::Word("ne") => Operator::Ne,
            Token::Word("gt") => Operator::Gt,
            Token::Word("ge") => Operator::Ge,
            Token::Word("lt") => Operator::Lt,
            Token::Word("le") => Operator::Le,
            Token::Word("in") => {
                self.advance()?;
                return Ok(Expr::In(property, self.list(property)?));
            }
            _ => return Err(self.error("Syntax error: expected a comparison operator")),
        };
        self.advance()?;
        Ok(Expr::Compare(property, operator, self.literal(property)?))
    }

    fn list(&mut self, property: Property) -> Result<Vec<Cell>, FilterError> {
        self.expect(Token::Open, "(")?;
        let mut values = vec![self.literal(property)?];
        while self.token == Token::Comma {
            self.advance()?;
            values.push(self.literal(property)?);
        }
        self.expect(Token::Close, ")")?;
        Ok(values)
    }

    fn literal(&mut self, property: Property) -> Result<Cell, FilterError> {
        let cell = match (self.token, property.domain()) {
            (Token::Word("null"), _) => Cell::Null,
            (Token::Quoted(text), Domain::Text) => Cell::Text(text.replace("''", "'").into()),
            (Token::Quoted(text), Domain::Member) if property.rank(text).is_some() => Cell::Text(text.into()),
            (Token::Quoted("unknownFutureValue"), Domain::Member) => Cell::Text("unknownFutureValue".into()),
            (Token::Quoted(text), Domain::Member) => {
                return Err(
                    self.error(format!("The string '{text}' is not a valid enumeration type constant"))
                );
            }
            (Token::Word(text), Domain::Time) => {
                let time =
                    time(text).ok_or_else(|| self.error(format!("Invalid Edm.DateTimeOffset '{text}'")))?;
                Cell::Time(time)
            }
            (Token::Quoted(_) | Token::Word(_), _) => {
                return Err(self.error(
                    "A binary operator with incompatible types was detected: the literal does not have the property's type",
                ));
            }
            _ => return Err(self.error("Syntax error: expected a value")),
        };
        self.advance()?;
        Ok(cell)
    }
}

/// Returns a single term unchanged, or combines several into one expression.
fn single(mut terms: Vec<Expr>, several: fn(Vec<Expr>) -> Expr) -> Expr {
    match terms.pop() {
        Some(only) if terms.is_empty() => only,
        last => {
            terms.extend(last);
            several(terms)
        }
    }
}

/// Finds the closing quote of a string, which is the first that is not doubled.
fn closing_quote(inside: &str) -> Option<usize> {
    let mut from = 0;
    loop {
        let quote = from + inside[from..].find('\'')?;
        if !inside[quote + 1..].starts_with('\'') {
            return Some(quote);
        }
        from = quote + 2;
    }
}

/// Parses a date, or a date and time with an offset, which OData requires.
fn time(text: &str) -> Option<Timestamp> {
    let time_of_day = text.split_once('T').map(|(_, time)| time);
    let zoned = time_of_day.is_none_or(|time| time.contains(['Z', '+', '-']));
    (zoned && text.starts_with(|c: char| c.is_ascii_digit())).then(|| Timestamp::parse(text))?
}

#[cfg(test)]
mod tests {
    use super::*;
    use rstest::rstest;

    fn parse(text: &str) -> Result<Expr, FilterError> {
        super::parse(text, Entity::Alert)
    }

    #[rstest]
    #[case("", 0, "expected a property")]
    #[case("title eq 'x'", 0, "'title' cannot be filtered on")]
    #[case("Severity eq 'high'", 0, "cannot be filtered on")]
    #[case("severity eq 'critical'", 12, "not a valid enumeration type constant")]
    #[case("severity eq 'High'", 12, "not a valid enumeration type constant")]
    #[case("severity EQ 'high'", 9, "comparison operator")]
    #[case("severity eq high", 12, "incompatible types")]
    #[case("severity eq 'high", 12, "Unterminated")]
    #[case("severity eq 'high''", 12, "Unterminated")]
    #[case("severity eq 'high' severity eq 'low'", 19, "expected 'and', 'or'")]
    #[case("severity eq 'high')", 18, "expected 'and', 'or'")]
    #[case("(severity eq 'high'", 19, "expected ')'")]
    #[case("severity in ()", 13, "expected a value")]
    #[case("severity in 'high'", 12, "expected '('")]
    #[case("not severity eq 'high'", 4, "unary operator")]
    #[case("createdDateTime ge '2026-11-20T00:00:00Z'", 19, "incompatible types")]
    #[case("createdDateTime ge 2026-11-20T00:00:00", 19, "Edm.DateTimeOffset")]
    #[case("createdDateTime ge 2026-13-20T00:00:00Z", 19, "Edm.DateTimeOffset")]
    #[case("assignedTo eq 7", 14, "incompatible types")]
    #[case("startswith(assignedTo, 'a')", 0, "cannot be filtered on")]
    #[case("evidence/any(e: e/verdict eq 'malicious')", 0, "lambdas")]
    #[case("severity eq 'high' and", 22, "expected a property")]
    #[case("'high' eq severity", 0, "expected a property")]
    #[case("sevérity eq 'high'", 0, "cannot be filtered on")]
    fn invalid_filters_are_refused(#[case] text: &str, #[case] position: usize, #[case] reason: &str) {
        let error = parse(text).unwrap_err();
        assert!(error.reason.contains(reason), "{text}: {error}");
        assert_eq!(error.position, position, "{text}: {error}");
    }

    #[test]
    fn nesting_is_limited_but_length_is_not() {
        let nested = |depth: usize| format!("{}status eq 'new'{}", "(".repeat(depth), ")".repeat(depth));
        assert!(parse(&nested(MAX_DEPTH - 1)).is_ok());
        assert!(parse(&nested(MAX_DEPTH)).unwrap_err().reason.contains("recursion limit"));
        assert!(parse(&nested(1_000_000)).is_err());
        assert!(parse(&format!("{}(status eq 'new')", "not ".repeat(100_000))).is_err());
        assert!(parse(&vec!["status eq 'new'"; 10_000].join(" or ")).is_ok());
    }

    #[test]
    fn doubled_quotes_are_unescaped() {
        let Expr::Compare(_, _, Cell::Text(text)) = parse("assignedTo eq '''a'' or ''b'''").unwrap() else {
            panic!("not a comparison")
        };
        assert_eq!(&*text, "'a' or 'b'");
    }
}
