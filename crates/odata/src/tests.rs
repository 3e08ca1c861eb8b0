//! Tests of expressions: how they are written, widened and joined.

use super::*;
use proptest::prelude::*;
use rstest::rstest;

#[rstest]
#[case::flat("status eq 'new' and severity ne 'low'", "status eq 'new' and severity ne 'low'")]
#[case::precedence(
    "status eq 'new' or status eq 'resolved' and severity eq 'low'",
    "(status eq 'new' or (status eq 'resolved' and severity eq 'low'))"
)]
#[case::quote("assignedTo eq 'O''Neil'", "assignedTo eq 'O''Neil'")]
#[case::case("STATUS EQ 'new' AND NOT (Severity Eq 'low')", "status eq 'new' and not (severity eq 'low')")]
#[case::list(
    "status in ('new','resolved') or assignedTo eq NULL",
    "(status in ('new', 'resolved') or assignedTo eq null)"
)]
#[case::time(
    "createdDateTime ge 2026-11-01T00:00:00.5000000+00:00",
    "createdDateTime ge 2026-11-01T00:00:00.5Z"
)]
fn expressions_are_written_in_one_form(#[case] text: &str, #[case] written: &str) {
    assert_eq!(parse(text).unwrap().to_string(), written);
}

#[rstest]
#[case("status eq 'new' and severity ne 'low'", Feature::Ne, Some("status eq 'new'"))]
#[case("status eq 'new' or severity ne 'low'", Feature::Ne, None)]
#[case("not (status eq 'new') and severity in ('low')", Feature::In, Some("not (status eq 'new')"))]
#[case("not (status ne 'new')", Feature::Ne, None)]
#[case("assignedTo eq null and status eq 'new'", Feature::Null, Some("status eq 'new'"))]
fn a_refused_feature_is_dropped(#[case] text: &str, #[case] feature: Feature, #[case] left: Option<&str>) {
    let left_over = parse(text).unwrap().without(feature).map(|expr| expr.to_string());
    assert_eq!(left_over.as_deref(), left);
}

#[rstest]
#[case("severity gt 'low'", Some("(severity eq 'medium' or severity eq 'high')"))]
#[case("status le 'unknown'", Some("status eq 'unknown'"))]
#[case("severity gt 'high'", Some("severity eq 'unknown' and severity eq 'informational'"))]
#[case("not (severity ge 'high')", Some("not (severity eq 'high')"))]
#[case("assignedTo gt 'm' and status eq 'new'", Some("status eq 'new'"))]
#[case("assignedTo gt 'm' or status eq 'new'", None)]
#[case("not (assignedTo gt 'm' and status eq 'new')", None)]
#[case("severity gt null or createdDateTime le null", None)]
fn only_certain_orders_are_for_the_service(#[case] text: &str, #[case] expected: Option<&str>) {
    let pushed = parse(text).unwrap().for_service().map(|expr| expr.to_string());
    assert_eq!(pushed.as_deref(), expected);
}

#[test]
fn joined_parts_are_flat_and_distinct() {
    let one = parse("status eq 'new'").unwrap();
    let two = parse("status eq 'resolved'").unwrap();
    let joined = Expr::or([one.clone(), Expr::or([two, one.clone()])]);
    assert_eq!(joined.to_string(), "(status eq 'new' or status eq 'resolved')");
    assert_eq!(Expr::and([one.clone(), one.clone()]), one);
}

pub(super) fn expressions() -> impl Strategy<Value = Expr> {
    let text = || "[a-c' é%]{0,4}".prop_map(Literal::Text);
    let time = || any::<i64>().prop_map(|ticks| Literal::Time(Timestamp::from_ticks(ticks)));
    let leaf = prop::sample::select(Property::ALL.to_vec()).prop_flat_map(move |property| {
        let value = match property.members() {
            members if !members.is_empty() => {
                prop::sample::select(members).prop_map(|name| Literal::Text(name.to_owned())).boxed()
            }
            _ if property.is_time() => time().boxed(),
            _ => text().boxed(),
        };
        let order = prop::sample::select(Operator::ALL.to_vec());
        let value = prop_oneof![4 => value, 1 => Just(Literal::Null)].boxed();
        prop_oneof![
            (order, value.clone())
                .prop_map(move |(operator, literal)| { Expr::Compare(property, operator, literal) }),
            prop::collection::vec(value, 1..3).prop_map(move |literals| Expr::In(property, literals)),
        ]
    });
    leaf.prop_recursive(4, 16, 3, |inner| {
        prop_oneof![
            prop::collection::vec(inner.clone(), 2..4).prop_map(Expr::And),
            prop::collection::vec(inner.clone(), 2..4).prop_map(Expr::Or),
            inner.prop_map(|part| Expr::Not(Box::new(part))),
        ]
    })
}

proptest! {
    #[test]
    fn written_expressions_parse_back(expr in expressions()) {
        let text = expr.to_string();
        prop_assert_eq!(parse(&text).map(|read| read.to_string()), Ok(text));
    }

    #[test]
    fn parsing_never_panics(text in "[a-z'() ,0-9TZ:.-]{0,60}|\\PC{0,40}") {
        let _ = parse(&text);
    }
}
