//! The changes requested with `alertdeck update`, and the resulting change to each alert.

use alertdeck_graph::{AlertUpdate, Owner};
use alertdeck_model::{Classification, Determination, Status};
use alertdeck_query::Enumeration;

use crate::triage::{Change, Values, determinations, owner_is_person, pair};

/// The new owner of an alert, as typed.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Assignee {
    /// The user in the alert's tenant.
    Me,
    /// Unassigned.
    None,
    /// The person with this user principal name.
    Person(String),
}

/// The values to set in each alert, and the comment to add.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct Wanted {
    pub(super) status: Option<Status>,
    pub(super) classification: Option<Classification>,
    pub(super) determination: Option<Determination>,
    pub(super) owner: Option<Assignee>,
    pub(super) comment: Option<String>,
}

/// Parses a status: `new`, `in-progress`, `resolved`, or another name that filters accept.
pub(super) fn parse_status(text: &str) -> Result<Status, String> {
    let known = member(Enumeration::Status, text).map(Status::read).filter(|read| *read != Status::Unknown);
    known.ok_or_else(|| "use new, in-progress or resolved".to_owned())
}

/// Parses a classification: a name that filters accept, or `none`.
pub(super) fn parse_classification(text: &str) -> Result<Classification, String> {
    let known = member(Enumeration::Classification, text).map(Classification::read);
    known.ok_or_else(|| "use tp, fp, info (expected activity) or none".to_owned())
}

/// Parses a determination: a name from the metadata or the documentation, a name that filters
/// accept, words such as `not malicious`, or `none`.
pub(super) fn parse_determination(text: &str) -> Result<Determination, String> {
    let known = member(Enumeration::Determination, text).map(Determination::read);
    let read = || Some(Determination::read(text).in_metadata());
    let known = known.or_else(read).filter(|read| !matches!(read, Determination::Undeclared(_)));
    known.ok_or_else(|| format!("use {}, or none", all_determinations()))
}

/// Parses an owner: a user principal name, `me` or `none`.
pub(super) fn parse_assignee(text: &str) -> Result<Assignee, String> {
    let text = text.trim();
    match text.to_lowercase().as_str() {
        "me" => Ok(Assignee::Me),
        "none" => Ok(Assignee::None),
        _ if owner_is_person(text) => Ok(Assignee::Person(text.to_owned())),
        _ => Err("alerts can only be assigned to people: use a user principal name such as \
                  ana@contoso.com, me or none"
            .to_owned()),
    }
}

/// Returns the enumeration member with the given name. Ignores case, hyphens, underscores and
/// spaces.
fn member(enumeration: Enumeration, text: &str) -> Option<&'static str> {
    let wanted = fold(text);
    if wanted == "none" {
        return Some("unknown");
    }
    let aliases = enumeration.aliases().iter().filter_map(|(alias, members)| match members {
        [member] => Some((*alias, *member)),
        _ => None,
    });
    let members = enumeration.members().into_iter().map(|member| (member, member));
    aliases.chain(members).find(|(name, _)| fold(name) == wanted).map(|(_, member)| member)
}

fn fold(name: &str) -> String {
    name.trim().chars().filter(|c| !" -_".contains(*c)).flat_map(char::to_lowercase).collect()
}

/// Returns a name as it can be typed, such as `not-malicious`.
fn typed(words: &str) -> String {
    words.replace(' ', "-")
}

fn all_determinations() -> String {
    let mut names = Vec::new();
    for (_, determination) in determinations().iter().flat_map(|pair| pair.determinations) {
        let name = typed(&determination.words());
        if !names.contains(&name) {
            names.push(name);
        }
    }
    names.join(", ")
}

/// Checks that a determination is valid for a classification. The error lists the valid ones.
fn check_pair(classification: &Classification, determination: &Determination) -> Result<(), String> {
    let determination = determination.in_metadata();
    if determination == Determination::Unknown {
        return Ok(());
    }
    let name = typed(&determination.words());
    let Some(pair) = pair(classification) else {
        let names: Vec<_> = determinations().iter().map(|pair| pair.classification.words()).collect();
        return Err(format!(
            "the determination {name} needs a classification: {}; set one with --classification",
            names.join(", ")
        ));
    };
    if pair.determinations.iter().any(|(_, known)| *known == determination) {
        return Ok(());
    }
    let names: Vec<_> = pair.determinations.iter().map(|(_, known)| typed(&known.words())).collect();
    Err(format!(
        "the determination {name} is not valid for {}; use {}, or none",
        classification.words(),
        names.join(", ")
    ))
}

impl Wanted {
    /// Performs all checks that do not depend on an alert. The error says how to fix the problem.
    pub(super) fn check(&self) -> Result<(), String> {
        if *self == Self::default() {
            return Err("nothing to change: give --status, --classification, --determination, --assign or \
                        --comment"
                .to_owned());
        }
        if self.comment.as_ref().is_some_and(|comment| comment.trim().is_empty()) {
            return Err("the comment is empty".to_owned());
        }
        match (&self.classification, &self.determination) {
            (Some(classification), Some(determination)) => check_pair(classification, determination),
            (None, Some(determination)) => {
                let pairs = determinations().iter();
                let mut checks = pairs.map(|pair| check_pair(&pair.classification, determination));
                checks.any(|check| check.is_ok()).then_some(()).ok_or_else(|| {
                    let name = typed(&determination.words());
                    format!(
                        "the determination {name} is not valid for any classification; use {}, or none",
                        all_determinations()
                    )
                })
            }
            _ => Ok(()),
        }
    }

    /// Returns the change to an alert with these values. `me` is the user in the alert's tenant.
    /// The error is the reason the alert cannot be changed.
    pub(super) fn for_alert(&self, current: &Values, me: Option<&str>) -> Result<Change, String> {
        let determination = match (&self.determination, &self.classification) {
            (Some(determination), _) => Some(determination.clone()),
            // A determination explains a classification, so it is cleared too.
            (None, Some(Classification::Unknown)) => Some(Determination::Unknown),
            (None, _) => None,
        };
        let classification = self.classification.as_ref().unwrap_or(&current.classification);
        if determination.is_some() || *classification != current.classification {
            check_pair(classification, determination.as_ref().unwrap_or(&current.determination))?;
        }
        let owner = match &self.owner {
            None => None,
            Some(Assignee::None) => Some(Owner::Unassigned),
            Some(Assignee::Person(name)) => Some(Owner::User(name.clone())),
            Some(Assignee::Me) => Some(Owner::User(me.ok_or("your account is not known")?.to_owned())),
        };
        let update = AlertUpdate {
            status: self.status.clone(),
            classification: self.classification.clone(),
            determination,
            assigned_to: owner,
        };
        Ok(Change { update, comment: self.comment.clone() })
    }

    /// Describes the change for the journal. The text is sanitised for display.
    pub(super) fn words(&self) -> String {
        let owner = self.owner.as_ref().map(|owner| match owner {
            Assignee::Me => Owner::User("me".to_owned()),
            Assignee::None => Owner::Unassigned,
            Assignee::Person(name) => Owner::User(name.clone()),
        });
        let update = AlertUpdate {
            status: self.status.clone(),
            classification: self.classification.clone(),
            determination: self.determination.clone(),
            assigned_to: owner,
        };
        Change { update, comment: self.comment.clone() }.words()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use alertdeck_model::RawAlert;
    use rstest::rstest;

    fn values(classification: &str, determination: &str) -> Values {
        let json = serde_json::json!({
            "id": "a", "status": "new", "classification": classification, "determination": determination
        });
        Values::of(&RawAlert(json.to_string().into()).decode().unwrap())
    }

    fn wanted(classification: Option<&str>, determination: Option<&str>) -> Wanted {
        Wanted {
            classification: classification.map(|text| parse_classification(text).unwrap()),
            determination: determination.map(|text| parse_determination(text).unwrap()),
            ..Wanted::default()
        }
    }

    #[rstest]
    #[case("new", Status::New)]
    #[case("in-progress", Status::InProgress)]
    #[case("InProgress", Status::InProgress)]
    #[case("prog", Status::InProgress)]
    #[case("closed", Status::Resolved)]
    fn statuses_have_the_names_of_filters(#[case] text: &str, #[case] expected: Status) {
        assert_eq!(parse_status(text), Ok(expected));
    }

    #[rstest]
    #[case("tp", Classification::TruePositive)]
    #[case("false-positive", Classification::FalsePositive)]
    #[case("INFO", Classification::InformationalExpectedActivity)]
    #[case("expected", Classification::InformationalExpectedActivity)]
    #[case("none", Classification::Unknown)]
    fn classifications_have_the_names_of_filters(#[case] text: &str, #[case] expected: Classification) {
        assert_eq!(parse_classification(text), Ok(expected));
    }

    #[rstest]
    #[case("notMalicious", Determination::NotMalicious)]
    #[case("not-malicious", Determination::NotMalicious)]
    #[case("clean", Determination::NotMalicious)]
    #[case("lob", Determination::LineOfBusinessApplication)]
    #[case("none", Determination::Unknown)]
    fn determinations_have_several_names(#[case] text: &str, #[case] expected: Determination) {
        assert_eq!(parse_determination(text), Ok(expected));
    }

    #[test]
    fn unknown_names_are_errors_that_list_the_known_ones() {
        assert_eq!(parse_status("open"), Err("use new, in-progress or resolved".to_owned()));
        assert_eq!(parse_status("none"), Err("use new, in-progress or resolved".to_owned()));
        assert!(parse_classification("maybe").unwrap_err().contains("tp, fp, info"));
        assert!(parse_determination("maybe").unwrap_err().contains("security-testing"));
    }

    #[rstest]
    #[case("Me", Some(Assignee::Me))]
    #[case("none", Some(Assignee::None))]
    #[case(" ana@contoso.com ", Some(Assignee::Person("ana@contoso.com".into())))]
    #[case("Automation", None)]
    #[case("API-App:soar@contoso.com", None)]
    #[case("", None)]
    fn only_people_can_be_assigned(#[case] text: &str, #[case] expected: Option<Assignee>) {
        assert_eq!(parse_assignee(text).ok(), expected);
    }

    #[rstest]
    #[case(Some("fp"), Some("malware"), Some("is not valid for false positive; use not-malicious"))]
    #[case(None, Some("apt"), Some("is not valid for any classification"))]
    #[case(Some("none"), Some("malware"), Some("needs a classification"))]
    #[case(Some("fp"), Some("clean"), None)]
    #[case(Some("fp"), Some("none"), None)]
    #[case(None, Some("malware"), None)]
    #[case(None, None, Some("nothing to change"))]
    fn pairs_are_checked_before_anything_is_read(
        #[case] classification: Option<&str>,
        #[case] determination: Option<&str>,
        #[case] error: Option<&str>,
    ) {
        match (wanted(classification, determination).check(), error) {
            (Ok(()), None) => {}
            (Err(found), Some(words)) => assert!(found.contains(words), "{found}"),
            other => panic!("{other:?}"),
        }
    }

    #[test]
    fn a_blank_comment_is_an_error() {
        let blank = Wanted { comment: Some(" \n".into()), ..Wanted::default() };
        assert_eq!(blank.check(), Err("the comment is empty".to_owned()));
    }

    #[rstest]
    #[case::with_the_current_classification(None, Some("phishing"), ("truePositive", "malware"), None)]
    #[case::against_it(None, Some("phishing"), ("falsePositive", "other"), Some("is not valid for false positive"))]
    #[case::without_one(None, Some("phishing"), ("unknown", "unknown"), Some("needs a classification"))]
    #[case::with_the_current_determination(Some("fp"), None, ("truePositive", "other"), None)]
    #[case::against_the_determination(Some("fp"), None, ("truePositive", "malware"), Some("malware is not valid"))]
    #[case::the_same_classification(Some("tp"), None, ("truePositive", "apt"), None)]
    #[case::no_classification(Some("none"), None, ("truePositive", "malware"), None)]
    fn pairs_are_checked_for_each_alert(
        #[case] classification: Option<&str>,
        #[case] determination: Option<&str>,
        #[case] current: (&str, &str),
        #[case] error: Option<&str>,
    ) {
        let change = wanted(classification, determination).for_alert(&values(current.0, current.1), None);
        match (change, error) {
            (Ok(_), None) => {}
            (Err(found), Some(words)) => assert!(found.contains(words), "{found}"),
            other => panic!("{other:?}"),
        }
    }

    #[test]
    fn an_alert_without_a_classification_keeps_no_determination() {
        let current = values("truePositive", "malware");
        let change = wanted(Some("none"), None).for_alert(&current, None).unwrap();
        let after = current.after(&change.update);
        assert_eq!(
            (after.classification, after.determination),
            (Classification::Unknown, Determination::Unknown)
        );
    }

    #[test]
    fn me_is_the_user_of_the_tenant() {
        let wanted = Wanted { owner: Some(Assignee::Me), ..Wanted::default() };
        let current = values("unknown", "unknown");
        let change = wanted.for_alert(&current, Some("ana@x.io")).unwrap();
        assert_eq!(change.update.assigned_to, Some(Owner::User("ana@x.io".into())));
        assert!(wanted.for_alert(&current, None).is_err());
        assert_eq!(wanted.words(), "assigned to me");
    }
}
