//! Reads any valid JSON with serde_json, one value at a time. This is the slower of the two readers:
//! it accepts white space, every kind of escape and every kind of number.

use std::fmt;

use serde::de::{DeserializeSeed, Deserializer as _, Error as _, MapAccess, SeqAccess, Visitor};

use super::{Decoder, events::Part, node::ALERT};

impl Decoder {
    /// Reads an alert from any valid JSON.
    pub(super) fn read_any(&mut self, json: &str) -> Result<(), serde_json::Error> {
        self.restart();
        let mut parser = serde_json::Deserializer::from_str(json);
        parser.deserialize_map(Walk { decoder: self, node: ALERT, part: Part::Alert })?;
        parser.end()
    }
}

/// Reads one JSON value.
struct Walk<'d> {
    decoder: &'d mut Decoder,
    node: usize,
    part: Part,
}

impl Walk<'_> {
    fn scalar(self, text: &str, is_string: bool) {
        self.decoder.on_scalar(self.node, self.part, text, is_string);
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
        self.scalar(text, true);
        Ok(())
    }

    fn visit_bool<E>(self, truth: bool) -> Result<(), E> {
        self.scalar(if truth { "true" } else { "false" }, false);
        Ok(())
    }

    fn visit_u64<E>(self, number: u64) -> Result<(), E> {
        self.scalar(&number.to_string(), false);
        Ok(())
    }

    fn visit_i64<E>(self, number: i64) -> Result<(), E> {
        self.scalar(&number.to_string(), false);
        Ok(())
    }

    fn visit_unit<E>(self) -> Result<(), E> {
        self.decoder.on_null(self.part);
        Ok(())
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut items: A) -> Result<(), A::Error> {
        let Self { decoder, node, part } = self;
        let (of, inner) = decoder.on_list(node, part);
        while items.next_element_seed(Walk { decoder: &mut *decoder, node: of, part: inner })?.is_some() {}
        decoder.on_list_end(part);
        Ok(())
    }

    fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<(), A::Error> {
        let (node, _) = self.decoder.before_object(self.node, self.part);
        let first = map.next_key_seed(Name { decoder: &mut *self.decoder, node })?;
        if let Some(None) = first {
            return map.next_value_seed(Number(self));
        }
        let Self { decoder, node, part } = self;
        let object = decoder.on_object(node, part).map_err(A::Error::custom)?;
        let mut name = first.flatten();
        while let Some(node) = name {
            let part = decoder.on_property(&object, node);
            map.next_value_seed(Walk { decoder: &mut *decoder, node, part })?;
            name = map.next_key_seed(Name { decoder: &mut *decoder, node: object.node })?.flatten();
        }
        decoder.on_object_end(&object);
        Ok(())
    }
}

/// The key under which serde_json passes the text of a number that is not an integer.
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
