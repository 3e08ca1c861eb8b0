//! Reads JSON values one after another for the decoder.

use std::fmt;

use serde::de::{DeserializeSeed, Error as _, MapAccess, SeqAccess, Visitor};

use super::{Decoder, ITEM, TYPE, fields::Field};

/// The role of a value in the JSON.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Part {
    /// The alert.
    Alert,
    /// A property of the alert.
    Field,
    /// An element of a list that is a property of the alert.
    Element,
    /// The property `evidence`.
    Evidence,
    /// An item of evidence.
    Item,
    /// The type of an item of evidence.
    ItemType,
    /// Anything nested deeper.
    Inner,
}

/// Reads one JSON value.
pub(super) struct Walk<'d> {
    pub(super) decoder: &'d mut Decoder,
    pub(super) node: usize,
    pub(super) part: Part,
}

impl Walk<'_> {
    /// Reads a value other than a list or an object.
    fn scalar(self, text: &str, is_string: bool) {
        let Self { decoder, node, part } = self;
        if part == Part::Item {
            decoder.begin_item();
            decoder.scalar(node, Part::Inner, text, is_string);
            decoder.end_item();
        } else {
            decoder.scalar(node, part, text, is_string);
        }
    }

    /// If the value of `evidence` is not a list, treats it as a single item.
    fn of_evidence(mut self) -> Self {
        if self.part == Part::Evidence {
            (self.node, self.part) = (ITEM, Part::Item);
        }
        self
    }
}

impl<'de> DeserializeSeed<'de> for Walk<'_> {
    type Value = ();

    fn deserialize<D: serde::Deserializer<'de>>(self, json: D) -> Result<(), D::Error> {
        json.deserialize_any(self)
    }
}

impl<'de> Visitor<'de> for Walk<'_> {
    type Value = ();

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a JSON object")
    }

    fn visit_str<E>(self, text: &str) -> Result<(), E> {
        self.of_evidence().scalar(text, true);
        Ok(())
    }

    fn visit_bool<E>(self, truth: bool) -> Result<(), E> {
        self.of_evidence().scalar(if truth { "true" } else { "false" }, false);
        Ok(())
    }

    fn visit_u64<E>(self, number: u64) -> Result<(), E> {
        self.of_evidence().scalar(&number.to_string(), false);
        Ok(())
    }

    fn visit_i64<E>(self, number: i64) -> Result<(), E> {
        self.of_evidence().scalar(&number.to_string(), false);
        Ok(())
    }

    fn visit_unit<E>(self) -> Result<(), E> {
        Ok(())
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut items: A) -> Result<(), A::Error> {
        let Self { decoder, node, part } = self;
        let field = decoder.nodes[node].field;
        let (node, inner, is_item) = match part {
            Part::Evidence => (ITEM, Part::Item, false),
            Part::Item => (node, Part::Inner, true),
            Part::Field if field.is_list() => (node, Part::Element, false),
            Part::Field | Part::Element => {
                decoder.is_odd |= field != Field::None;
                (node, Part::Inner, false)
            }
            Part::Alert | Part::ItemType | Part::Inner => (node, Part::Inner, false),
        };
        if is_item {
            decoder.begin_item();
        }
        while items.next_element_seed(Walk { decoder: &mut *decoder, node, part: inner })?.is_some() {}
        if is_item {
            decoder.end_item();
        }
        Ok(())
    }

    fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<(), A::Error> {
        let Self { decoder, node, part } = self.of_evidence();
        decoder.nodes[node].next = 0;
        let first = map.next_key_seed(Name { decoder: &mut *decoder, node })?;
        if let Some(None) = first {
            return map.next_value_seed(Number(Walk { decoder, node, part }));
        }
        decoder.is_odd |=
            matches!(part, Part::Field | Part::Element) && decoder.nodes[node].field != Field::None;
        if part == Part::Item {
            decoder.begin_item();
        }
        decoder.object = decoder.object.checked_add(1).ok_or_else(|| A::Error::custom("too many objects"))?;
        let object = decoder.object;
        let mut name = first.flatten();
        while let Some(child) = name {
            decoder.repeats |= std::mem::replace(&mut decoder.nodes[child].seen_in, object) == object;
            let inner = match (part, decoder.nodes[child].field) {
                (Part::Alert, Field::Evidence) => Part::Evidence,
                (Part::Alert, _) => Part::Field,
                (Part::Item, _) if &*decoder.nodes[child].path == TYPE => Part::ItemType,
                _ => Part::Inner,
            };
            map.next_value_seed(Walk { decoder: &mut *decoder, node: child, part: inner })?;
            name = map.next_key_seed(Name { decoder: &mut *decoder, node })?.flatten();
        }
        if part == Part::Item {
            decoder.end_item();
        }
        Ok(())
    }
}

/// The key under which serde_json passes on the text of a number that is not an integer.
const NUMBER: &str = "$serde_json::private::Number";

/// Reads a property name and returns its node, or `None` for [`NUMBER`].
struct Name<'d> {
    decoder: &'d mut Decoder,
    node: usize,
}

impl<'de> DeserializeSeed<'de> for Name<'_> {
    type Value = Option<usize>;

    fn deserialize<D: serde::Deserializer<'de>>(self, json: D) -> Result<Self::Value, D::Error> {
        json.deserialize_str(self)
    }
}

impl Visitor<'_> for Name<'_> {
    type Value = Option<usize>;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a property name")
    }

    fn visit_str<E>(self, name: &str) -> Result<Self::Value, E> {
        Ok((name != NUMBER).then(|| self.decoder.step(self.node, name)))
    }
}

/// Reads a number as written.
struct Number<'d>(Walk<'d>);

impl<'de> DeserializeSeed<'de> for Number<'_> {
    type Value = ();

    fn deserialize<D: serde::Deserializer<'de>>(self, json: D) -> Result<(), D::Error> {
        json.deserialize_str(self)
    }
}

impl Visitor<'_> for Number<'_> {
    type Value = ();

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a number")
    }

    fn visit_str<E>(self, text: &str) -> Result<(), E> {
        self.0.scalar(text, false);
        Ok(())
    }
}
