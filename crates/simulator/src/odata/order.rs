//! Parses `$orderby`, compares rows by it, and creates the sort keys that next links contain.

use std::cmp::Ordering;

use serde_json::{Map, Value};

use super::{Cell, Columns, Domain, Entity, Property};

/// A valid `$orderby`: properties, each paired with whether it sorts in descending order. If it is
/// empty, the list keeps its default order. Nulls come first, as in OData (Part 1: Protocol,
/// "System Query Option $orderby").
#[derive(Clone, Debug, Default, PartialEq)]
pub(crate) struct Order(Vec<(Property, bool)>);

/// The values by which a row is sorted, as they appear in the row's JSON.
pub(crate) type SortKey = Vec<Option<String>>;

impl Order {
    /// Parses a `$orderby`, which may name only filterable properties. The error is the service's
    /// message.
    pub(crate) fn parse(text: &str, entity: Entity) -> Result<Self, String> {
        let item = |item: &str| {
            let words: Vec<_> = item.split_whitespace().collect();
            let (name, descending) = match words[..] {
                [name] | [name, "asc"] => (name, false),
                [name, "desc"] => (name, true),
                _ => return Err(format!("Invalid $orderby clause: syntax error in '{item}'.")),
            };
            let property = entity.property(name);
            let property =
                property.ok_or_else(|| format!("Invalid $orderby clause: '{name}' cannot be sorted by."))?;
            Ok((property, descending))
        };
        text.split(',').map(item).collect::<Result<_, _>>().map(Self)
    }

    pub(crate) fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// Compares two rows by the properties in the `$orderby`.
    pub(crate) fn compare(&self, left: &Columns, right: &Columns) -> Ordering {
        let by = |(property, descending): &(Property, bool)| {
            let order = compare(*property, left.cell(*property), right.cell(*property));
            if *descending { order.reverse() } else { order }
        };
        self.0.iter().map(by).find(|order| order.is_ne()).unwrap_or(Ordering::Equal)
    }

    /// Returns the values by which a row is sorted.
    pub(crate) fn key(&self, columns: &Columns) -> SortKey {
        let text = |(property, _): &(Property, bool)| match columns.cell(*property) {
            Cell::Null => None,
            Cell::Text(text) => Some(text.to_string()),
            Cell::Time(time) => Some(time.to_string()),
        };
        self.0.iter().map(text).collect()
    }

    /// Returns columns that compare like those of the row with this key.
    pub(crate) fn columns(&self, key: &SortKey) -> Columns {
        let named = |((property, _), text): (&(Property, bool), &Option<String>)| {
            Some((property.name().to_owned(), Value::from(text.clone()?)))
        };
        Columns::read(&Value::Object(self.0.iter().zip(key).filter_map(named).collect::<Map<_, _>>()))
    }
}

impl Property {
    fn name(self) -> &'static str {
        let column = if self == Self::IncidentStatus { Self::Status } else { self };
        Self::ALL.iter().find(|(_, property)| *property == column).map_or("", |(name, _)| name)
    }
}

fn compare(property: Property, left: &Cell, right: &Cell) -> Ordering {
    match (left, right) {
        (Cell::Time(left), Cell::Time(right)) => left.cmp(right),
        (Cell::Text(left), Cell::Text(right)) if property.domain() == Domain::Member => {
            property.rank(left).cmp(&property.rank(right))
        }
        (Cell::Text(left), Cell::Text(right)) => left.to_lowercase().cmp(&right.to_lowercase()),
        (left, right) => (*left != Cell::Null).cmp(&(*right != Cell::Null)),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use rstest::rstest;
    use serde_json::json;

    fn sorted(order: &str) -> Vec<u64> {
        let order = Order::parse(order, Entity::Alert).unwrap();
        let mut rows: Vec<_> = [
            json!({"severity": "low", "lastUpdateDateTime": "2026-11-20T10:00:00.5Z", "assignedTo": "b"}),
            json!({"severity": "high", "lastUpdateDateTime": "2026-11-20T10:00:00.4999999Z"}),
            json!({"severity": "high", "lastUpdateDateTime": "2026-11-20T11:00:00Z", "assignedTo": "A"}),
        ]
        .iter()
        .zip(0..)
        .map(|(row, number)| (Columns::read(row), number))
        .collect();
        rows.sort_by(|left, right| order.compare(&left.0, &right.0));
        for (columns, _) in &rows {
            assert_eq!(order.compare(&order.columns(&order.key(columns)), columns), Ordering::Equal);
        }
        rows.into_iter().map(|(_, number)| number).collect()
    }

    #[rstest]
    #[case("lastUpdateDateTime", &[1, 0, 2])]
    #[case("lastUpdateDateTime desc", &[2, 0, 1])]
    #[case("severity asc,lastUpdateDateTime desc", &[0, 2, 1])]
    #[case(" severity desc , assignedTo", &[1, 2, 0])]
    #[case("assignedTo desc", &[0, 2, 1])]
    fn rows_are_sorted_by_value(#[case] order: &str, #[case] expected: &[u64]) {
        assert_eq!(sorted(order), expected);
    }

    #[rstest]
    #[case("title", "'title' cannot be sorted by")]
    #[case("severity down", "syntax error")]
    #[case("", "syntax error")]
    #[case("severity,", "syntax error")]
    fn other_orders_are_refused(#[case] order: &str, #[case] message: &str) {
        let refusal = Order::parse(order, Entity::Alert).unwrap_err();
        assert!(refusal.contains(message), "{refusal}");
    }
}
