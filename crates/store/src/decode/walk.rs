//! Reads JSON values one at a time for the decoder.

use std::fmt;

use serde::de::{DeserializeSeed, Error as _, MapAccess, SeqAccess, Visitor};

use super::{Decoder, NO_KIND, TYPE, fields::Field, node::ITEM};
use crate::shape::Token;

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

/// How a value other than a list or an object is written.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Form {
    /// A string that is part of the JSON as it is.
    Borrowed,
    /// A string with escapes.
    Escaped,
    /// A number, `true` or `false`.
    Literal,
}

/// Reads one JSON value.
pub(super) struct Walk<'d, 'j> {
    pub(super) decoder: &'d mut Decoder,
    pub(super) json: &'j str,
    pub(super) node: usize,
    pub(super) part: Part,
    /// Whether another value precedes this one in a list.
    pub(super) comma: bool,
}

impl Walk<'_, '_> {
    /// Expects the comma that separates the value from the previous one.
    fn check_comma(&mut self) {
        if self.comma {
            self.decoder.check.byte(self.json, b',');
        }
    }

    /// Reads a value other than a list or an object.
    fn scalar(mut self, text: &str, form: Form) {
        self.check_comma();
        let Self { decoder, json, node, part, .. } = self;
        match form {
            Form::Borrowed => decoder.check.borrowed(json, text),
            Form::Escaped => decoder.check.string(json, text),
            Form::Literal => decoder.check.text(json, text),
        }
        let is_string = form != Form::Literal;
        match part {
            // If the value of `evidence` is not a list, it is a single item.
            Part::Evidence => {
                decoder.mark(Token::Item);
                decoder.begin_item();
                decoder.scalar(ITEM, Part::Inner, text, is_string);
                decoder.end_item();
                decoder.end_items();
            }
            Part::Item => {
                decoder.begin_item();
                decoder.scalar(node, Part::Inner, text, is_string);
                decoder.end_item();
            }
            _ => decoder.scalar(node, part, text, is_string),
        }
    }
}

impl<'de> DeserializeSeed<'de> for Walk<'_, 'de> {
    type Value = ();

    fn deserialize<D: serde::Deserializer<'de>>(self, json: D) -> Result<(), D::Error> {
        json.deserialize_any(self)
    }
}

impl<'de> Visitor<'de> for Walk<'_, 'de> {
    type Value = ();

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a JSON object")
    }

    fn visit_borrowed_str<E>(self, text: &'de str) -> Result<(), E> {
        self.scalar(text, Form::Borrowed);
        Ok(())
    }

    fn visit_str<E>(self, text: &str) -> Result<(), E> {
        self.scalar(text, Form::Escaped);
        Ok(())
    }

    fn visit_bool<E>(self, truth: bool) -> Result<(), E> {
        self.scalar(if truth { "true" } else { "false" }, Form::Literal);
        Ok(())
    }

    fn visit_u64<E>(self, number: u64) -> Result<(), E> {
        self.scalar(&number.to_string(), Form::Literal);
        Ok(())
    }

    fn visit_i64<E>(self, number: i64) -> Result<(), E> {
        self.scalar(&number.to_string(), Form::Literal);
        Ok(())
    }

    fn visit_unit<E>(mut self) -> Result<(), E> {
        self.check_comma();
        let Self { decoder, json, part, .. } = self;
        decoder.check.text(json, "null");
        if part == Part::Item {
            decoder.begin_item();
            decoder.mark(Token::Null);
            decoder.write_item(NO_KIND);
        } else {
            decoder.mark(Token::Null);
        }
        Ok(())
    }

    fn visit_seq<A: SeqAccess<'de>>(mut self, mut items: A) -> Result<(), A::Error> {
        self.check_comma();
        let Self { decoder, json, node, part, .. } = self;
        decoder.check.byte(json, b'[');
        let field = decoder.nodes[node].field;
        let (node, inner) = match part {
            Part::Evidence => (ITEM, Part::Item),
            Part::Field if field.is_list() => (node, Part::Element),
            Part::Field | Part::Element => {
                decoder.alert.is_odd |= field != Field::None;
                (node, Part::Inner)
            }
            Part::Alert | Part::Item | Part::ItemType | Part::Inner => (node, Part::Inner),
        };
        if part == Part::Item {
            decoder.begin_item();
        }
        decoder.mark(if part == Part::Evidence { Token::Items } else { Token::OpenList });
        let mut comma = false;
        while items
            .next_element_seed(Walk { decoder: &mut *decoder, json, node, part: inner, comma })?
            .is_some()
        {
            comma = true;
        }
        decoder.check.byte(json, b']');
        match part {
            Part::Evidence => decoder.end_items(),
            _ => decoder.mark(Token::CloseList),
        }
        if part == Part::Item {
            decoder.end_item();
        }
        Ok(())
    }

    fn visit_map<A: MapAccess<'de>>(mut self, mut map: A) -> Result<(), A::Error> {
        let is_only_item = self.part == Part::Evidence;
        let (node, part) = if is_only_item { (ITEM, Part::Item) } else { (self.node, self.part) };
        self.decoder.nodes.start(node);
        let first = map.next_key_seed(Name { decoder: &mut *self.decoder, node })?;
        if let Some(None) = first {
            return map.next_value_seed(Number(self));
        }
        self.check_comma();
        let Self { decoder, json, .. } = self;
        decoder.check.byte(json, b'{');
        decoder.alert.is_odd |=
            matches!(part, Part::Field | Part::Element) && decoder.nodes[node].field != Field::None;
        if is_only_item {
            decoder.mark(Token::Item);
        }
        if part == Part::Item {
            decoder.begin_item();
        }
        decoder.mark(Token::Open);
        decoder.object = decoder.object.checked_add(1).ok_or_else(|| A::Error::custom("too many objects"))?;
        let object = decoder.object;
        let (mut name, mut comma) = (first.flatten(), false);
        while let Some(child) = name {
            if std::mem::replace(&mut comma, true) {
                decoder.check.byte(json, b',');
            }
            let of = &mut decoder.nodes[child];
            decoder.check.text(json, &of.json);
            decoder.alert.repeats |= std::mem::replace(&mut of.seen_in, object) == object;
            let inner = match (part, of.field) {
                (Part::Alert, Field::Evidence) => Part::Evidence,
                (Part::Alert, _) => Part::Field,
                (Part::Item, _) if &*of.path == TYPE => Part::ItemType,
                _ => Part::Inner,
            };
            decoder.mark(Token::Label(child as u32));
            let value = Walk { decoder: &mut *decoder, json, node: child, part: inner, comma: false };
            map.next_value_seed(value)?;
            name = map.next_key_seed(Name { decoder: &mut *decoder, node })?.flatten();
        }
        decoder.check.byte(json, b'}');
        decoder.mark(Token::Close);
        if part == Part::Item {
            decoder.end_item();
        }
        if is_only_item {
            decoder.end_items();
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
struct Number<'d, 'j>(Walk<'d, 'j>);

impl<'de> DeserializeSeed<'de> for Number<'_, '_> {
    type Value = ();

    fn deserialize<D: serde::Deserializer<'de>>(self, json: D) -> Result<(), D::Error> {
        json.deserialize_str(self)
    }
}

impl Visitor<'_> for Number<'_, '_> {
    type Value = ();

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a number")
    }

    fn visit_str<E>(self, text: &str) -> Result<(), E> {
        self.0.scalar(text, Form::Literal);
        Ok(())
    }
}
