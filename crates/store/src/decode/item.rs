//! The current evidence item, whose properties are read by path.

use std::borrow::Cow;

use alertdeck_evidence as evidence;

use super::{Decoder, node::Node};

/// The current evidence item.
pub(super) struct Item<'a>(pub(super) &'a Decoder);

impl Item<'_> {
    /// Returns the node for a property, preceded by the node's index, if the current item has the
    /// property.
    fn node(&self, path: &str) -> Option<(usize, &Node)> {
        let Self(decoder) = self;
        let at = decoder.nodes.find(path)?;
        let node = &decoder.nodes[at];
        (node.value.item == decoder.item).then_some((at, node))
    }

    fn value(&self, path: &str) -> Option<(&Node, &str)> {
        let (_, node) = self.node(path)?;
        Some((node, self.0.texts.texts.raw(node.value.first)))
    }
}

impl evidence::Properties for Item<'_> {
    fn text(&self, path: &str) -> Option<Cow<'_, str>> {
        self.value(path).map(|(node, first)| match node.value.more {
            0 => first.into(),
            more => format!("{first} +{more}").into(),
        })
    }

    fn filled(&self, path: &str) -> Option<Cow<'_, str>> {
        let is_one_string = |node: &Node| node.value.is_string && node.value.more == 0;
        self.value(path)
            .filter(|(node, text)| is_one_string(node) && !text.trim().is_empty())
            .map(|(_, text)| text.into())
    }

    fn any(&self, path: &str, test: &mut dyn FnMut(&str) -> bool) -> bool {
        let Self(decoder) = self;
        let Some((node, _)) = self.node(path) else { return false };
        let mut values = decoder.item_values.iter().filter(|(of, _)| *of == node);
        values.any(|(_, value)| test(decoder.texts.texts.raw(*value)))
    }
}
