//! The completions for the filter bar.

use ratatui::layout::Rect;

use super::paint::{Painter, columns};
use crate::app::{Area, Editor, thousands};
use alertdeck_model::SafeText;

/// Draws the completions at the caret, over the list.
pub(super) fn draw(editor: &Editor, painter: &mut Painter<'_>, area: Area) {
    const MAX_SHOWN: usize = 8;
    let theme = painter.theme;
    let count = editor.completions.len();
    let from = editor.choice.saturating_sub(MAX_SHOWN - 1);
    let shown: Vec<_> = editor.completions.iter().enumerate().skip(from).take(MAX_SHOWN).collect();
    let label = |at: usize| {
        let completion = &editor.completions[at];
        (SafeText::new(&completion.text).line(), completion.help.clone())
    };
    let names = shown.iter().map(|(at, _)| columns(&label(*at).0)).max().unwrap_or(0);
    let helps = shown.iter().map(|(at, _)| columns(&label(*at).1)).max().unwrap_or(0);
    // If not all completions fit, the last line shows the range of the visible ones.
    let position =
        (count > MAX_SHOWN).then(|| format!("{}-{} of {}", from + 1, from + shown.len(), thousands(count)));
    let inside = (names + helps + 4).max(position.as_deref().map_or(0, |position| columns(position) + 2));
    let x = area.x + 8;
    let inside = inside.min(usize::from(area.width.saturating_sub(10))) as u16;
    let line = |painter: &mut Painter<'_>, y: u16| {
        painter.clear(Rect { x, y, width: inside + 2, height: 1 });
        painter.put(x, y, 1, theme.symbols.vertical, theme.dim);
        painter.put(x + 1 + inside, y, 1, theme.symbols.vertical, theme.dim);
    };
    for (y, (at, _)) in (area.y..).zip(&shown) {
        let (name, help) = label(*at);
        line(painter, y);
        painter.put(x + 2, y, inside.saturating_sub(1), &name, theme.text);
        painter.put(x + 4 + names as u16, y, inside.saturating_sub(names as u16 + 3), &help, theme.dim);
        let style = if *at == editor.choice { theme.cursor } else { theme.overlay };
        painter.patch_style(x + 1, y, inside, style);
    }
    if let Some(position) = position {
        let y = area.y + shown.len() as u16;
        line(painter, y);
        painter.put_right(x + inside, y, inside, &position, theme.dim);
        painter.patch_style(x + 1, y, inside, theme.overlay);
    }
}
